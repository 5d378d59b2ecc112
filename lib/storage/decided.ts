import type pg from 'pg';
import { type Query, transaction } from './transaction.js';

/**
 * `work` in one transaction, like `transaction()`; where the connection breaks, the next try asks the server what became
 * of the one before, by its number, and does not repeat one that was committed.
 *
 * `lock` comes first and must wait for the row that `work` writes, so that the transaction before is over by then.
 */
export function decidedTransaction<L, T>(
  pool: pg.Pool,
  lock: (query: Query) => Promise<L>,
  work: (query: Query, locked: L) => Promise<T>,
): Promise<T> {
  let last: { readonly number: string; readonly result: T } | null = null;
  return transaction(pool, async (query, unsure) => {
    const locked = await lock(query);
    if (unsure && last !== null) {
      const [found] = await query<{ state: string }>('SELECT pg_xact_status($1::text::xid8) AS state', [last.number]);
      if (found?.state === 'committed') return last.result;
    }
    const result = await work(query, locked);
    const [row] = await query<{ number: string }>('SELECT pg_current_xact_id()::text AS number', []);
    last = row === undefined ? null : { number: row.number, result };
    return result;
  });
}
