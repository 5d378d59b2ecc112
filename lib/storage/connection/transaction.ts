import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { isDurableError } from '../../core/errors/durable-error.js';
import { TooSlowError } from '../../core/errors/errors-client.js';
import { textOf } from '../../core/text-of.js';
import {
  ConnectionLostError,
  isConnectionError,
  isRetryableRejection,
  needsFreshSession,
  serverAnswer,
} from './connection-errors.js';
import { callersRefused, databaseRefused, databaseUnavailable, stillLocked } from './refusals.js';
import { preparedName } from '../sql.js';
import { Session } from './session.js';

/** Runs one statement and gives its rows. */
export type Query = <R extends object>(text: string, parameters: readonly unknown[]) => Promise<R[]>;

/** Lender of sessions: the pool, or its lane for statements that may wait for locks. */
export interface Lender {
  connect(): Promise<pg.PoolClient>;
  /** The part of a pool for what may have to wait for a lock of somebody else. */
  readonly lane?: Lender;
  /** True: reads are tried once, and cut short by a limit of the session. Default: false. */
  readonly triedOnce?: boolean;
  /** A read, which may be done twice, on sessions that it chooses. Default: its own. */
  read?<T>(work: (from: Lender) => Promise<T>): Promise<T>;
}

/** The lane for statements that may have to wait for another's lock: it leaves sessions for all else. */
export function laneOf(lender: Lender): Lender {
  return lender.lane ?? lender;
}

/** ms before each further try, the last one again and again; a deadlock is over at once. */
const DELAYS = [20, 100, 400, 1_000];
/** ms after which no further try is begun: an outage, or a lock that somebody keeps, may last so long. */
const PATIENCE = 25_000;
/** ms after which the caller gets an answer, whatever the try under way is waiting for. */
const DEADLINE = 28_000;

/** Statements on sessions of the lender, each in a transaction of its own, or on one that is lent; tried once. */
export function queryOf(from: Lender | pg.PoolClient): Query {
  if ('release' in from) return (text, parameters) => alone(from, text, parameters);
  return (text, parameters) => lent(from, (client) => alone(client, text, parameters));
}

/** Query for statements that only read, or may be done twice: tried until the database has answered. See `withReconnect`. */
export function readsOf(lender: Lender): Query {
  const query: Query = (text, parameters) =>
    lender.read === undefined
      ? queryOf(lender)(text, parameters)
      : lender.read((from) => queryOf(from)(text, parameters));
  if (lender.triedOnce === true) return (text, parameters) => onlyOnce(() => query(text, parameters));
  return (text, parameters) => withReconnect(() => query(text, parameters));
}

/**
 * `work`, which may be done twice, in one transaction; see `withReconnect` for what happens when it cannot be had.
 * @param waitsFor what a lock that `work` may wait for is of, in a few words: "run 0198…"
 */
export function transaction<T>(lender: Lender, work: (query: Query) => Promise<T>, waitsFor?: string): Promise<T> {
  return withReconnect(() => inTransaction(lender, work), waitsFor);
}

/**
 * `work` in one transaction (READ COMMITTED), tried once.
 * @param set statements that follow its BEGIN: SET LOCAL
 */
export function inTransaction<T>(lender: Lender, work: (query: Query) => Promise<T>, set = ''): Promise<T> {
  return lent(lender, (client) => within(client, set, work));
}

/**
 * Tries again after a deadlock, a lock that was not to be had or the like, and after the connection was lost. The session
 * goes back in between, so that who waits for a lock holds up nobody.
 *
 * `again` is true when an earlier try may have been committed all the same, so `work` must look before it does anything
 * twice.
 * @param waitsFor see `transaction`
 * @throws DurableError only: DatabaseUnavailableError within 30 s when the database stays away, or the lock does
 */
export async function withReconnect<T>(work: (again: boolean) => Promise<T>, waitsFor?: string): Promise<T> {
  const since = performance.now();
  let lostOne = false;
  for (let tries = 1; ; tries++) {
    try {
      return await answered(work(lostOne), since + DEADLINE);
    } catch (error) {
      const lost = isConnectionError(error);
      if (!lost && !isRetryableRejection(error)) throw isDurableError(error) ? error : databaseRefused(error);
      if (performance.now() - since > PATIENCE) {
        throw lost ? databaseUnavailable(error) : stillLocked(error, waitsFor, PATIENCE);
      }
      lostOne ||= lost && !(error instanceof ConnectionLostError && !error.sent);
      await pause(DELAYS[tries - 1] ?? 1_000);
    }
  }
}

/**
 * Work in a transaction of the app, on its connection: tried once, since only the app can begin that transaction again.
 * @throws DurableError only: TransactionFailedError where the app may well do that
 */
export async function onManager<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isDurableError(error)) throw error;
    throw isConnectionError(error) ? databaseUnavailable(error) : callersRefused(error);
  }
}

/** `work` on all that is stored at one moment, tried once, changing nothing. @throws DurableError only */
export function snapshot<T>(lender: Lender, work: (query: Query) => Promise<T>): Promise<T> {
  return onlyOnce(() => lent(lender, (client) => within(client, '', work, 'REPEATABLE READ READ ONLY')));
}

/** @throws DurableError only: TooSlowError where the server cut it short */
async function onlyOnce<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (serverAnswer(error)?.code === CUT_SHORT) throw new TooSlowError();
    if (isConnectionError(error)) throw databaseUnavailable(error);
    throw isDurableError(error) ? error : databaseRefused(error);
  }
}

/** SQLSTATE: statement_timeout. */
const CUT_SHORT = '57014';

/** Rejects at that time as if the connection were lost, whatever becomes of the work then: it may be done all the same. */
async function answered<T>(work: Promise<T>, until: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const { message } = databaseUnavailable(new Error('no answer'));
    timer = setTimeout(() => reject(new ConnectionLostError(message, true)), until - performance.now());
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A session that is over, or on a server that takes no writes any more, does not go back. */
async function lent<T>(lender: Lender, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await lender.connect().catch((error: unknown) => {
    if (textOf(error).startsWith('Cannot use a pool')) throw databaseUnavailable(new Error('the module is shut down'));
    // What the server has answered says why. All else is the way to it: a certificate, a password that cannot be had.
    if (error instanceof ConnectionLostError || (serverAnswer(error) !== undefined && !isConnectionError(error)))
      throw error;
    throw new ConnectionLostError(`Could not connect to PostgreSQL: ${textOf(error)}`, false, { cause: error });
  });
  let broken: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    if (isConnectionError(error) || needsFreshSession(error)) broken = error as Error;
    throw error;
  } finally {
    client.release(broken);
  }
}

async function alone<R extends object>(
  client: pg.PoolClient,
  text: string,
  parameters: readonly unknown[],
): Promise<R[]> {
  if (client instanceof Session && !client.spec.direct) return within(client, '', (query) => query(text, parameters));
  return send(client, text, parameters);
}

async function send<R extends object>(
  client: pg.PoolClient,
  text: string,
  parameters: readonly unknown[],
): Promise<R[]> {
  const values = [...parameters];
  const name = client instanceof Session && client.spec.direct ? preparedName(text) : undefined;
  return (await (name === undefined ? client.query<R>(text, values) : client.query<R>({ name, text, values }))).rows;
}

async function within<T>(
  client: pg.PoolClient,
  set: string,
  work: (query: Query) => Promise<T>,
  isolation = 'READ COMMITTED',
): Promise<T> {
  const own = client instanceof Session ? client.begin : 'BEGIN ISOLATION LEVEL READ COMMITTED';
  const begin = own.replace('READ COMMITTED', isolation);
  try {
    // Of several statements the first may have begun it, and a later one be refused.
    await client.query(set === '' ? begin : `${begin}; ${set}`);
    const result = await work((text, parameters) => send(client, text, parameters));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // One whose state is not known any more is not lent again.
    if (!isConnectionError(error)) await client.query('ROLLBACK').catch(() => end(client));
    throw error;
  }
}

function end(client: pg.PoolClient): void {
  (client as unknown as pg.Client).end().catch(() => {});
}
