import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { DatabaseUnavailableError } from '../core/errors.js';
import { textOf } from '../core/text-of.js';
import { isConnectionError, isRetryableRejection } from './connection-errors.js';

/** Runs one statement and gives its rows. */
export type Query = <R extends object>(text: string, parameters: readonly unknown[]) => Promise<R[]>;

/** ms before each further try, the last one again and again; a deadlock is over at once. */
const DELAYS = [20, 100, 400, 1_000];
/** Tries in all where the server refuses; a deadlock does not come back that often. */
const REFUSALS = 8;
/** How long an outage may last, ms: as long as for a start that the journal writer has. */
const PATIENCE = 30_000;

/** The statements of a pool, each a transaction of its own. */
export function queryOf(executor: pg.Pool | pg.PoolClient): Query {
  return async <R extends object>(text: string, parameters: readonly unknown[]) =>
    (await executor.query<R>(text, [...parameters])).rows;
}

/** `work`, which may be done twice, in one transaction; see `persist` for what happens when it cannot be had. */
export function transaction<T>(pool: pg.Pool, work: (query: Query) => Promise<T>): Promise<T> {
  return persist(() => inTransaction(pool, work));
}

/** `work` in one transaction, tried once. */
export async function inTransaction<T>(pool: pg.Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(queryOf(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    broken = await rollBack(client, error);
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * Tries again after a deadlock or the like, and after the connection was lost: then `again` is true, since an earlier
 * try may have been committed all the same, and `work` must look before it does anything twice.
 * @throws DatabaseUnavailableError when the database stays away for 30 s
 */
export async function persist<T>(work: (again: boolean) => Promise<T>): Promise<T> {
  const since = performance.now();
  let lostOne = false;
  for (let tries = 1; ; tries++) {
    try {
      return await work(lostOne);
    } catch (error) {
      const lost = isConnectionError(error);
      const retry = lost ? performance.now() - since < PATIENCE : isRetryableRejection(error) && tries < REFUSALS;
      if (!retry) throw lost ? unavailable(error) : error;
      lostOne ||= lost;
      await pause(DELAYS[tries - 1] ?? 1_000);
    }
  }
}

async function rollBack(client: pg.PoolClient, error: unknown): Promise<Error | undefined> {
  if (isConnectionError(error)) return error as Error;
  return client.query('ROLLBACK').then(
    () => undefined,
    (lost: Error) => lost,
  );
}

function unavailable(cause: unknown): DatabaseUnavailableError {
  if (cause instanceof DatabaseUnavailableError) return cause;
  const why = textOf(cause);
  return new DatabaseUnavailableError(
    `PostgreSQL cannot be reached (${why}). What was asked for may have been done: look before you ask again.`,
    { cause },
  );
}
