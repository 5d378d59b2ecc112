import type { NodeKind, Sequence, WorkflowDefinition, WorkflowNode } from '../definition/definition.js';

/**
 * The state of a run: a tree of cursors that follows the tree of the definition. Plain JSON, stored at a suspension; later
 * progress is in the records that follow. Data is not in here: a cursor names the record whose output is its data.
 */

/** Data: the output of a record (0: the run's input), or one item of the array that this output is. */
export type DataRef = number | readonly [seq: number, item: number];

/** Outcome of an arm or item: its data, or the record of its failure. */
export type ArmResult = DataRef | { readonly failed: number };

/** The results of a fan-out: those of its arms or items, or the record in whose output they are (`__results__`). */
export type ResultsRef =
  | { readonly arms: Readonly<Record<string, ArmResult>> }
  | { readonly items: readonly ArmResult[] }
  | { readonly record: number };

/** Changed by `withEntry` alone. */
type Entries<T> = Readonly<Record<string, T>>;

/** A node that is under way: which visit and attempt comes next, and what it has recorded so far. */
export interface StepState {
  kind: NodeKind;
  visit: number;
  /** The next attempt, from 1. */
  attempt: number;
  /** Database time in ms before which the next attempt must not begin. */
  retryAt: number | null;
  /** Records of `once`, by name. */
  once: Entries<number>;
  /** The row of the queue that has this step, where it stands in another queue, and the first number of its records. */
  remote: { rowId: string; nextSeq: number } | null;
  /** The intent to run it is recorded (`compensateWhen: 'started'`). */
  intent: boolean;
  /** ms that this attempt has taken in passes that ended with a wait. */
  spent: number;
  /** Waits that were over in the pass that was suspended last; -1: the next pass need not wait for any. */
  seen: number;
  /** Log mark of the passes of this attempt that ended with a wait; missing: no lines. */
  logged?: LogMark;
  /** Keys of waits that threw in earlier attempts of this visit; missing: none did. */
  threw?: readonly string[];
  /** Children that were started without a `ref`, by workflow and count. */
  children: Entries<ChildRef>;
  fan: Fan | null;
}

/** Log lines of an attempt in the passes before the present one. */
export interface LogMark {
  /** Short digests of the lines of the last pass: the next one says them again, as a rule. */
  readonly lines: readonly string[];
  /** Lines of the last pass that were over the limits. */
  readonly dropped: number;
  /** Lines and bytes of all passes that are stored. */
  readonly kept: number;
  readonly bytes: number;
}

/** The arms of a node that has some: a branch's chosen one, all of a parallel's, the open items of a loop. */
export type Fan = BranchFan | ParallelFan | LoopFan;

export interface BranchFan {
  kind: 'branch';
  arm: string;
  sequence: SequenceState;
}

export interface ParallelFan {
  kind: 'parallel';
  arms: Record<string, SequenceState>;
  /** The record of the first failure, where it fails the whole. */
  failedBy: number | null;
}

export interface LoopFan {
  kind: 'forEach';
  /** The record whose output is the array of items. */
  source: number;
  count: number;
  /** The first item that was never begun. */
  next: number;
  /** Items under way, and those that failed, by index. */
  open: Record<string, SequenceState>;
  /** By index; null: not ended. Empty where no results are wanted. */
  results: (ArmResult | null)[];
  failedBy: number | null;
  /** Number from which visits of the items' nodes count. */
  floor: number;
  /** The highest visit in items that are done. */
  top: number;
}

export interface SequenceState {
  /** Name of the node where the cursor stands; null: the sequence is done. */
  node: string | null;
  /** The record that brought the cursor here; what follows begins only when it is committed. */
  at: number;
  data: DataRef;
  /** The record that failed the sequence. */
  failedBy: number | null;
  step: StepState | null;
  /** Highest visit begun, by node name; a node that is missing was not visited since `floor`. */
  visits: Record<string, number>;
  /** Visits count from here: an earlier pass of the fan-out around this sequence has used those up to it. */
  floor: number;
  /** Highest visit used in the arms of a node, where it is more than the node's own. */
  below: Entries<number>;
  /** The last fan-out that was finished in this sequence. */
  results: ResultsRef | null;
  /** Children that were named by a `ref`, by visit and ref. */
  refs: Entries<ChildRef>;
}

export interface ChildRef {
  readonly id: string;
  readonly workflow: string;
  /** Digest of the input. */
  readonly input: string;
}

/** The rollback of a round. */
export interface RollbackState {
  /** The record that began it; its error is why. */
  by: number;
  outcome: 'failed' | 'cancelled';
  /** A compensation has failed. */
  broken: boolean;
  /** The compensation that is under way, when an attempt of it was made or it recorded something. */
  current: CompensationState | null;
}

export interface CompensationState {
  path: string;
  visit: number;
  attempt: number;
  retryAt: number | null;
  once: Record<string, number>;
}

export interface RunState {
  round: number;
  root: SequenceState;
  rollback: RollbackState | null;
  /** Children were started in this round. */
  hasChildren: boolean;
  /** This round has a remote step: its row may outlive the place it came from. */
  hasRemoteStep: boolean;
  /** Missing: the run is not traced. */
  trace?: TraceMark;
  /** A further round, of which nothing has begun: it begins with the first member of whatever code runs it. */
  unbegun?: true;
}

/** The trace of a run while no worker has it: W3C `traceparent`s. */
export interface TraceMark {
  /** Beginning of its trace. */
  readonly parent: string;
  /** The time of its last lease. */
  readonly last: string;
}

export function initialState(definition: WorkflowDefinition, round: number): RunState {
  return {
    round,
    root: openSequence(definition.nodes, 0, 0, 0),
    rollback: null,
    hasChildren: false,
    hasRemoteStep: false,
  };
}

/** A sequence with its cursor at the first node. */
export function openSequence(nodes: Sequence, data: DataRef, floor: number, at: number): SequenceState {
  const sequence: SequenceState = {
    node: null,
    at,
    data,
    failedBy: null,
    step: null,
    visits: {},
    floor,
    below: NO_ENTRIES,
    results: null,
    refs: NO_ENTRIES,
  };
  enter(sequence, nodes[0], at);
  return sequence;
}

/** Moves the cursor to a node, or past the end. The arms of a parallel open at once: nothing is decided there. */
export function enter(sequence: SequenceState, node: WorkflowNode | undefined, at: number): void {
  leave(sequence);
  sequence.node = node?.name ?? null;
  sequence.at = at;
  sequence.step = null;
  if (node === undefined) return;
  const visit = (own(sequence.visits, node.name) ?? sequence.floor) + 1;
  define(sequence.visits, node.name, visit);
  const step: StepState = {
    kind: node.kind,
    visit,
    attempt: 1,
    retryAt: null,
    once: NO_ENTRIES,
    remote: null,
    intent: false,
    spent: 0,
    seen: 0,
    children: NO_ENTRIES,
    fan: null,
  };
  sequence.step = step;
  if (node.kind === 'parallel') {
    const floor = floorBelow(sequence);
    const arms: Record<string, SequenceState> = {};
    for (const [key, nodes] of Object.entries(node.arms)) {
      define(arms, key, openSequence(nodes, sequence.data, floor, at));
    }
    step.fan = { kind: 'parallel', arms, failedBy: null };
  }
}

/** Number from which visits of the nodes below the present one count. */
export function floorBelow(sequence: SequenceState): number {
  const visit = sequence.step?.visit ?? 1;
  return Math.max(visit - 1, own(sequence.below, sequence.node ?? '') ?? 0);
}

/** Remembers the visits used in the arms that are left, so that a later pass does not use them again. */
function leave(sequence: SequenceState): void {
  const { node, step } = sequence;
  if (node === null || step === null || step.fan === null) return;
  const top = highestOfFan(step.fan);
  if (top > step.visit) sequence.below = withEntry(sequence.below, node, Math.max(top, own(sequence.below, node) ?? 0));
}

/** The highest visit in use in a sequence and in everything below it. */
export function highestVisit(sequence: SequenceState): number {
  const inner = sequence.step?.fan;
  return Math.max(highestOf(sequence.visits), highestOf(sequence.below), inner ? highestOfFan(inner) : 0);
}

/** The highest of some numbers by name; 0: there is none. */
export function highestOf(visits: Readonly<Record<string, number>>): number {
  let highest = 0;
  for (const name in visits) highest = Math.max(highest, visits[name] ?? 0);
  return highest;
}

function highestOfFan(fan: Fan): number {
  switch (fan.kind) {
    case 'branch':
      return highestVisit(fan.sequence);
    case 'parallel':
      return Math.max(0, ...Object.values(fan.arms).map(highestVisit));
    case 'forEach':
      return Object.values(fan.open).reduce((top, item) => Math.max(top, highestVisit(item)), fan.top);
  }
}

/** A key of a record, never what objects inherit: members and arms may be called anything. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** What objects inherit: assigned to, `__proto__` would be no key. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Sets a key as data, `__proto__` included. Assigned to where it can be: a journal of ten thousand records sets as many. */
export function define<T>(record: Record<string, T>, key: string, value: T): void {
  if (INHERITED.has(key)) {
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  } else record[key] = value;
}

/** Most have no entry: they share the one that has none. */
const NO_ENTRIES: Entries<never> = Object.freeze({});

/** Entries with one more: the same ones, which are their owner's alone, but for the first time. */
export function withEntry<T>(entries: Entries<T>, key: string, value: T): Entries<T> {
  const more = entries === NO_ENTRIES ? {} : entries;
  define(more, key, value);
  return more;
}

/** The record that a reference names. */
export function seqOf(ref: DataRef): number {
  return typeof ref === 'number' ? ref : ref[0];
}

/** The names of the nodes where the cursors below a sequence stand. */
export function standingAt({ node, step, failedBy }: SequenceState): string[] {
  // A snapshot may be of another version of this package.
  if (typeof node !== 'string' || (failedBy ?? null) !== null) return [];
  const fan = step?.fan;
  if (!fan) return [node];
  const names = armsOf(fan).flatMap(standingAt);
  // All arms are done: the collector's turn.
  return names.length > 0 ? names : [node];
}

/** The name of the step whose record failed the run: the innermost of those that failed with it; null: it has not failed. */
export function failedStepOf(state: RunState): string | null {
  const by = state.root.failedBy;
  return by === null ? null : failedIn(state.root, by);
}

function failedIn({ node, step, failedBy }: SequenceState, by: number): string | null {
  for (const arm of step?.fan ? armsOf(step.fan) : []) {
    const found = failedIn(arm, by);
    if (found !== null) return found;
  }
  return failedBy === by ? node : null;
}

function armsOf(fan: Fan): SequenceState[] {
  if (fan.kind === 'branch') return [fan.sequence];
  return Object.values(fan.kind === 'parallel' ? fan.arms : fan.open);
}

/** What of a step is on another queue. */
export type AwayStep = StepState & { remote: NonNullable<StepState['remote']> };

/** Steps that another queue has. */
export function awaySteps(state: RunState): AwayStep[] {
  const found: AwayStep[] = [];
  const look = (step: StepState | null): void => {
    if (step === null) return;
    if (isAway(step)) found.push(step);
    for (const arm of step.fan ? armsOf(step.fan) : []) look(arm.step);
  };
  look(state.root.step);
  return found;
}

function isAway(step: StepState): step is AwayStep {
  return step.remote !== null;
}

/** Their rows, and the first numbers of their records. */
export function remoteSteps(state: RunState): { rowId: string; nextSeq: number }[] {
  return awaySteps(state).map(({ remote }) => remote);
}
