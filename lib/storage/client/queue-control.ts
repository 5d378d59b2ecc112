import { setTimeout as pause } from 'node:timers/promises';
import { changeOnce } from '../connection/once.js';
import { sql } from '../sql.js';
import { laneOf, type Lender, type Query, readsOf } from '../connection/transaction.js';

/** ms between two looks whether something has come to its end. */
const LOOK = 10;
/** ms for which claims that were under way are waited for; the server gives a statement of the engine's no longer. */
const PATIENCE = 21_000;

/** Counts and settings of a queue. Times in ms. */
export interface QueueRow {
  readonly queue: string;
  readonly paused_at: Date | null;
  readonly global_concurrency: number | null;
  readonly rate_limit: number | null;
  readonly rate_period_ms: number | null;
  readonly rate_counts: 'runs' | 'attempts' | null;
  readonly priority_ageing_ms: number | null;
  readonly workers: number;
  readonly running: number;
  readonly ready: number;
  readonly blocked: number;
  readonly waiting: number;
  readonly scheduled: number;
  readonly paused_runs: number;
  /** Of `ready`: kept back by the rate. */
  readonly rated: number;
  /** Since when the oldest of all that is due has been so; the others are of parts of it. */
  readonly lag: number;
  /** Of those that only lack a worker's place. */
  readonly late: number;
  readonly blocked_lag: number;
  readonly rated_lag: number;
}

export interface WorkerRow {
  readonly id: number;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly queues: string[];
  readonly workflows: string[];
  readonly started_at: Date;
  readonly seen_at: Date;
  readonly expires_at: Date;
  readonly alive: boolean;
  readonly held: number;
  readonly capacity: Readonly<Record<string, number>>;
  readonly listening: boolean;
  readonly behind: string[];
  /** JSON */
  readonly in_flight: string;
}

/** Queues for operators: reads, pause and resume. */
export class PgQueueControl {
  private readonly reads: Query;

  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
  ) {
    this.reads = readsOf(pool);
  }

  /** All queues, or the one. */
  queues(queue: string | null = null): Promise<QueueRow[]> {
    return this.run('list-queues', [queue]);
  }

  workers(): Promise<WorkerRow[]> {
    return this.run('list-workers', []);
  }

  /** True when a process, a run, a setting, a workflow or a schedule names the queue. */
  async isKnown(queue: string): Promise<boolean> {
    if ((await this.run('known-queues', [queue])).length > 0) return true;
    return (await this.run('queue-has-runs', [queue])).length > 0;
  }

  /** Names of queues, to tell a mistyped one by. */
  async knownQueues(): Promise<string[]> {
    return (await this.run<{ queue: string }>('known-queues', [null])).map((row) => row.queue);
  }

  /**
   * Pauses the queue. `changed` false: it was paused. `closed`: no process claims from it any more, and what was claimed
   * before is committed; false: a claim that began before has not ended for `patience` ms, or until the signal was given.
   */
  async pause(
    queue: string,
    patience = PATIENCE,
    signal?: AbortSignal,
  ): Promise<{ changed: boolean; closed: boolean }> {
    const changed = await this.setPaused(queue, true);
    return { changed, closed: await this.isVacant(queue, patience, signal) };
  }

  /** Lets the queue go on; false: it was not paused. */
  async resume(queue: string): Promise<boolean> {
    return this.setPaused(queue, false);
  }

  /** Number of its leased rows. */
  async leased(queue: string): Promise<number> {
    const [row] = await this.run<{ n: number }>('leased-in-queue', [queue]);
    return row?.n ?? 0;
  }

  private async setPaused(queue: string, paused: boolean): Promise<boolean> {
    const text = sql('pause-queue', this.schema);
    const changed = async (query: Query): Promise<boolean> => (await query(text, [queue, paused])).length > 0;
    return changeOnce(laneOf(this.pool), this.schema, changed, `the settings of queue "${queue}"`);
  }

  /** True when no claim is inside the queue any more: later ones find it paused. */
  private async isVacant(queue: string, patience: number, signal?: AbortSignal): Promise<boolean> {
    const until = performance.now() + patience;
    for (;;) {
      const [row] = await this.run<{ vacant: boolean }>('is-vacant', [queue]);
      if (row?.vacant === true) return true;
      if (performance.now() > until || signal?.aborted === true) return false;
      await pause(LOOK);
    }
  }

  private run<R extends object>(statement: string, parameters: readonly unknown[]): Promise<R[]> {
    return this.reads<R>(sql(statement, this.schema), parameters);
  }
}
