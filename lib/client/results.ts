import { decode } from '../core/codec/codec.js';
import {
  ExecutionNotFoundError,
  ResultTimeoutError,
  WorkflowCancelledError,
  WorkflowFailedError,
} from '../core/errors/errors.js';
import { isDurableError } from '../core/errors/durable-error.js';
import { isCancel, type StoredError } from '../core/errors/stored-error.js';
import type { ClientHost } from '../lifecycle/host.js';
import { LONGEST_TIMER, refused } from '../core/limits.js';
import type { RunEnd } from '../engine/run/session.js';
import { isConnectionError, isRetryableRejection } from '../storage/connection/connection-errors.js';
import type { PgControl, RunOutcome } from '../storage/client/control.js';
import { databaseRefused } from '../storage/connection/refusals.js';

/** ms between looks at a run, doubled each time: a hint comes first where there are any. */
const FIRST_LOOK = 62.5;
const LAST_LOOK = 1_000;
/** ms that a look gets though the caller's time is over: `result({ timeout: 0 })` asks once. */
const LEAST_LOOK = 1_000;
/** ms that claims of this process are waited for before the database is asked for a run. */
const CLAIM_PATIENCE = 20;
/** ms between checks that a run is still leased here, which cost no query. */
const LOCAL_LOOK = 250;

interface Asking {
  readonly resolve: (outcome: RunOutcome | null | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Waits for the ends of runs: of those this process has leased without a query, of others by the hint of their worker, with
 * polling as the net. All that are waited for share their queries.
 */
export class RunResults {
  private readonly asking = new Map<string, Asking[]>();
  /** Runs whose holder was asked for a hint. */
  private readonly watched = new Map<string, number>();

  constructor(
    private readonly host: ClientHost,
    private readonly control: () => Promise<PgControl>,
  ) {}

  /**
   * The final data.
   *
   * @param timeout ms; default: none
   * @throws WorkflowFailedError, WorkflowCancelledError, ResultTimeoutError, ExecutionNotFoundError;
   * DatabaseUnavailableError when the module is shut down meanwhile
   */
  async result(id: string, timeout: number = Infinity): Promise<unknown> {
    if (typeof timeout !== 'number' || !(timeout >= 0)) {
      throw refused('The options of result()', 'timeout', 'a number of ms, at least 0', timeout);
    }
    const { status, data, error } = await this.untilEnded(id, timeout);
    if (status === 'completed') return decode(data);
    const cause = error === null ? null : (decode(error) as StoredError);
    // Errors are for people.
    const shown = cause === null ? null : this.host.options.redact.error(cause);
    if (status !== 'cancelled' && !(status === 'compensated' && cause !== null && isCancel(cause))) {
      throw new WorkflowFailedError(id, status, shown);
    }
    const reason = shown?.['reason'];
    throw new WorkflowCancelledError(id, typeof reason === 'string' ? reason : null);
  }

  private async untilEnded(id: string, timeout: number): Promise<RunOutcome> {
    const until = performance.now() + timeout;
    const told = new ToldEnd();
    let wait = FIRST_LOOK;
    let { engine } = await this.host.ready();
    const unlisten = engine.onEnded(id, (end) => told.tell(end));
    try {
      // What was started just now is being claimed here, as a rule: then the database need not be asked.
      if (!engine.isLocal(id)) await within(Math.min(CLAIM_PATIENCE, until - performance.now()), engine.claimsBack());
      for (;;) {
        const local = told.isTold || engine.isLocal(id);
        const outcome = local ? null : await this.lookUntil(id, until);
        if (outcome) return outcome;
        const left = until - performance.now();
        if (left <= 0 && !told.isTold) throw new ResultTimeoutError(id, timeout);
        const end = await told.within(Math.max(0, Math.min(left, local ? LOCAL_LOOK : untilMultiple(wait))));
        if (end?.data) return { ...end, data: end.data };
        // Rejects once the module is shut down: nobody would tell any more.
        ({ engine } = await this.host.ready());
        // It ended elsewhere: the next look finds it.
        if (end === null) wait = FIRST_LOOK;
        else if (!local) wait = Math.min(wait * 2, LAST_LOOK);
      }
    } finally {
      unlisten();
    }
  }

  /** Null also where the database has not answered by then. */
  private async lookUntil(id: string, until: number): Promise<RunOutcome | null> {
    if (until === Infinity) return this.look(id);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      const left = Math.max(until - performance.now(), LEAST_LOOK);
      timer = setTimeout(() => resolve(null), Math.min(left, LONGEST_TIMER));
    });
    try {
      return await Promise.race([this.look(id), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The outcome of the run; null: it has not ended, or the database is out of reach at the moment. */
  private async look(id: string): Promise<RunOutcome | null> {
    const outcome = await new Promise<RunOutcome | null | undefined>((resolve, reject) => {
      const others = this.asking.get(id);
      if (others !== undefined) return others.push({ resolve, reject });
      if (this.asking.size === 0) setImmediate(() => void this.lookAtAll());
      return this.asking.set(id, [{ resolve, reject }]);
    });
    if (outcome === undefined) throw new ExecutionNotFoundError(id);
    return outcome;
  }

  private async lookAtAll(): Promise<void> {
    const asking = new Map(this.asking);
    this.asking.clear();
    const ids = [...asking.keys()];
    try {
      const control = await this.control();
      await this.watch(control, ids);
      const outcomes = await control.outcomes(ids, control.query);
      for (const [id, all] of asking) {
        const outcome = outcomes.get(id);
        if (outcome !== null) this.watched.delete(id);
        for (const { resolve } of all) resolve(outcome);
      }
    } catch (error) {
      // The looks go on: what passes is no end of the wait.
      const passing = isConnectionError(error) || isRetryableRejection(error);
      for (const { resolve, reject } of [...asking.values()].flat()) {
        if (passing) resolve(null);
        else reject(isDurableError(error) ? error : databaseRefused(error));
      }
    }
  }

  /** Asks for hints, once for each run: the mark stays until the run ends. */
  private async watch(control: PgControl, ids: readonly string[]): Promise<void> {
    if (!this.host.options.notify) return;
    const now = performance.now();
    const fresh = ids.filter((id) => (this.watched.get(id) ?? -Infinity) < now - WATCH_AGAIN);
    if (fresh.length === 0) return;
    const queues = await control.watch(fresh);
    if (queues.length > 0) (await this.host.ready()).engine.notifyWork(queues);
    for (const id of fresh) this.watched.set(id, now);
    if (this.watched.size < MOST_WATCHED) return;
    for (const [id, since] of this.watched) if (since < now - WATCH_AGAIN) this.watched.delete(id);
  }
}

/** ms; a row that was locked is passed over, and asked again. */
const WATCH_AGAIN = 10_000;
/** Runs that were given up on leave their entries behind; beyond this many they are cleared away. */
const MOST_WATCHED = 10_000;

/** Waits for it, so many ms at most; null: not at all. */
async function within(ms: number, what: Promise<unknown> | null): Promise<void> {
  if (what === null || ms <= 0) return;
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([what, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/** ms until the clock is at a multiple of `interval`: looks of many waiters coincide, and share a query. */
function untilMultiple(interval: number): number {
  return interval - (performance.now() % interval);
}

/** The end of a run, kept until it is asked for. */
class ToldEnd {
  private end: RunEnd | null | undefined;
  private wake: () => void = () => {};

  get isTold(): boolean {
    return this.end !== undefined;
  }

  tell(end: RunEnd | null): void {
    this.end = end;
    this.wake();
  }

  /** The end that came since the last call, or undefined after `ms`. */
  async within(ms: number): Promise<RunEnd | null | undefined> {
    if (this.end === undefined) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
    }
    const { end } = this;
    this.end = undefined;
    return end;
  }
}
