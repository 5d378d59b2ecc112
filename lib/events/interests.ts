import { type EventRecord, isInputEvent, isScheduleEvent, isStepEvent } from '../core/run/events.js';
import type { EventInterest } from '../storage/notify/notifier.js';

/** The events that a subscription asks for. */
export type EventFilter =
  | { readonly kind: 'all' }
  | { readonly kind: 'inputs' }
  | { readonly kind: 'schedules' }
  | { readonly kind: 'run'; readonly runId: string };

export function fits(filter: EventFilter, event: EventRecord): boolean {
  switch (filter.kind) {
    case 'all':
      return !isStepEvent(event.kind);
    case 'inputs':
      return isInputEvent(event.kind);
    case 'schedules':
      return isScheduleEvent(event.kind);
    case 'run':
      return event.executionId === filter.runId;
  }
}

/** Runs named in one interest: more would not fit into a notification, and every step of every run is sent instead. */
const MOST_RUNS = 150;
/** ms after which an interest that is not repeated expires; its process repeats it every third of that. */
export const WISH_HOLDS = 30_000;

/** The interest of these subscriptions in events of other processes. */
export function interestOf(filters: Iterable<EventFilter>): EventInterest {
  const runs = new Set<string>();
  const wanted = { all: false, inputs: false, schedules: false };
  for (const filter of filters) {
    if (filter.kind === 'run') runs.add(filter.runId);
    else wanted[filter.kind] = true;
  }
  return { ...wanted, runs: runs.size > MOST_RUNS ? '*' : [...runs] };
}

interface Wanted {
  readonly all: boolean;
  readonly inputs: boolean;
  readonly schedules: boolean;
  readonly runs: ReadonlySet<string> | '*';
  until: number;
}

/** The interests of other processes, until they expire. */
export class ForeignInterests {
  private readonly byProcess = new Map<string, Wanted>();

  /** A process has said what it wants. */
  set(process: string, { all = false, inputs = false, schedules = false, runs = [] }: EventInterest): void {
    if (!all && !inputs && !schedules && runs.length === 0) this.byProcess.delete(process);
    else {
      const until = performance.now() + WISH_HOLDS;
      this.byProcess.set(process, { all, inputs, schedules, runs: runs === '*' ? '*' : new Set(runs), until });
    }
  }

  /** Called while no notifications arrive, and when they arrive again: known interests do not expire meanwhile. */
  extend(): void {
    const until = performance.now() + WISH_HOLDS;
    for (const interest of this.byProcess.values()) interest.until = until;
  }

  expire(): void {
    const now = performance.now();
    for (const [process, { until }] of this.byProcess) if (until < now) this.byProcess.delete(process);
  }

  get isEmpty(): boolean {
    return this.byProcess.size === 0;
  }

  stepsOf(runId: string): boolean {
    for (const { runs } of this.byProcess.values()) if (runs === '*' || runs.has(runId)) return true;
    return false;
  }

  want(event: EventRecord): boolean {
    for (const { all, inputs, schedules, runs } of this.byProcess.values()) {
      if (all && !isStepEvent(event.kind)) return true;
      if (inputs && isInputEvent(event.kind)) return true;
      if (schedules && isScheduleEvent(event.kind)) return true;
      if (runs === '*' || (event.executionId !== null && runs.has(event.executionId))) return true;
    }
    return false;
  }
}
