import { uuidv7 } from '../../core/uuid.js';
import { sql } from '../sql.js';
import { type Lender, type Query, transaction } from './transaction.js';

/**
 * `work` in one transaction, like `transaction()`, and done once however often its answer is lost: it writes the row of its
 * request first. A further try that finds the row there gives what the earlier one came to; on a server that has lost that
 * transaction with others (a failover to an asynchronous replica) there is no row, and the work is done.
 * @param waitsFor see `transaction`
 */
export function changeOnce<T>(
  from: Lender,
  schema: string,
  work: (query: Query) => Promise<T>,
  waitsFor?: string,
): Promise<T> {
  const request = uuidv7();
  let made: { readonly result: T } | null = null;
  const once = async (query: Query): Promise<T> => {
    const [fresh] = await query(sql('request', schema), [request]);
    if (fresh === undefined && made !== null) return made.result;
    const result = await work(query);
    made = { result };
    return result;
  };
  return transaction(from, once, waitsFor);
}

/**
 * The same for work with no result, under a request of the caller's: where this rejects and says nothing of what was done, asking
 * again with that request does it if it was not.
 */
export function doOnce(
  from: Lender,
  schema: string,
  request: string,
  work: (query: Query) => Promise<unknown>,
): Promise<void> {
  return transaction(from, async (query) => {
    const [fresh] = await query(sql('request', schema), [request]);
    if (fresh !== undefined) await work(query);
  });
}
