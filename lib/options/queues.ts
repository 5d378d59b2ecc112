import { LONGEST_TIMER, QUEUE_NAME } from '../core/limits.js';
import type { OptionReader } from '../core/option-reader.js';

/** Settings of one queue: some of this process (`concurrency`, `pollInterval`), the others of all nodes. */
export interface QueueOptions {
  /**
   * Runs of this queue that this process executes at a time. Runs in flight share commits: with 50 a backlog is
   * done nearly twice as fast as with 10, for two thirds of the CPU. Few are for steps that calculate, or that use something of which there is little. Default: 50.
   */
  concurrency?: number;
  /** ms between two polls of the queue when no notification comes; a safety net where `notify` is on. Default: 1000. */
  pollInterval?: number;
  /**
   * Runs of this queue that all processes together have leased at a time. As with the other limits of a queue, the value of
   * the living process with the latest definitions is in force for all, and among such the one that came last: give all
   * processes the same. Default: no limit.
   */
  globalConcurrency?: number;
  /** At most `limit` first claims (or claims, see `counts`) in any `period` ms, over all processes. Default: no limit. */
  rateLimit?: RateLimit;
  /**
   * ms of waiting that one step of priority is worth: a run that became ready so much earlier goes before one whose
   * priority is higher by one. A run that goes on (after a wait, a retry delay, a crash) counts one step more than a new
   * one. Default: 60 000.
   */
  priorityAgeing?: number;
}

/** Rate limit of a queue, over all processes. */
export interface RateLimit {
  /** Claims in any `period`; at least 1. */
  limit: number;
  /** Length of the period in ms. */
  period: number;
  /**
   * `'runs'`: first claims only, so that retries and resumed runs are not kept back. `'attempts'`: every claim of a run of
   * the queue, or of a step of another queue's run: the first, and those after a retry delay, a wait or a crash. Steps that
   * follow one another without any of these are one claim. Default: `'runs'`.
   */
  counts?: 'runs' | 'attempts';
}

export interface ResolvedQueue {
  readonly concurrency: number;
  /** ms */
  readonly pollInterval: number;
  readonly globalConcurrency: number | null;
  readonly rateLimit: Readonly<Required<RateLimit>> | null;
  /** ms */
  readonly priorityAgeing: number;
}

/** Retention of finished runs, by status; those of a status that is left out are kept for ever. */
export interface RetentionOptions {
  /** ms since their end for which completed runs are kept. */
  completed?: number;
  /** ms since their end for which failed runs are kept. */
  failed?: number;
  /** ms since their end for which cancelled runs are kept. */
  cancelled?: number;
  /** ms since their end for which compensated runs are kept. */
  compensated?: number;
  /** ms since their end for which runs with a failed compensation are kept. */
  compensationFailed?: number;
  /** ms for which the audit of the dashboard and the command line is kept. Default: 400 days. */
  audit?: number;
}

export type Retention = Readonly<Record<Exclude<keyof RetentionOptions, 'audit'>, number | null>> & {
  readonly audit: number;
};

export const DEFAULT_QUEUE: ResolvedQueue = {
  concurrency: 50,
  pollInterval: 1_000,
  globalConcurrency: null,
  rateLimit: null,
  priorityAgeing: 60_000,
};

const SHORTEST_INTERVAL = 10;
const MOST = 1_000_000;
/** 100 years in ms. */
const LONGEST_AGE = 3_155_760_000_000;

export function readQueues(read: OptionReader, workers: boolean): ReadonlyMap<string, ResolvedQueue> {
  const given = read.object('queues');
  const queues = new Map<string, ResolvedQueue>();
  if (given === undefined) return queues.set('default', DEFAULT_QUEUE);
  if (given === null) return queues;
  for (const name of given.keys()) {
    if (!QUEUE_NAME.fits(name)) given.fault(name, `is not a queue name: expected ${QUEUE_NAME.expected}`);
    const queue = given.object(name);
    if (!queue) continue;
    const ms = { max: LONGEST_TIMER, unit: 'ms' };
    queues.set(name, {
      concurrency: queue.integer('concurrency', DEFAULT_QUEUE.concurrency, { min: 1, max: 10_000 }),
      pollInterval: queue.integer('pollInterval', DEFAULT_QUEUE.pollInterval, { min: SHORTEST_INTERVAL, ...ms }),
      globalConcurrency: queue.integer('globalConcurrency', null, { min: 1, max: MOST }),
      rateLimit: readRate(queue),
      priorityAgeing: queue.integer('priorityAgeing', DEFAULT_QUEUE.priorityAgeing, { min: SHORTEST_INTERVAL, ...ms }),
    });
    queue.refuseOthers();
  }
  if (workers && given.keys().length === 0) {
    read.fault('queues', 'expected at least one queue, got none; to execute nothing here, set workers to false');
  }
  return queues;
}

function readRate(queue: OptionReader): Required<RateLimit> | null {
  const rate = queue.object('rateLimit');
  if (!rate) return null;
  for (const key of ['limit', 'period'].filter((one) => !rate.keys().includes(one))) {
    rate.fault(key, 'is missing: a rate is { limit, period }, so many runs begun in so many ms');
  }
  const limit = rate.integer('limit', 1, { min: 1, max: MOST });
  const period = rate.integer('period', 1_000, { min: 1, max: LONGEST_TIMER, unit: 'ms' });
  const counts = rate.oneOf('counts', 'runs', ['runs', 'attempts']);
  rate.refuseOthers();
  return { limit, period, counts };
}

/** 400 days. */
const AUDIT_AGE = 34_560_000_000;

export function readRetention(read: OptionReader): Retention {
  const given = read.object('retention');
  const age = (key: keyof RetentionOptions): number | null =>
    given?.integer(key, null, { min: 1, max: LONGEST_AGE, unit: 'ms' }) ?? null;
  const retention: Retention = {
    completed: age('completed'),
    failed: age('failed'),
    cancelled: age('cancelled'),
    compensated: age('compensated'),
    compensationFailed: age('compensationFailed'),
    audit: age('audit') ?? AUDIT_AGE,
  };
  given?.refuseOthers();
  return retention;
}
