import { decode, encode } from '../../core/codec/codec.js';
import { type Cron, parsedCron } from '../../core/time/cron.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { dueTimes, MOST_FAILURES, ON_TIME, type ScheduleState } from '../../core/time/schedule.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { textOf } from '../../core/text-of.js';
import { Loop } from '../time/loop.js';
import type { RegisteredWorkflow, Registry } from '../ports/registry.js';
import type { FiredSchedule, FirePlan, ScheduleStore, WorkersSince } from '../ports/store.js';

export interface SchedulerDeps {
  readonly store: ScheduleStore;
  readonly registry: Registry;
  /** Its number among the workers. */
  readonly worker: () => number;
  /** ms between looks when no due time is known. */
  readonly interval: number;
  /** These queues have work. */
  readonly onWork: (queues: readonly string[]) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
  /** True when a look by the interval alone is needed. Default: always. */
  readonly isNeeded?: () => boolean;
  /** A schedule was fired. */
  readonly onFired?: (fired: FiredSchedule) => void;
}

/** ms for which a schedule that this process cannot fire is left alone. */
const LEAVE_ALONE = 60_000;
/** ms that an app's own check of an input may take. */
const CHECK_TIMEOUT = 10_000;

/** Checks at a time: they are code of the app's, which may ask its own database. */
const CHECKS = 10;

/** Input of a schedule that is due, as the app's own check of it found it, which ran while nothing was locked. */
interface Checked {
  /** Encoded. */
  readonly input: string;
  /** The due time that it was checked for, ms of database time: the next one has a check of its own. */
  readonly due: number | null;
  /** ms of database time at which the schedule was looked at: a slow check makes no due time late. */
  readonly now: number;
  /** Encoded; null: it is good. */
  readonly error: string | null;
}

/**
 * Starts runs by the clock. Any number of processes do so at once: the rows of schedules are locked while they are fired,
 * and their next due times are set in the transaction that starts the runs. The app's check of an input comes before: the
 * schedule is looked at, let go, checked, and locked anew; where its input is another then, it is checked again. A timer fires at the next due time; the interval
 * is the net for schedules that another process has changed. Only workflows that this process knows are its business.
 */
export class Scheduler {
  private readonly loop: Loop;
  /** Until when (performance.now()) schedules are left alone, by name. */
  private readonly leftAlone = new Map<string, number>();
  private readonly checked = new Map<string, Checked>();
  private stopped = true;
  /** Due time of the next schedule, as of the last look, ms of database time. */
  private nextAt: number | null = null;
  /** Since when it has been at work, ms of database time. */
  private since: number | null = null;
  /** The same of what is due now: what waits for the others that are fired first is not late by that. */
  private firingSince: number | null = null;

  constructor(private readonly deps: SchedulerDeps) {
    this.loop = new Loop('Firing schedules', deps.interval, () => this.fireAll(), deps.onTrouble, deps.isNeeded);
  }

  start(): void {
    this.stopped = false;
    this.loop.start();
  }

  /** Resolves when none is being fired. */
  stop(): Promise<void> {
    this.stopped = true;
    return this.loop.stop();
  }

  /** ms from `now` (database time) until the next schedule is due, as the last look found it; null: none is. */
  nextDueInMs(now: number): number | null {
    return this.nextAt === null ? null : this.nextAt - now;
  }

  /** One is due in so many ms. */
  dueIn(ms: number): void {
    this.loop.within(ms);
  }

  /** Fires what is due now; resolves when that is done. */
  async look(): Promise<void> {
    if (!this.stopped) await this.loop.poke();
  }

  private async fireAll(): Promise<number | null> {
    const { store, registry, onWork, onTrouble, onFired } = this.deps;
    const workflows = registry.all().map(({ definition: { name }, definitionId }) => ({ name, definitionId }));
    if (workflows.length === 0) return null;
    this.firingSince = null;
    while (!this.stopped) {
      const planned = new Map<string, string>();
      const checks: (() => Promise<void>)[] = [];
      const { some, fired, unreadable, now, nextInMs } = await store.fireSchedules(
        workflows,
        this.alone(),
        async (schedule, at, others) => {
          const made = await this.plan(schedule, at, others);
          if (made.kind === 'start') planned.set(schedule.name, made.target.queue);
          if (!('check' in made)) return made;
          checks.push(made.check);
          return { kind: 'leave' };
        },
      );
      for (const one of unreadable) this.leave(one.name, one.unreadable);
      const queues = new Set<string>();
      for (const one of fired) {
        this.checked.delete(one.name);
        onFired?.(one);
        const queue = planned.get(one.name);
        if (one.runs.length > 0 && queue !== undefined) queues.add(queue);
        if (one.error !== null) onTrouble(failure(one.name, one.error, one.autoDisabled));
      }
      onWork([...queues]);
      for (let at = 0; at < checks.length && !this.stopped; at += CHECKS) {
        await Promise.all(checks.slice(at, at + CHECKS).map((check) => check()));
      }
      if (some) continue;
      // What others have fired meanwhile.
      this.checked.clear();
      this.since ??= now;
      this.nextAt = nextInMs === null ? null : now + nextInMs;
      return nextInMs;
    }
    return null;
  }

  /** Plan for a schedule that is due: the runs to start, and the next due time. */
  private async plan(schedule: ScheduleState, now: number, others: WorkersSince): Promise<FirePlan | ToCheck> {
    const workflow = this.deps.registry.byName(schedule.workflow);
    try {
      if (workflow === undefined) throw new Error(`this process has no workflow "${schedule.workflow}"`);
      const cron = parsedCron(schedule.settings.cron, schedule.settings.timezone);
      return await this.planFor(schedule, workflow, cron, now, others);
    } catch (error) {
      // A zone that this process has not heard of, for example: others may fire it.
      this.leave(schedule.name, textOf(error));
      return { kind: 'leave' };
    }
  }

  private leave(name: string, why: string): void {
    this.leftAlone.set(name, performance.now() + LEAVE_ALONE);
    this.deps.onTrouble(`Schedule "${name}" cannot be fired by this process: ${why}`);
  }

  private async planFor(
    schedule: ScheduleState,
    { definition, definitionId, validateInput }: RegisteredWorkflow,
    cron: Cron,
    lockedAt: number,
    others: WorkersSince,
  ): Promise<FirePlan | ToCheck> {
    const { name } = schedule;
    const { input, queue } = schedule.settings;
    const before = this.checked.get(name);
    const due = schedule.nextRunAt;
    // Another process may have been faster: then this is another due time.
    const checked = before?.input === input && before.due === due ? before : null;
    const now = checked?.now ?? lockedAt;
    const next = cron.next(now);
    const since = await this.atWorkSince(schedule, now, others);
    const onTime = Math.max(ON_TIME, 2 * this.deps.interval);
    const firingSince = (this.firingSince ??= lockedAt);
    const dues = dueTimes(schedule, cron, now, { since, onTime, firingSince });
    if (dues.length > 0) {
      if (checked === null && validateInput !== null) {
        const check = async (): Promise<void> => {
          this.checked.set(name, { input, due, now, error: await faultOf(input, validateInput) });
        };
        return { kind: 'check', check };
      }
      const error = checked === null ? await faultOf(input, null) : checked.error;
      if (error !== null) return { kind: 'fail', next, error };
    }
    const target = { definitionId, queue: queue ?? definition.queue, priority: definition.priority };
    return { kind: 'start', next, dues, target };
  }

  /** Since when this process or another that lives has been at work on the schedule, ms of database time. */
  private async atWorkSince({ nextRunAt }: ScheduleState, now: number, others: WorkersSince): Promise<number> {
    const own = (this.since ??= now);
    if (nextRunAt !== null && nextRunAt >= own) return own;
    return Math.min(own, (await others(this.deps.worker())) ?? own);
  }

  private alone(): string[] {
    for (const [name, until] of this.leftAlone) {
      if (until <= performance.now()) this.leftAlone.delete(name);
    }
    return [...this.leftAlone.keys()];
  }
}

interface ToCheck {
  readonly kind: 'check';
  /** Checks the input for the next look. */
  readonly check: () => Promise<void>;
}

/** What is wrong with the input, encoded; null: nothing. */
async function faultOf(input: string, validateInput: RegisteredWorkflow['validateInput']): Promise<string | null> {
  try {
    const value = decode(input);
    if (validateInput !== null) await within(CHECK_TIMEOUT, validateInput(value));
    return null;
  } catch (error) {
    return encode(toStoredError(error));
  }
}

function failure(name: string, stored: string, autoDisabled: boolean): string {
  const { name: kind, message } = decode(stored) as StoredError;
  const end = autoDisabled
    ? ` It is disabled after ${MOST_FAILURES} failures in a row: mend it, then call enableSchedule("${name}").`
    : '';
  return `Schedule "${name}" could not start its run: ${kind}: ${message}.${end}`;
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The check of its input took longer than ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
