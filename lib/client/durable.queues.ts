import { setTimeout as pause } from 'node:timers/promises';
import type { ClientHost, ClientRuntime } from '../lifecycle/host.js';
import { DatabaseUnavailableError, QueueNotFoundError } from '../core/errors/errors.js';
import { checkText, QUEUE_NAME, refused } from '../core/limits.js';
import type { PgQueueControl, QueueRow, WorkerRow } from '../storage/client/queue-control.js';

/** Settings and load of a queue. Times in ms. */
export interface QueueStatus {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedAt: Date | null;
  /** Runs of the queue that all processes together have leased at a time; `null`: no limit. */
  readonly globalConcurrency: number | null;
  /** First claims in a period, or all claims; `null`: no limit. */
  readonly rateLimit: { readonly limit: number; readonly period: number; readonly counts: 'runs' | 'attempts' } | null;
  /** `null`: no process has worked on the queue yet. */
  readonly priorityAgeing: number | null;
  /** Living processes that work on it. */
  readonly workers: number;
  /** Leased runs, and leased steps of other queues' runs. */
  readonly running: number;
  /** Runs and steps that could be claimed now, or that a limit keeps back. */
  readonly pending: number;
}

/** Counts of a queue's unfinished runs and steps. */
export interface QueueStats {
  readonly name: string;
  readonly running: number;
  /** Claimable, if the queue is neither paused nor full. */
  readonly ready: number;
  /** Kept back by the concurrency limit of their workflow. */
  readonly limited: number;
  /** Suspended: a retry delay, a wait, a step on another queue. */
  readonly waiting: number;
  /** Not begun, and not due yet. */
  readonly scheduled: number;
  /** Of runs that are paused themselves. */
  readonly paused: number;
  /** ms for which the oldest of the ready and limited ones has been due; 0: there is none. */
  readonly lag: number;
}

/** A process that executes runs. */
export interface WorkerInfo {
  readonly id: number;
  readonly host: string;
  readonly pid: number;
  /** Of this package. */
  readonly version: string;
  readonly queues: readonly string[];
  /** Names of the workflows whose code it has. */
  readonly workflows: readonly string[];
  /** False: its lease has expired; its runs are about to be recovered by others. */
  readonly alive: boolean;
  /** Runs, and steps of other queues' runs, that it has leased. */
  readonly held: number;
  /** Places by queue: what it runs at a time at most. */
  readonly capacity: Readonly<Record<string, number>>;
  /** Notifications reach it; false: it finds work by polling. */
  readonly listening: boolean;
  /** Names of the workflows of which another living worker has newer code: runs of that are not for this one. */
  readonly behind: readonly string[];
  /** The attempts it said it was running, a second ago at most while it runs any. */
  readonly inFlight: readonly WorkerAttempt[];
  readonly startedAt: Date;
  /** Last heartbeat. */
  readonly seenAt: Date;
  /** Expiry of its lease unless it is renewed. */
  readonly expiresAt: Date;
}

/** An attempt that a worker runs now. */
export interface WorkerAttempt {
  readonly executionId: string;
  readonly step: string;
  readonly path: string;
  readonly attempt: number;
  readonly startedAt: Date;
}

interface Ready {
  readonly control: PgQueueControl;
  readonly engine: ClientRuntime['engine'];
}

interface DrainWatch {
  /** Ends the wait; the queue stays paused. */
  readonly signal?: AbortSignal;
  /** Gets how many runs are leased, each time that some are. */
  readonly onLook?: (running: number) => void;
}

/** @internal What a drain came to. */
export interface Drained {
  readonly idle: boolean;
  /** Leased runs, and leased steps of other queues' runs. */
  readonly running: number;
  /** False: the queue was paused before. */
  readonly changed: boolean;
}

/** ms between two looks whether a queue that is being drained is idle. */
const DRAIN_LOOK = 50;
/** ms for which drain() waits at least for claims that were under way: as a rule they take one. */
const SHORTEST_PATIENCE = 1_000;

/**
 * Reads, pauses and resumes queues, on all nodes at once. Injectable; methods wait for the module to have booted and
 * reject with `DatabaseUnavailableError` after it was shut down. A name that no queue can have is an `InvalidInputError`.
 */
export class DurableQueues {
  /** @internal The module makes it. */
  constructor(private readonly host: ClientHost) {}

  /** Lists the queues that a process works on, that have an unfinished run, or that were paused, by name. */
  async list(): Promise<QueueStatus[]> {
    const { control } = await this.ready();
    return (await control.queues()).map(statusOf);
  }

  /** Settings and load of a queue; `null`: no process, run or setting names it. */
  async status(queue: string): Promise<QueueStatus | null> {
    const row = await this.row(queue);
    return row === null ? null : statusOf(row);
  }

  /**
   * Counts the unfinished runs of a queue; `null`: no process, run or setting names it. Reads every one of them: for people,
   * not for a fast loop.
   */
  async stats(queue: string): Promise<QueueStats | null> {
    const row = await this.row(queue);
    return row === null ? null : statsOf(row);
  }

  /**
   * Lets no process claim from the queue until `resume()`, restarts included. What runs goes on. When it returns,
   * nothing more is claimed anywhere. A queue that only a run, a workflow, a schedule or a setting names may be paused too.
   * @returns false when it was paused already
   * @throws QueueNotFoundError
   * @throws DatabaseUnavailableError when a claim that began before stands still; the queue is paused all the same
   */
  async pause(queue: string): Promise<boolean> {
    const { changed, closed } = await this.close(queue);
    if (closed) return changed;
    throw new DatabaseUnavailableError(
      `Queue "${queue}" is paused, but a claim that began before has not come to its end: look in pg_stat_activity for a transaction that stands still.`,
    );
  }

  /**
   * Lets a paused queue go on.
   * @returns false when it was not paused
   * @throws QueueNotFoundError
   */
  async resume(queue: string): Promise<boolean> {
    const { name, control, engine } = await this.known(queue);
    const changed = await control.resume(name);
    await engine.settingsChanged([name]);
    engine.notifyWork([name]);
    return changed;
  }

  /**
   * Pauses the queue and waits until no run of it is leased. It stays paused.
   * @param timeout ms to wait; 0: look once. Default: 30 000.
   * @returns whether it is idle; false: the time was up before
   * @throws QueueNotFoundError
   */
  async drain(queue: string, timeout = 30_000): Promise<boolean> {
    if (typeof timeout !== 'number' || !(timeout >= 0)) {
      throw refused('The timeout of drain()', 'timeout', 'a number of ms, at least 0', timeout);
    }
    return (await this.drainWatched(queue, timeout)).idle;
  }

  /**
   * @internal `drain()` for the command line, which says how many runs are still leased, and ends the wait by Ctrl-C. Only
   * leased rows are read, of which there are few, however many wait.
   */
  async drainWatched(queue: string, timeout: number, watch: DrainWatch = {}): Promise<Drained> {
    const { signal, onLook } = watch;
    const until = performance.now() + timeout;
    const { changed, closed } = await this.close(queue, Math.max(timeout, SHORTEST_PATIENCE), signal);
    for (;;) {
      // Rejects once the module is shut down.
      const { control } = await this.ready();
      const running = await control.leased(queue);
      const left = until - performance.now();
      if (closed && running === 0) return { idle: true, running, changed };
      if (!closed || left <= 0 || signal?.aborted === true) return { idle: false, running, changed };
      onLook?.(running);
      await pause(Math.min(DRAIN_LOOK, left), undefined, { signal }).catch(() => {});
    }
  }

  /** Lists the processes that execute runs and were not declared dead, the oldest first. */
  async workers(): Promise<WorkerInfo[]> {
    const { control } = await this.ready();
    return (await control.workers()).map(workerOf);
  }

  private async close(
    queue: string,
    patience?: number,
    signal?: AbortSignal,
  ): Promise<{ changed: boolean; closed: boolean }> {
    const { name, control, engine } = await this.known(queue);
    const done = await control.pause(name, patience, signal);
    await engine.settingsChanged([name]);
    return done;
  }

  private async row(queue: string): Promise<QueueRow | null> {
    const name = checkName(queue);
    const { control } = await this.ready();
    return (await control.queues(name))[0] ?? null;
  }

  /** A queue that a process, a run or a setting names. @throws QueueNotFoundError, InvalidInputError */
  private async known(queue: string): Promise<{ name: string } & Ready> {
    const name = checkName(queue);
    const { control, engine } = await this.ready();
    // Its own, also before its worker has signed on.
    if (!this.host.options.queues.has(name) && !(await control.isKnown(name))) {
      throw new QueueNotFoundError(name, await control.knownQueues());
    }
    return { name, control, engine };
  }

  private async ready(): Promise<Ready> {
    const { storage, engine } = await this.host.ready();
    return { control: storage.queues, engine };
  }
}

function checkName(queue: unknown): string {
  return checkText('The name of a queue', 'queue', queue, QUEUE_NAME);
}

/** @internal */
export function statusOf(row: QueueRow): QueueStatus {
  return {
    name: row.queue,
    paused: row.paused_at !== null,
    pausedAt: row.paused_at,
    globalConcurrency: row.global_concurrency,
    rateLimit:
      row.rate_limit === null || row.rate_period_ms === null
        ? null
        : { limit: row.rate_limit, period: row.rate_period_ms, counts: row.rate_counts ?? 'runs' },
    priorityAgeing: row.priority_ageing_ms,
    workers: row.workers,
    running: row.running,
    pending: row.ready + row.blocked,
  };
}

/** @internal */
export function statsOf(row: QueueRow): QueueStats {
  return {
    name: row.queue,
    running: row.running,
    ready: row.ready,
    limited: row.blocked,
    waiting: row.waiting,
    scheduled: row.scheduled,
    paused: row.paused_runs,
    lag: row.lag,
  };
}

function workerOf(row: WorkerRow): WorkerInfo {
  return {
    id: row.id,
    host: row.host,
    pid: row.pid,
    version: row.version,
    queues: row.queues,
    workflows: row.workflows,
    alive: row.alive,
    held: row.held,
    capacity: row.capacity,
    listening: row.listening,
    behind: row.behind,
    inFlight: attemptsOf(row.in_flight),
    startedAt: row.started_at,
    seenAt: row.seen_at,
    expiresAt: row.expires_at,
  };
}

/** The attempts that a process has published; another version of it may write them in another way. */
function attemptsOf(text: string): WorkerAttempt[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: Record<string, unknown> | null) => {
    const { runId, step, path, attempt, startedAt } = one ?? {};
    if (typeof runId !== 'string' || typeof step !== 'string' || typeof path !== 'string') return [];
    if (typeof attempt !== 'number' || typeof startedAt !== 'number') return [];
    return [{ executionId: runId, step, path, attempt, startedAt: new Date(startedAt) }];
  });
}
