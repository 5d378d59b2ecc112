import type { MatchedEvents, ReceivedEvent, WokenRun } from '../../engine/ports/store.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

/**
 * Joins events that were sent in callers' transactions with the waits that ask for them, in one transaction. A run that
 * somebody has locked is passed over: of several processes that do this at a time, one does it.
 */
export async function matchEvents(
  query: Query,
  schema: string,
  runs: readonly string[],
  limit: number,
): Promise<MatchedEvents> {
  const locked = (await query<{ id: string }>(sql('lock-free-runs', schema), [runs])).map((row) => row.id);
  const received = await query<ReceivedEvent>(sql('settle-unmatched', schema), [locked, runs]);
  const woken = locked.length === 0 ? [] : await query<WokenRun>(sql('match-waits', schema), [locked, [], null]);
  if (runs.length >= limit && locked.length > 0) return { woken, received, left: 'more' };
  return { woken, received, left: locked.length < runs.length ? 'locked' : 'none' };
}
