import { type Frame, inner, loopIsDone, openItem, parallelIsDone, rootFrame, standing } from './cursor.js';
import type { ForEachNode, WorkflowDefinition, WorkflowNode } from '../definition/definition.js';
import { encodeName, nodePath } from '../definition/definition-path.js';
import { resultsOfLoop, resultsOfParallel } from './machine.js';
import { OpenLoops } from './open-items.js';
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
  /** Arms and items in which an attempt runs now, by the path of their node: they keep their places in a limited fan-out. */
  readonly running: Running;
}

/** By the path of the node the arms (as they stand in paths) or items (their indices). */
export type Running = ReadonlyMap<string, ReadonlySet<string>>;

/** Where a run can go on now. Nothing, and until for ever: the main sequence is done, or has failed, or waits for what may come. */
export interface Look {
  /** Can go on now; those that run already are among them. */
  readonly ready: readonly Place[];
  /** Remote steps. */
  readonly away: readonly Place[];
  /** ms of database time until which the first of the waiting places waits; Infinity: all wait for what may come, or there is none. */
  readonly until: number;
}

/** The places of a run, by their next action. All empty: the main sequence is done, or has failed. */
export interface Survey extends Look {
  /** Waits; `until` in ms of database time, Infinity where only an event ends it. */
  readonly waiting: readonly Waiting[];
}

interface Waiting {
  readonly place: Place;
  readonly until: number;
}

interface Found extends Look {
  ready: Place[];
  away: Place[];
  until: number;
  /** The first of these times that has not passed. */
  next: number;
  /** Null: they are not wanted. */
  readonly waiting: Waiting[] | null;
}

interface Context {
  readonly around: Surroundings;
  readonly loops: OpenLoops;
  readonly item: Place['item'];
  readonly results: ResultsRef | null;
  readonly main: boolean;
}

/** Looks at every cursor. Opens the items of loops as their places become free. */
export function survey(definition: WorkflowDefinition, state: RunState, around: Surroundings): Survey {
  const waiting: Waiting[] = [];
  const { ready, away, until } = lookAt(definition, state, around, new OpenLoops(), waiting);
  return { ready, away, until, waiting };
}

/** The same, of the items of loops at those alone of which `loops` does not know what was found there before. */
export function lookAgain(
  definition: WorkflowDefinition,
  state: RunState,
  around: Surroundings,
  loops: OpenLoops,
): Look {
  return lookAt(definition, state, around, loops, null);
}

function lookAt(
  definition: WorkflowDefinition,
  state: RunState,
  around: Surroundings,
  loops: OpenLoops,
  waiting: Waiting[] | null,
): Look {
  const found: Found = { ready: [], away: [], until: Infinity, next: Infinity, waiting };
  if (state.rollback === null) {
    look(rootFrame(definition, state), { around, loops, item: null, results: null, main: true }, found);
  }
  return found;
}

function look(frame: Frame, context: Context, found: Found): void {
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

function lookAtArms(frame: Frame, keys: readonly string[], limit: number | null, context: Context, found: Found): void {
  const active: Found[] = [];
  const running: Found[] = [];
  const runs = runningIn(frame, context);
  for (const key of keys) {
    const arm = lookAtArm(frame, key, context, found);
    wait(found, arm);
    if (!isActive(arm)) continue;
    if (limit !== null && (arm.away.length > 0 || runs.has(encodeName(key)))) running.push(arm);
    else active.push(arm);
  }
  // Running arms keep their places; the others follow in order.
  const chosen = limit === null ? active : [...running, ...active];
  for (const arm of chosen.slice(0, limit ?? chosen.length)) take(found, arm);
}

function lookAtItems(frame: Frame, fan: LoopFan, node: ForEachNode, context: Context, found: Found): void {
  const items = context.loops.of(fan);
  const fresh = new Map<number, Found>();
  const lookAtItem = (index: number): void => {
    const item = lookAtArm(frame, String(index), context, found);
    const finds = item.away.length > 0 ? 'away' : isActive(item) ? 'ready' : null;
    items.looked(index, { finds, until: item.until, next: item.next });
    fresh.set(index, item);
  };
  for (const index of items.takeChanged(fan.next, context.around.now)) lookAtItem(index);
  // One that waits holds no place: the next begins.
  while (items.active < node.concurrency && fan.next < fan.count) {
    const index = fan.next;
    openItem(fan, node);
    items.begun(index);
    lookAtItem(index);
  }
  wait(found, items);
  for (const index of items.first(node.concurrency, [...runningIn(frame, context)].map(Number))) {
    take(found, fresh.get(index) ?? lookAtArm(frame, String(index), context, found));
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The arms or items of the node where the cursor stands in which an attempt runs. */
function runningIn({ prefix, sequence }: Frame, { around }: Context): ReadonlySet<string> {
  if (around.running.size === 0) return NONE;
  return around.running.get(nodePath(prefix, sequence.node ?? '')) ?? NONE;
}

/** The next actions of an arm. */
function lookAtArm(frame: Frame, key: string, context: Context, { waiting }: Found): Found {
  const own: Found = { ready: [], away: [], until: Infinity, next: Infinity, waiting };
  const arm = inner(frame, key);
  if (arm === null) return own;
  const item = arm.within?.node.kind === 'forEach' ? { index: Number(key), data: frame.sequence.data } : context.item;
  look(arm, { ...context, item, main: false }, own);
  return own;
}

function isActive({ ready, away }: Found): boolean {
  return ready.length > 0 || away.length > 0;
}

function wait(found: Found, { until, next }: Pick<Found, 'until' | 'next'>): void {
  found.until = Math.min(found.until, until);
  found.next = Math.min(found.next, next);
}

function take(found: Found, { ready, away }: Found): void {
  for (const place of ready) found.ready.push(place);
  for (const place of away) found.away.push(place);
}

function sort(place: Place, { waitsUntil, now }: Surroundings, found: Found): void {
  if (place.state.remote !== null) return void found.away.push(place);
  const waits = place.work === 'gather' ? 0 : waitsUntil(place.path, place.state);
  const retryAt = place.state.retryAt ?? 0;
  // A wait that is due is over when the database has said so: a pass before that would see nothing new.
  if (waits > 0 || retryAt > now) {
    const until = Math.max(waits, retryAt);
    wait(found, { until, next: until > now ? until : Infinity });
    found.waiting?.push({ place, until });
  } else found.ready.push(place);
}
