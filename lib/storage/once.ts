import type pg from 'pg';
import { uuidv7 } from '../core/uuid.js';
import { sql } from './sql.js';
import { type Query, transaction } from './transaction.js';

/**
 * `work` in one transaction, like `transaction()`, and done once however often its answer is lost: it writes the row of its
 * request first. A further try that finds the row there gives what the earlier one came to; on a server that has lost that
 * transaction with others (a failover to an asynchronous replica) there is no row, and the work is done.
 */
export function changeOnce<T>(pool: pg.Pool, schema: string, work: (query: Query) => Promise<T>): Promise<T> {
  const request = uuidv7();
  let made: { readonly result: T } | null = null;
  return transaction(pool, async (query) => {
    const [fresh] = await query(sql('request', schema), [request]);
    if (fresh === undefined && made !== null) return made.result;
    const result = await work(query);
    made = { result };
    return result;
  });
}
