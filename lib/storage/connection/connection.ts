import { EventEmitter } from 'node:events';
import type pg from 'pg';
import { errorOf, textOf } from '../../core/text-of.js';
import { ConnectionLostError, isQueryTimeout, isRejectedByServer, needsFreshSession } from './connection-errors.js';
import { describeTarget } from './database-target.js';
import type { Session } from './session.js';

export {
  ConnectionLostError,
  isConnectionError,
  isQueryTimeout,
  isReadOnly,
  isRejectedByServer,
  isRetryableRejection,
  isScarcity,
  needsFreshSession,
  serverAnswer,
} from './connection-errors.js';
export { describeTarget, resolveTarget, type DatabaseSource, type DatabaseTarget } from './database-target.js';

/** ms for the goodbye of a session: a dead network never answers it. */
export const GOODBYE = 1_000;

/** One statement of a transaction. */
export type SteadyQuery = <R extends pg.QueryResultRow>(
  config: pg.QueryConfig<unknown[]>,
) => Promise<pg.QueryResult<R>>;

export interface SteadyClientOptions {
  /** Statements for each new session: LISTEN. */
  readonly onConnect?: () => readonly string[];
}

export interface SteadyClientEvents {
  /** A session is open; its server process id. */
  connected: [processId: number | null];
  /** The session is gone, and why. */
  lost: [error: Error];
  /** A NOTIFY on a channel that is listened to. */
  notification: [payload: string, channel: string];
}

interface Open {
  readonly session: Session;
  lost: Error | null;
}

interface Job {
  send(open: Open): Promise<void>;
  reject(error: unknown): void;
}

/**
 * One dedicated connection that comes back: opened by the first query, and again by the first one after it was lost.
 *
 * - Statements go out one at a time, in the order asked for.
 * - A statement that was under way when the connection broke is rejected with ConnectionLostError (`sent`), never sent
 *   again: it may have been committed.
 * - A call tries to connect once. If that fails, it and all that wait behind it are rejected (not `sent`), so that an
 *   outage costs one timeout and not one for each.
 * - No answer in time: the session is dropped, since what it does is not known any more.
 * - Behind a transaction-mode pooler each statement is a transaction that sets what it needs.
 */
export class SteadyClient extends EventEmitter<SteadyClientEvents> {
  readonly #waiting: Job[] = [];
  #open: Open | null = null;
  #pumping: Promise<void> | null = null;
  #closed = false;

  constructor(
    private readonly make: () => Session,
    private readonly options: SteadyClientOptions = {},
  ) {
    super();
  }

  /** True while something is under way, or waits for its turn. */
  get isBusy(): boolean {
    return this.#pumping !== null;
  }

  /** True while a session is open, as far as is known. */
  get connected(): boolean {
    return this.#open !== null;
  }

  /** The server's process id for the open session, as its greeting told; null: none is open, or it did not tell. */
  get processId(): number | null {
    return this.#open?.session.processId ?? null;
  }

  /** @throws ConnectionLostError, or the server's own error (pg.DatabaseError) when it refused the statement */
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: pg.QueryConfig<unknown[]>,
  ): Promise<pg.QueryResult<R>> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        send: async (open) => {
          const { direct } = open.session.spec;
          resolve(await (direct ? this.#send<R>(open, config) : this.#transact(open, (query) => query<R>(config))));
        },
        reject,
      });
      this.#pumping ??= this.#pump();
    });
  }

  /**
   * Statements in one transaction, on one session; no other statement gets in between. When the session is lost the
   * error is ConnectionLostError (`sent`): it may have been committed.
   */
  transaction<T>(work: (query: SteadyQuery) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ send: async (open) => resolve(await this.#transact(open, work)), reject });
      this.#pumping ??= this.#pump();
    });
  }

  /** Ends the session at once, as if it were lost: the next query opens another. */
  drop(reason: Error): void {
    if (this.#open !== null) this.#drop(this.#open, reason);
  }

  /** Ends the session when what was asked for before is done. The next query opens another. */
  rest(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || (this.#open === null && this.#pumping === null)) return resolve();
      const end = async (): Promise<void> => {
        const open = this.#open;
        this.#open = null;
        if (open === null) return;
        open.lost = new Error('not needed');
        await within(GOODBYE, open.session.end().catch(ignore));
        open.session.destroy();
      };
      this.#waiting.push({ send: () => end().then(resolve), reject: () => resolve() });
      this.#pumping ??= this.#pump();
    });
  }

  /** Ends the session. A statement under way has `grace` ms (1 000); what waits is rejected. Safe to call twice. */
  async close(grace = GOODBYE): Promise<void> {
    const until = performance.now() + grace;
    this.#closed = true;
    this.#rejectWaiting(closedError());
    await within(grace, this.#pumping);
    const open = this.#open;
    if (open === null) return;
    await within(Math.max(0, until - performance.now()), open.session.end().catch(ignore));
    this.#drop(open, new Error('closed'));
  }

  async #pump(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      try {
        await job.send(this.#open ?? (await this.#connect()));
      } catch (error) {
        job.reject(error);
        if (error instanceof ConnectionLostError && !error.sent) this.#rejectWaiting(error);
      }
    }
    this.#pumping = null;
  }

  #rejectWaiting(error: Error): void {
    for (const job of this.#waiting.splice(0)) job.reject(error);
  }

  async #connect(): Promise<Open> {
    const session = this.make();
    const open: Open = { session, lost: null };
    session.on('error', (error) => this.#drop(open, error));
    session.on('notification', ({ payload = '', channel }) => this.emit('notification', payload, channel));
    session.on('end', () => this.#drop(open, new Error('the connection was closed')));
    try {
      await session.connect();
      this.#open = open;
      for (const text of this.options.onConnect?.() ?? []) await this.#send(open, { text });
      if (this.#closed) throw new Error('closed');
    } catch (error) {
      const opened = this.#open === open;
      this.#open = null;
      open.lost ??= errorOf(error);
      session.destroy();
      const what = opened ? 'could not be set up' : 'cannot be had';
      throw new ConnectionLostError(`${titleOf(session)} ${what}: ${textOf(error)}`, false, { cause: error });
    }
    this.emit('connected', session.processId);
    return open;
  }

  async #send<R extends pg.QueryResultRow>(open: Open, config: pg.QueryConfig<unknown[]>): Promise<pg.QueryResult<R>> {
    try {
      return await open.session.query<R>(config);
    } catch (error) {
      if (isRejectedByServer(error)) {
        if (needsFreshSession(error)) this.#drop(open, errorOf(error));
        throw error;
      }
      // Whatever it was, the session's state is not known any more.
      const late = isQueryTimeout(error) ? new Error(`no answer within ${open.session.patience} ms`) : errorOf(error);
      this.#drop(open, late);
      const why = textOf(open.lost ?? error);
      throw new ConnectionLostError(`${titleOf(open.session)} was lost while a statement ran: ${why}`, true, {
        cause: error,
      });
    }
  }

  async #transact<T>(open: Open, work: (query: SteadyQuery) => Promise<T>): Promise<T> {
    try {
      await this.#send(open, { text: open.session.begin });
      const result = await work((config) => {
        // Not on the next session: what was done before in this transaction is gone.
        if (open.lost !== null)
          throw new ConnectionLostError(`${titleOf(open.session)} was lost.`, true, { cause: open.lost });
        return this.#send(open, config);
      });
      await this.#send(open, { text: 'COMMIT' });
      return result;
    } catch (error) {
      if (open.lost === null) await this.#send(open, { text: 'ROLLBACK' }).catch(ignore);
      throw error;
    }
  }

  #drop(open: Open, error: Error): void {
    if (open.lost !== null) return;
    open.lost = error;
    open.session.destroy();
    if (this.#open !== open) return;
    this.#open = null;
    if (!this.#closed) this.emit('lost', error);
  }
}

function closedError(): ConnectionLostError {
  return new ConnectionLostError('The connection to PostgreSQL is closed: the module is shut down.', false);
}

function titleOf({ spec, target }: Session): string {
  return `The ${spec.role} connection to PostgreSQL (${describeTarget(target)})`;
}

/** Resolves when the work is done, or after so many ms. */
export async function within(ms: number, work: Promise<unknown> | null): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function ignore(): void {}
