import type {
  BranchNode,
  ForEachNode,
  ParallelNode,
  Sequence,
  WorkflowDefinition,
  WorkflowNode,
} from '../definition/definition.js';
import { armPrefix, decodeName, itemPrefix, nodePath } from '../definition/definition-path.js';
import {
  type ArmResult,
  define,
  enter,
  highestOf,
  type LoopFan,
  openSequence,
  own,
  type RunState,
  type SequenceState,
} from './run-state.js';

/** A sequence with its nodes, and how it hangs in the tree. */
export interface Frame {
  readonly sequence: SequenceState;
  readonly nodes: Sequence;
  /** Of the paths in it. */
  readonly prefix: string;
  /** The node that it is an arm or item of; null: the main sequence. */
  readonly within: null | {
    readonly frame: Frame;
    readonly node: BranchNode | ParallelNode | ForEachNode;
    readonly key: string;
  };
}

export function rootFrame(definition: WorkflowDefinition, state: RunState): Frame {
  return { sequence: state.root, nodes: definition.nodes, prefix: '', within: null };
}

/** The node where the cursor of a frame stands. */
export function standing(frame: Frame): WorkflowNode | undefined {
  const { node } = frame.sequence;
  return node === null ? undefined : frame.nodes[positionOf(frame.nodes, node)];
}

/** Nodes up to which looking through them is quicker than a map. */
const FEW = 16;

const positions = new WeakMap<Sequence, ReadonlyMap<string, number>>();

/** Position of a node in its sequence, of which there is one while the code runs; -1: it is not there. */
function positionOf(nodes: Sequence, name: string): number {
  if (nodes.length <= FEW) return nodes.findIndex((node) => node.name === name);
  let known = positions.get(nodes);
  if (known === undefined) {
    known = new Map(nodes.map((node, index) => [node.name, index]));
    positions.set(nodes, known);
  }
  return known.get(name) ?? -1;
}

/** Name, arm, index. Without names: V8 takes twice as long for groups that have one. */
const SEGMENT = /^([^.[\]~]+)(?:\.([^.[\]~]*)|\[(0|[1-9]\d*)\])$/;

/**
 * The sequence that the node at a path stands in, with the cursors on the way standing where the path leads. Null: they
 * stand elsewhere. Items of a loop that were begun after the last snapshot open as they are met.
 * @param passed is told of the sequences on the way, each with the arm or item of its node that the path goes through
 */
export function locate(
  definition: WorkflowDefinition,
  state: RunState,
  path: string,
  passed?: (frame: Frame, key: string) => void,
): Frame | null {
  let frame: Frame | null = rootFrame(definition, state);
  for (let from = 0, to = path.indexOf('/'); to >= 0 && frame !== null; from = to + 1, to = path.indexOf('/', from)) {
    const found: readonly (string | undefined)[] | null = SEGMENT.exec(path.slice(from, to));
    if (frame.sequence.node !== decodeName(found?.[1] ?? '')) return null;
    const arm = found?.[2];
    const key: string = arm === undefined ? (found?.[3] ?? '') : decodeName(arm);
    passed?.(frame, key);
    frame = inner(frame, key);
  }
  return frame;
}

/** The frame of an arm or item of the node where the cursor stands. */
export function inner(frame: Frame, key: string): Frame | null {
  const node = standing(frame);
  const fan = frame.sequence.step?.fan;
  if (node === undefined || !fan || fan.kind !== node.kind) return null;
  const path = nodePath(frame.prefix, node.name);
  switch (node.kind) {
    case 'branch': {
      if (fan.kind !== 'branch' || fan.arm !== key) return null;
      const nodes = own(node.arms, key);
      const within = { frame, node, key };
      return nodes === undefined ? null : { sequence: fan.sequence, nodes, prefix: armPrefix(path, key), within };
    }
    case 'parallel': {
      const sequence = fan.kind === 'parallel' ? own(fan.arms, key) : undefined;
      const nodes = own(node.arms, key);
      if (sequence === undefined || nodes === undefined) return null;
      return { sequence, nodes, prefix: armPrefix(path, key), within: { frame, node, key } };
    }
    case 'forEach': {
      if (fan.kind !== 'forEach') return null;
      const index = Number(key);
      while (fan.next <= index && fan.next < fan.count) openItem(fan, node);
      const sequence = own(fan.open, key);
      if (sequence === undefined) return null;
      return { sequence, nodes: node.arm, prefix: itemPrefix(path, index), within: { frame, node, key } };
    }
    default:
      return null;
  }
}

/** Open items of a loop: all, and those that have not failed. Counted once; from then on they are kept here. */
interface OpenCount {
  all: number;
  going: number;
}

const counts = new WeakMap<LoopFan, OpenCount>();

function openCount(fan: LoopFan): OpenCount {
  let count = counts.get(fan);
  if (count === undefined) {
    const items = Object.values(fan.open);
    count = { all: items.length, going: items.filter((item) => item.failedBy === null).length };
    counts.set(fan, count);
  }
  return count;
}

/** Begins the next item of a loop. */
export function openItem(fan: LoopFan, node: ForEachNode): void {
  const count = openCount(fan);
  count.all++;
  count.going++;
  const index = fan.next++;
  define(fan.open, String(index), openSequence(node.arm, [fan.source, index], fan.floor, fan.source));
}

/** Moves on to the node behind the present one; at the end of an arm or item, tells the node around it. */
export function advance(frame: Frame, at: number): void {
  const { sequence, nodes } = frame;
  enter(sequence, nodes[positionOf(nodes, sequence.node ?? '') + 1], at);
  if (sequence.node === null) ended(frame, at, sequence.data);
}

/** Goes to a node by name, in this sequence or one around it through branch arms. False: there is none. */
export function jump(frame: Frame, target: string, at: number): boolean {
  for (let to: Frame | null = frame; to !== null; to = enclosing(to)) {
    const node = to.nodes[positionOf(to.nodes, target)];
    if (node !== undefined) {
      to.sequence.data = frame.sequence.data;
      enter(to.sequence, node, at);
      return true;
    }
  }
  return false;
}

/** Ends the run as completed. Only where nothing but branch arms is around. */
export function finishRun(frame: Frame, at: number): void {
  let root = frame;
  for (let to = enclosing(frame); to !== null; to = enclosing(to)) root = to;
  root.sequence.data = frame.sequence.data;
  enter(root.sequence, undefined, at);
}

function enclosing(frame: Frame): Frame | null {
  return frame.within?.node.kind === 'branch' ? frame.within.frame : null;
}

/** Marks a sequence as failed, and whatever fails with it. Gives the outermost of these; null: it had failed before. */
export function fail(frame: Frame, seq: number): Frame | null {
  if (frame.sequence.failedBy !== null) return null;
  const { within } = frame;
  const fan = within?.frame.sequence.step?.fan;
  if (fan?.kind === 'forEach') openCount(fan).going--;
  frame.sequence.failedBy = seq;
  if (within === null) return frame;
  if (within.node.kind !== 'branch') {
    if (within.node.onError === 'completeAll') {
      ended(frame, seq, { failed: seq });
      return frame;
    }
    if (fan?.kind === 'parallel' || fan?.kind === 'forEach') fan.failedBy ??= seq;
  }
  return fail(within.frame, seq) ?? frame;
}

/** An arm or item has come to its end. */
function ended(frame: Frame, at: number, result: ArmResult): void {
  const { within } = frame;
  if (within === null) return;
  const parent = within.frame;
  const fan = parent.sequence.step?.fan;
  if (!fan) return;
  // The next member waits for this record too.
  parent.sequence.at = Math.max(parent.sequence.at, at);
  if (fan.kind === 'branch') {
    parent.sequence.data = frame.sequence.data;
    if (parent.sequence.failedBy === null) advance(parent, at);
  } else if (fan.kind === 'forEach') {
    if (fan.results.length > 0) fan.results[Number(within.key)] = result;
    const count = openCount(fan);
    if (frame.sequence.failedBy === null) {
      fan.top = Math.max(fan.top, highestOf(frame.sequence.visits), highestOf(frame.sequence.below));
      delete fan.open[within.key];
      count.all--;
      count.going--;
    }
    // With results, they are put into the data first, which is a record of its own. So it is where items have failed:
    // what of them is still settling needs its place until it is recorded.
    const begun = fan.results.length === 0 && fan.next >= fan.count && parent.sequence.failedBy === null;
    if (begun && count.all === 0) advance(parent, at);
  }
}

export function loopIsDone(fan: LoopFan): boolean {
  return fan.next >= fan.count && openCount(fan).going === 0;
}

export function parallelIsDone(arms: Readonly<Record<string, SequenceState>>): boolean {
  return Object.values(arms).every((arm) => arm.node === null || arm.failedBy !== null);
}
