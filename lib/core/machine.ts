import type { StepNode, WorkflowDefinition, WorkflowNode } from './definition.js';
import { encodeName } from './definition-path.js';

/**
 * The interpreter's state and its transitions: definition + records in, places to go on with out. Pure: no clock, no
 * I/O. The state is plain JSON, kept at a suspension; what happened after it is the records that follow.
 *
 * Data is not in here: a place names the record whose output is its data (0: the run's input).
 */

/** A step that is under way: which visit and attempt comes next, and what it has recorded so far. */
export interface StepState {
  visit: number;
  /** The next attempt, from 1. */
  attempt: number;
  kind: WorkflowNode['kind'];
  /** Database time in ms before which the next attempt must not begin. */
  retryAt: number | null;
  /** Records of `once`, by name. */
  once: Record<string, number>;
  /** The row of the queue that has this step, when it was handed to another queue. */
  handedTo: string | null;
}

export interface SequenceState {
  /** Name of the node where the cursor stands; null: the sequence is done. */
  node: string | null;
  data: number;
  step: StepState | null;
  /** Visits begun, by node name. */
  visits: Record<string, number>;
}

export interface RunState {
  round: number;
  root: SequenceState;
  /** The run has failed: the record that says why. */
  failedBy: number | null;
}

/** A step that can go on: all that an attempt needs to be identified. */
export interface Place {
  readonly path: string;
  readonly node: StepNode;
  readonly data: number;
  readonly state: Readonly<StepState>;
}

/** What the transitions need to know of a record. */
export interface RecordFacts {
  readonly seq: number;
  readonly path: string;
  readonly type: 'step' | 'once';
  readonly visit: number;
  readonly attempt: number;
  readonly status: 'completed' | 'failed';
  readonly hasOutput: boolean;
  readonly retryAt: number | null;
}

/** The cursor cannot be found in the definition: the code has changed under the run. */
export interface LostPlace {
  readonly path: string;
  readonly why: 'is gone' | 'is another kind of member';
}

const ONCE_MARK = '~~';

export function oncePath(path: string, name: string): string {
  return path + ONCE_MARK + encodeName(name);
}

export function initialState(definition: WorkflowDefinition, round: number): RunState {
  const root: SequenceState = { node: null, data: 0, step: null, visits: {} };
  enter(root, definition.nodes[0]);
  return { round, root, failedBy: null };
}

/** The records a resumed run must have at hand besides those after its snapshot. */
export function referencedRecords(state: RunState): number[] {
  return [state.root.data, ...Object.values(state.root.step?.once ?? {})].filter((seq) => seq > 0);
}

/** Where the run can go on; empty: it is done (or has failed). Check `lostPlace` first after a change of definition. */
export function places(definition: WorkflowDefinition, state: RunState): Place[] {
  const { node: name, step, data } = state.root;
  if (state.failedBy !== null || name === null || step === null) return [];
  const node = definition.nodes.find((n) => n.name === name);
  return node?.kind === 'step' ? [{ path: encodeName(name), node, data, state: step }] : [];
}

export function isCompleted(state: RunState): boolean {
  return state.failedBy === null && state.root.node === null;
}

/** Whether the cursors of `state` are all to be found in `definition`; what is missing, if not. */
export function lostPlace(definition: WorkflowDefinition, state: RunState): LostPlace | null {
  const { node: name, step } = state.root;
  if (name === null) return null;
  const node = definition.nodes.find((n) => n.name === name);
  if (node === undefined) return { path: encodeName(name), why: 'is gone' };
  return step !== null && step.kind !== node.kind ? { path: encodeName(name), why: 'is another kind of member' } : null;
}

/** Takes a record in. The state is changed in place: it belongs to one holder of one lease. */
export function applyRecord(definition: WorkflowDefinition, state: RunState, record: RecordFacts): void {
  const { root } = state;
  const at = record.type === 'once' ? record.path.slice(0, record.path.indexOf(ONCE_MARK)) : record.path;
  const step = root.step;
  if (step === null || root.node === null || encodeName(root.node) !== at || step.visit !== record.visit) {
    // A `once` that was still on its way when its step was over says nothing any more.
    if (record.type === 'once') return;
    throw new Error(`Record ${record.seq} of ${record.path} does not belong to the place of the run (${root.node})`);
  }
  if (record.type === 'once') {
    step.once[record.path.slice(at.length + ONCE_MARK.length)] = record.seq;
    return;
  }
  step.handedTo = null;
  if (record.status === 'failed') {
    step.attempt = record.attempt + 1;
    step.retryAt = record.retryAt;
    if (record.retryAt === null) state.failedBy = record.seq;
    return;
  }
  if (record.hasOutput) root.data = record.seq;
  const index = definition.nodes.findIndex((n) => n.name === root.node);
  enter(root, definition.nodes[index + 1]);
}

function enter(sequence: SequenceState, node: WorkflowNode | undefined): void {
  sequence.node = node?.name ?? null;
  sequence.step = null;
  if (node === undefined) return;
  const visit = (sequence.visits[node.name] ?? 0) + 1;
  sequence.visits[node.name] = visit;
  sequence.step = { visit, attempt: 1, kind: node.kind, retryAt: null, once: {}, handedTo: null };
}
