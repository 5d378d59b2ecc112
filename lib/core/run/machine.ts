import { advance, fail, finishRun, type Frame, jump, locate, standing } from './cursor.js';
import type { WorkflowDefinition } from '../definition/definition.js';
import { nodePath } from '../definition/definition-path.js';
import { encodedNameOfOnce, pathOfOnce } from './once-path.js';
import {
  type ChildRef,
  type CompensationState,
  define,
  floorBelow,
  type LogMark,
  type LoopFan,
  openSequence,
  own,
  type ParallelFan,
  type ResultsRef,
  type RunState,
  seqOf,
  type SequenceState,
  type StepState,
  withEntry,
} from './run-state.js';

/**
 * The interpreter's transitions: definition + records in, state out. Pure: no clock, no I/O. Where the run can go on
 * from a state is in survey.ts.
 */

/** The kinds of records: finished attempts by their member's kind, and what the engine notes for itself. */
export type RecordType =
  | 'step'
  | 'decision'
  | 'branch'
  | 'parallel'
  | 'forEach'
  | 'compensate'
  /** A value recorded within a step. */
  | 'once'
  /** A child was started. */
  | 'child'
  /** The step was put into another queue as a remote step; and it came back, since it waits. */
  | 'remote'
  | 'remote_back'
  /** The results of a loop, put into the data. */
  | 'gather'
  /** The data as the selector of a branch or loop has written it; the selector's own record follows. */
  | 'context'
  /** A step is about to run (`compensateWhen: 'started'`). */
  | 'intent'
  /** The round has failed or was cancelled, and is being undone. */
  | 'rollback'
  /** Log lines of a pass that made no record of the attempt: it waits, or was handed back. */
  | 'log';

/** The records that clients see as steps. */
export const STEP_TYPES: readonly RecordType[] = ['step', 'decision', 'branch', 'parallel', 'forEach', 'compensate'];

/** Facts of a record beside its output. */
export interface RecordFacts {
  /** The member to go on with. */
  readonly goto?: string;
  /** The run is completed. */
  readonly finish?: true;
  /** The arm that a branch has chosen. */
  readonly arm?: string;
  /** Number of items of a loop. */
  readonly items?: number;
  /** A child: what it is found again by (its ref, or the call's count), id, workflow and the digest of its input. */
  readonly child?: ChildRef & ({ readonly ref: string } | { readonly call: string });
  /** The row of the other queue, and the first number of the records that are written there. */
  readonly remote?: { readonly rowId: string; readonly nextSeq: number };
  /** A step that came back: ms that its attempt has taken so far, and how many waits were over in its last pass. */
  readonly pass?: { readonly spent: number; readonly seen: number };
  /** Keys of the waits that threw in a failed attempt: the next one asks for them anew. */
  readonly threw?: readonly string[];
  /** Fails the run whatever is around the step (a wait's `onTimeout: 'fail'`). */
  readonly failRun?: true;
  /** Outcome of the rollback that began here. */
  readonly outcome?: 'failed' | 'cancelled';
  /** Log mark for the next pass of the attempt; missing: no lines yet. */
  readonly logged?: LogMark;
}

/** The part of a record that transitions read. */
export interface MachineRecord {
  readonly seq: number;
  readonly path: string;
  readonly type: RecordType;
  readonly visit: number;
  readonly attempt: number;
  readonly status: 'completed' | 'failed';
  readonly hasOutput: boolean;
  readonly retryAt: number | null;
  readonly facts: RecordFacts | null;
}

/** The record that failed the main sequence; null: it has not failed. */
export function failedBy(state: RunState): number | null {
  return state.root.failedBy;
}

export function isCompleted(state: RunState): boolean {
  return state.root.failedBy === null && state.rollback === null && state.root.node === null;
}

/** The record of the run's data: that of the main sequence, or of the branch arm that it is in. */
export function mainData(state: RunState): number {
  let sequence = state.root;
  while (sequence.step?.fan?.kind === 'branch') sequence = sequence.step.fan.sequence;
  return seqOf(sequence.data);
}

/** The record is not one of a run of this definition. */
export class RecordMisfit extends Error {}

/**
 * Takes a record in. The state is changed in place: it belongs to one holder of one lease. Gives the outermost sequence that has
 * failed by it; null: none has.
 * @throws RecordMisfit
 */
export function applyRecord(definition: WorkflowDefinition, state: RunState, record: MachineRecord): Frame | null {
  const { type } = record;
  if (type === 'rollback') {
    const outcome = record.facts?.outcome ?? 'failed';
    state.rollback = { by: record.seq, outcome, broken: false, current: null };
    return null;
  }
  if (state.rollback !== null && (type === 'compensate' || type === 'once')) {
    const path = pathOfOnce(record.path);
    if (path.slice(path.lastIndexOf('/') + 1).includes('~')) {
      applyToRollback(state.rollback, record, path);
      return null;
    }
  }
  if (type === 'log' && state.rollback !== null) return null;
  if (type === 'child') state.hasChildren = true;
  if (type === 'remote') state.hasRemoteStep = true;
  const path = pathOfOnce(record.path);
  const frame = locate(definition, state, path);
  const step = frame?.sequence.step;
  const node = frame === null ? undefined : standing(frame);
  const here = node !== undefined && nodePath(frame?.prefix ?? '', node.name) === path && step?.visit === record.visit;
  if (frame === null || !here || !step) {
    // A hidden record that arrives after the end of its step counts for nothing.
    if (HIDDEN_IN_STEP.has(type)) return null;
    throw new RecordMisfit(`Record ${record.seq} of ${record.path} does not belong to a place of the run`);
  }
  switch (type) {
    case 'once':
      step.once = withEntry(step.once, encodedNameOfOnce(record.path), record.seq);
      return null;
    case 'intent':
      step.intent = true;
      return null;
    case 'remote':
      step.remote = record.facts?.remote ?? null;
      return null;
    case 'remote_back':
      step.remote = null;
      step.spent = record.facts?.pass?.spent ?? 0;
      step.seen = record.facts?.pass?.seen ?? 0;
      return null;
    case 'log':
      if (record.facts?.logged === undefined) delete step.logged;
      else step.logged = record.facts.logged;
      return null;
    case 'context':
      frame.sequence.data = record.seq;
      return null;
    case 'child':
      noteChild(frame.sequence, step, record.facts?.child);
      return null;
    default: {
      const failed = applyAttempt(frame, step, record);
      if (record.facts?.failRun === true) state.root.failedBy ??= record.seq;
      return failed;
    }
  }
}

/** Notes of the engine within a step. */
const HIDDEN_IN_STEP: ReadonlySet<RecordType> = new Set(['once', 'child', 'intent', 'remote', 'remote_back', 'log']);

function noteChild(sequence: SequenceState, step: StepState, fact: RecordFacts['child']): void {
  if (fact === undefined) return;
  const { id, workflow, input } = fact;
  const child = { id, workflow, input };
  if ('ref' in fact) sequence.refs = withEntry(sequence.refs, refKey(step.visit, fact.ref), child);
  else step.children = withEntry(step.children, fact.call, child);
}

/** A ref names a child for its sequence and visit. */
export function refKey(visit: number, ref: string): string {
  return `${visit}:${ref}`;
}

/** The children that are named for a visit, by ref. */
export function refsOfVisit(refs: Readonly<Record<string, ChildRef>>, visit: number): Record<string, ChildRef> {
  const prefix = refKey(visit, '');
  const found: Record<string, ChildRef> = {};
  for (const [key, child] of Object.entries(refs)) {
    if (key.startsWith(prefix)) define(found, key.slice(prefix.length), child);
  }
  return found;
}

function applyAttempt(frame: Frame, step: StepState, record: MachineRecord): Frame | null {
  const { sequence } = frame;
  const node = standing(frame);
  step.spent = 0;
  step.seen = 0;
  delete step.logged;
  if (record.status === 'failed') {
    // The next attempt begins whatever is still open of the waits of this one.
    step.seen = -1;
    // A remote step is tried again where it is.
    if (record.retryAt === null) step.remote = null;
    step.attempt = record.attempt + 1;
    step.retryAt = record.retryAt;
    if (record.facts?.threw !== undefined) step.threw = [...(step.threw ?? []), ...record.facts.threw];
    // The next attempt, too, begins only when this one is committed.
    sequence.at = Math.max(sequence.at, record.seq);
    return record.retryAt === null ? fail(frame, record.seq) : null;
  }
  step.remote = null;
  const { seq, facts, type } = record;
  if (type === 'branch' && node?.kind === 'branch') {
    const arm = facts?.arm ?? '';
    const nodes = own(node.arms, arm) ?? [];
    sequence.at = seq;
    step.fan = { kind: 'branch', arm, sequence: openSequence(nodes, sequence.data, floorBelow(sequence), seq) };
    return null;
  }
  if (type === 'forEach') {
    const count = facts?.items ?? 0;
    sequence.at = seq;
    const wanted = node?.kind === 'forEach' && node.results === 'all';
    step.fan = {
      kind: 'forEach',
      source: seq,
      count,
      next: 0,
      open: {},
      results: wanted ? Array.from({ length: count }, () => null) : [],
      failedBy: null,
      floor: floorBelow(sequence),
      top: 0,
    };
    if (count === 0 && !wanted) advance(frame, seq);
    return null;
  }
  if (type === 'gather' && record.hasOutput) sequence.results = { record: seq };
  if (type === 'parallel' && step.fan?.kind === 'parallel') sequence.results = resultsOfParallel(step.fan);
  if (record.hasOutput) sequence.data = seq;
  if (facts?.finish === true) finishRun(frame, seq);
  else if (facts?.goto === undefined) advance(frame, seq);
  else if (!jump(frame, facts.goto, seq)) throw new RecordMisfit(`Record ${seq} goes to ${facts.goto}, which is gone`);
  return null;
}

function applyToRollback(rollback: NonNullable<RunState['rollback']>, record: MachineRecord, path: string): void {
  const same = rollback.current?.path === path && rollback.current.visit === record.visit;
  const current: CompensationState =
    same && rollback.current !== null
      ? rollback.current
      : { path, visit: record.visit, attempt: 1, retryAt: null, once: {} };
  if (record.type === 'once') {
    define(current.once, encodedNameOfOnce(record.path), record.seq);
    rollback.current = current;
  } else if (record.status === 'failed' && record.retryAt !== null) {
    rollback.current = { ...current, attempt: record.attempt + 1, retryAt: record.retryAt };
  } else {
    rollback.current = null;
    rollback.broken ||= record.status === 'failed';
  }
}

export function resultsOfParallel(fan: ParallelFan): ResultsRef {
  const arms = Object.fromEntries(
    Object.entries(fan.arms).map(([key, arm]) => [key, arm.failedBy === null ? arm.data : { failed: arm.failedBy }]),
  );
  return { arms };
}

export function resultsOfLoop(fan: LoopFan): ResultsRef {
  return { items: fan.results.map((result, index) => result ?? [fan.source, index]) };
}

/** The records that a resumed run is likely to ask for, besides those after its snapshot. */
export function referencedRecords(state: RunState): number[] {
  const wanted = new Set<number>();
  collect(state.root, wanted);
  for (const seq of Object.values(state.rollback?.current?.once ?? {})) wanted.add(seq);
  wanted.delete(0);
  return [...wanted];
}

function collect({ data, step, results }: SequenceState, wanted: Set<number>): void {
  wanted.add(seqOf(data));
  for (const ref of refsOf(results)) wanted.add(ref);
  for (const seq of Object.values(step?.once ?? {})) wanted.add(seq);
  const fan = step?.fan;
  if (fan?.kind === 'branch') collect(fan.sequence, wanted);
  if (fan?.kind === 'parallel') for (const arm of Object.values(fan.arms)) collect(arm, wanted);
  if (fan?.kind === 'forEach') {
    wanted.add(fan.source);
    // The results of a long loop are read when they are put together.
    for (const item of Object.values(fan.open)) collect(item, wanted);
  }
}

/** The records that results stand in. */
export function refsOf(results: ResultsRef | null): number[] {
  if (results === null) return [];
  if ('record' in results) return [results.record];
  const all = 'arms' in results ? Object.values(results.arms) : results.items;
  return all.map((result) => (typeof result === 'object' && 'failed' in result ? result.failed : seqOf(result)));
}
