import { type Frame, inner, loopIsDone, openItem, parallelIsDone, rootFrame, standing } from './cursor.js';
import type { ForEachNode, WorkflowDefinition, WorkflowNode } from '../definition/definition.js';
import { nodePath } from '../definition/definition-path.js';
import { keysOf, resultsOfLoop, resultsOfParallel } from './machine.js';
import type { DataRef, LoopFan, ResultsRef, RunState, StepState } from './run-state.js';

/** A place at which a run can go on: all that an attempt needs to be identified and made. */
export interface Place {
  readonly path: string;
  readonly node: WorkflowNode;
  /** 'gather': the loop's items are done, and their results go into the data. */
  readonly work: 'attempt' | 'gather';
  readonly data: DataRef;
  readonly state: StepState;
  /** The record that must be committed first. */
  readonly at: number;
  /** The item that it is part of, and the data of its loop. */
  readonly item: { readonly index: number; readonly data: DataRef } | null;
  /** For a collector: the results of its arms; for a gather: those of its items. */
  readonly own: ResultsRef | null;
  /** The last fan-out finished in this or an enclosing sequence. */
  readonly results: ResultsRef | null;
  /** True when goto and finish may leave this sequence for the main one. */
  readonly main: boolean;
}

export interface Surroundings {
  /**
   * Database time in ms until which the place cannot go on: 0 if it can; Infinity: until something comes; a time that
   * has passed: until it is known that what it waits for is over.
   */
  readonly waitsUntil: (path: string, step: StepState) => number;
  /** Database time in ms. */
  readonly now: number;
  /** Prefixes of arms and items in which an attempt runs now: they keep their places in a limited fan-out. */
  readonly running: ReadonlySet<string>;
}

/** The places of a run, by their next action. All empty: the main sequence is done, or has failed. */
export interface Survey {
  /** Can go on now; those that run already are among them. */
  readonly ready: Place[];
  /** Waits; `until` in ms of database time, Infinity where only an event ends it. */
  readonly waiting: { readonly place: Place; readonly until: number }[];
  /** Remote steps. */
  readonly away: Place[];
}

interface Context {
  readonly around: Surroundings;
  readonly item: Place['item'];
  readonly results: ResultsRef | null;
  readonly main: boolean;
}

/** Looks at every cursor. Opens the items of loops as their places become free. */
export function survey(definition: WorkflowDefinition, state: RunState, around: Surroundings): Survey {
  const found: Survey = { ready: [], waiting: [], away: [] };
  if (state.rollback === null) {
    look(rootFrame(definition, state), { around, item: null, results: null, main: true }, found);
  }
  return found;
}

function look(frame: Frame, context: Context, found: Survey): void {
  const { sequence, prefix } = frame;
  const { step } = sequence;
  const node = standing(frame);
  if (sequence.failedBy !== null || node === undefined || step === null) return;
  const within = sequence.results === null ? context : { ...context, results: sequence.results };
  const path = nodePath(prefix, node.name);
  const place = (work: Place['work'], own: ResultsRef | null): void => {
    const { item, results, main } = within;
    const { data, at } = sequence;
    sort({ path, node, work, data, state: step, at, item, own, results, main }, within.around, found);
  };
  const { fan } = step;
  if (fan === null) return place('attempt', null);
  switch (fan.kind) {
    case 'branch': {
      const arm = inner(frame, fan.arm);
      if (arm !== null) look(arm, within, found);
      return;
    }
    case 'parallel':
      if (parallelIsDone(fan.arms)) return place('attempt', resultsOfParallel(fan));
      return lookAtArms(
        frame,
        Object.keys(fan.arms),
        node.kind === 'parallel' ? node.concurrency : null,
        within,
        found,
      );
    case 'forEach':
      if (node.kind !== 'forEach') return;
      if (loopIsDone(fan)) return place('gather', resultsOfLoop(fan));
      return lookAtItems(frame, fan, node, within, found);
  }
}

function lookAtArms(
  frame: Frame,
  keys: readonly string[],
  limit: number | null,
  context: Context,
  found: Survey,
): void {
  const active: { found: Survey; runs: boolean }[] = [];
  for (const key of keys) {
    const arm = lookAtArm(frame, key, context, found);
    if (arm !== null) active.push(arm);
  }
  // Running arms keep their places; the others follow in order.
  const chosen = limit === null ? active : [...active.filter((a) => a.runs), ...active.filter((a) => !a.runs)];
  for (const arm of chosen.slice(0, limit ?? chosen.length)) take(found, arm.found);
}

function lookAtItems(frame: Frame, fan: LoopFan, node: ForEachNode, context: Context, found: Survey): void {
  const active: { found: Survey; runs: boolean }[] = [];
  for (const key of keysOf(fan)) {
    const item = lookAtArm(frame, key, context, found);
    if (item !== null) active.push(item);
  }
  // One that waits holds no place: the next begins.
  while (active.length < node.concurrency && fan.next < fan.count) {
    const key = String(fan.next);
    openItem(fan, node);
    const item = lookAtArm(frame, key, context, found);
    if (item !== null) active.push(item);
  }
  const chosen = [...active.filter((a) => a.runs), ...active.filter((a) => !a.runs)];
  for (const item of chosen.slice(0, node.concurrency)) take(found, item.found);
}

/** The next action of an arm; null: none now, and its wait is noted. */
function lookAtArm(
  frame: Frame,
  key: string,
  context: Context,
  found: Survey,
): { found: Survey; runs: boolean } | null {
  const arm = inner(frame, key);
  if (arm === null) return null;
  const item = arm.within?.node.kind === 'forEach' ? { index: Number(key), data: frame.sequence.data } : context.item;
  const own: Survey = { ready: [], waiting: [], away: [] };
  look(arm, { ...context, item, main: false }, own);
  found.waiting.push(...own.waiting);
  if (own.ready.length === 0 && own.away.length === 0) return null;
  return { found: { ...own, waiting: [] }, runs: own.away.length > 0 || context.around.running.has(arm.prefix) };
}

function take(found: Survey, more: Survey): void {
  found.ready.push(...more.ready);
  found.away.push(...more.away);
}

function sort(place: Place, { waitsUntil, now }: Surroundings, found: Survey): void {
  if (place.state.remote !== null) return void found.away.push(place);
  const waits = place.work === 'gather' ? 0 : waitsUntil(place.path, place.state);
  const retryAt = place.state.retryAt ?? 0;
  // A wait that is due is over when the database has said so: a pass before that would see nothing new.
  if (waits > 0 || retryAt > now) found.waiting.push({ place, until: Math.max(waits, retryAt) });
  else found.ready.push(place);
}
