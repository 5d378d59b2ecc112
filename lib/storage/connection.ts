import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import pg from 'pg';
import { errorOf, textOf } from '../core/text-of.js';
import { ConnectionLostError, isRejectedByServer, needsFreshSession } from './connection-errors.js';
import { describeTarget, type DatabaseTarget } from './database-target.js';
import { clientClass } from './statement-log.js';

export {
  ConnectionLostError,
  isConnectionError,
  isQueryTimeout,
  isRejectedByServer,
  isRetryableRejection,
  needsFreshSession,
  serverAnswer,
} from './connection-errors.js';
export { describeTarget, resolveTarget, type DatabaseSource, type DatabaseTarget } from './database-target.js';

/** ms. pg's own default is to wait for ever on a network that has gone silent; the target's options win. */
const CONNECT_TIMEOUT = 5_000;
const QUERY_TIMEOUT = 30_000;
const KEEP_ALIVE_DELAY = 10_000;

const INT8 = 20;
const TIMESTAMPTZ = 1184;

/**
 * How values are read, on our connections only: bigint as a number where it is exact (else text, as pg has it).
 * timestamptz is a Date here even where the app has set another parser for all of pg.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8 && format !== 'binary') return parseInt8;
    if (oid === TIMESTAMPTZ && format !== 'binary') return parseTimestamp;
    return pg.types.getTypeParser(oid, format);
  },
};

/** Connection options for every client of ours, in pools of other makers too. */
export function hardened(target: DatabaseTarget, applicationName: string): pg.ClientConfig {
  return {
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    query_timeout: QUERY_TIMEOUT,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY,
    ...target.config,
    types,
    application_name: applicationName,
  };
}

export interface PoolSettings {
  /** Connections at most. */
  readonly max: number;
  /** application_name of its sessions. */
  readonly name: string;
}

/** A pool that survives outages: bounded waits, keep-alive, and no session's end can bring the process down. */
export function openPool(target: DatabaseTarget, { max, name }: PoolSettings): pg.Pool {
  const pool = new pg.Pool({ ...hardened(target, name), Client: clientClass(target), max, allowExitOnIdle: true });
  // The pool drops the session by itself; whoever uses it at that moment gets the error from the query.
  pool.on('error', ignore);
  // The pool listens to idle sessions only: one that ends while it is lent out would be an unhandled 'error'.
  pool.on('connect', (client) => client.on('error', ignore));
  return pool;
}

/** One statement of a transaction. */
export type SteadyQuery = <R extends pg.QueryResultRow>(
  config: pg.QueryConfig<unknown[]>,
) => Promise<pg.QueryResult<R>>;

export interface SteadyClientOptions {
  /** What the connection is for; part of error messages. */
  readonly role: string;
  readonly applicationName: string;
  /** SET statements, run on each new session. */
  readonly onConnect?: readonly string[];
  /** ms a statement may take, from when it is sent. Default: 30 000. */
  readonly queryTimeoutMs?: number;
}

export interface SteadyClientEvents {
  /** A session is open; its server process id. */
  connected: [processId: number | null];
  /** The session is gone, and why. */
  lost: [error: Error];
  /** A NOTIFY on a channel that `onConnect` listens to. */
  notification: [payload: string];
}

interface Session {
  readonly client: pg.Client;
  readonly socket: { destroy(): void };
  lost: Error | null;
}

interface Job {
  send(session: Session): Promise<void>;
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
 */
export class SteadyClient extends EventEmitter<SteadyClientEvents> {
  readonly #queryTimeout: number;
  readonly #waiting: Job[] = [];
  #session: Session | null = null;
  #pumping: Promise<void> | null = null;
  #closed = false;

  constructor(
    private readonly target: DatabaseTarget,
    private readonly options: SteadyClientOptions,
  ) {
    super();
    this.#queryTimeout = options.queryTimeoutMs ?? target.config.query_timeout ?? QUERY_TIMEOUT;
  }

  /** Whether a session is open, as far as is known. */
  get connected(): boolean {
    return this.#session !== null;
  }

  /** The server's process id for the open session, as its greeting told; null: none is open, or it did not tell. */
  get processId(): number | null {
    return this.#session === null ? null : processId(this.#session.client);
  }

  /** @throws ConnectionLostError, or the server's own error (pg.DatabaseError) when it refused the statement */
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: pg.QueryConfig<unknown[]>,
  ): Promise<pg.QueryResult<R>> {
    if (this.#closed) return Promise.reject(new ConnectionLostError(`${this.#title} is closed.`, false));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ send: async (session) => resolve(await this.#send<R>(session, config)), reject });
      this.#pumping ??= this.#pump();
    });
  }

  /**
   * Statements in one transaction, on one session; no other statement gets in between. When the session is lost the
   * error is ConnectionLostError (`sent`): it may have been committed.
   */
  transaction<T>(work: (query: SteadyQuery) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new ConnectionLostError(`${this.#title} is closed.`, false));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ send: async (session) => resolve(await this.#transact(session, work)), reject });
      this.#pumping ??= this.#pump();
    });
  }

  /** Ends the session. A statement under way has `grace` ms (1 000); what waits is rejected. Safe to call twice. */
  async close(grace = 1_000): Promise<void> {
    this.#closed = true;
    this.#rejectWaiting(new ConnectionLostError(`${this.#title} was closed.`, false));
    await within(grace, this.#pumping);
    const session = this.#session;
    if (session === null) return;
    const drop = () => this.#drop(session, new Error('closed'));
    // A goodbye into a dead network is never answered.
    await within(grace, session.client.end().catch(ignore));
    drop();
  }

  async #pump(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      try {
        const session = this.#session ?? (await this.#open());
        await job.send(session);
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

  async #open(): Promise<Session> {
    const config = hardened(this.target, this.options.applicationName);
    // A socket of ours, so that it can be destroyed: pg's end() waits for a silent server.
    const socket = config.stream?.() ?? new Socket();
    const client = new (clientClass(this.target))({ ...config, query_timeout: undefined, stream: () => socket });
    const session: Session = { client, socket, lost: null };
    client.on('error', (error) => this.#drop(session, error));
    client.on('notification', ({ payload = '' }) => this.emit('notification', payload));
    client.on('end', () => this.#drop(session, new Error('the connection was closed')));
    try {
      await client.connect();
      this.#session = session;
      for (const text of this.options.onConnect ?? []) await this.#send(session, { text });
      if (this.#closed) throw new Error('closed');
    } catch (error) {
      const opened = this.#session === session;
      this.#session = null;
      session.lost ??= errorOf(error);
      socket.destroy();
      const what = opened ? 'could not be set up' : 'cannot be reached';
      throw new ConnectionLostError(`${this.#title} ${what}: ${textOf(error)}.`, false, { cause: error });
    }
    this.emit('connected', processId(client));
    return session;
  }

  async #send<R extends pg.QueryResultRow>(
    session: Session,
    config: pg.QueryConfig<unknown[]>,
  ): Promise<pg.QueryResult<R>> {
    const timeout = this.#queryTimeout;
    const timer = setTimeout(() => this.#drop(session, new Error(`no answer within ${timeout} ms`)), timeout);
    try {
      return await session.client.query<R>(config);
    } catch (error) {
      if (isRejectedByServer(error)) {
        if (needsFreshSession(error)) this.#drop(session, errorOf(error));
        throw error;
      }
      // Whatever it was, the session's state is not known any more.
      this.#drop(session, errorOf(error));
      const why = textOf(session.lost ?? error);
      throw new ConnectionLostError(`${this.#title} was lost while a statement ran: ${why}.`, true, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async #transact<T>(session: Session, work: (query: SteadyQuery) => Promise<T>): Promise<T> {
    await this.#send(session, { text: 'BEGIN' });
    try {
      const result = await work((config) => {
        // Not on the next session: what was done before in this transaction is gone.
        if (session.lost !== null)
          throw new ConnectionLostError(`${this.#title} was lost.`, true, { cause: session.lost });
        return this.#send(session, config);
      });
      await this.#send(session, { text: 'COMMIT' });
      return result;
    } catch (error) {
      if (session.lost === null) await this.#send(session, { text: 'ROLLBACK' }).catch(ignore);
      throw error;
    }
  }

  #drop(session: Session, error: Error): void {
    if (session.lost !== null) return;
    session.lost = error;
    session.socket.destroy();
    if (this.#session !== session) return;
    this.#session = null;
    if (!this.#closed) this.emit('lost', error);
  }

  get #title(): string {
    return `The ${this.options.role} connection to PostgreSQL (${describeTarget(this.target)})`;
  }
}

/** Server process id of a session; null where the server (or a pooler) did not tell. */
function processId(client: pg.Client): number | null {
  // pg sets it from the server's greeting, its type declarations leave it out.
  const { processID } = client as { processID?: number | null };
  return processID ?? null;
}

function parseInt8(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** `2026-01-31 12:00:00.123456+02`, `infinity`; anything else (BC, other DateStyles) is left to pg. */
function parseTimestamp(text: string): Date | number {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d)(:\d\d)?$/.exec(text);
  if (match !== null)
    return new Date(`${match[1]}T${match[2]}${(match[3] ?? '').slice(0, 4)}${match[4]}${match[5] ?? ':00'}`);
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  return pg.types.getTypeParser(TIMESTAMPTZ)(text);
}

async function within(ms: number, work: Promise<unknown> | null): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function ignore(): void {}
