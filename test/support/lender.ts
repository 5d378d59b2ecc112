import type pg from 'pg';
import type { Lender } from '../../lib/storage/connection/transaction.js';

type Send = () => Promise<pg.QueryResult>;
type Around = (text: string, send: Send, client: pg.PoolClient) => Promise<pg.QueryResult>;

/** Lends the sessions of a pool with something around each of their statements: a note, a refusal, a lost answer. */
export function aroundPool(pool: pg.Pool, around: Around): Lender {
  return {
    async connect() {
      const client = await pool.connect();
      const query = (text: string, values?: unknown[]) => around(text, () => client.query(text, values), client);
      return { query, release: (broken?: Error) => client.release(broken) } as unknown as pg.PoolClient;
    },
  };
}

/** The answers to the first so many statements are lost. */
export function losingAnswers(pool: pg.Pool, which: (text: string) => boolean, count = 1): Lender {
  let left = count;
  return aroundPool(pool, async (text, send) => {
    const result = await send();
    if (which(text) && left-- > 0) throw new Error('Connection terminated unexpectedly');
    return result;
  });
}
