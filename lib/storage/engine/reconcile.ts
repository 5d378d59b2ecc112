import type { Reconciled, Unsound, WokenRun } from '../../engine/ports/store.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** The rows of the next stretch that look as if nothing will ever move them, and how far it went; null: to the end. */
export async function findUnsound(
  query: Query,
  schema: string,
  after: string | null,
  limit: number,
): Promise<{ rows: string[]; next: string | null }> {
  const [found] = await query<{ rows: string[]; next: string | null }>(sql('find-unsound', schema), [
    after ?? FIRST_ID,
    limit,
  ]);
  return found ?? { rows: [], next: null };
}

/**
 * Lets rows go on that nothing else would move; see durable.reconcile.
 * @param holder the worker that has them leased, and does not know of the end of a wait
 */
export async function repair(
  query: Query,
  schema: string,
  rows: readonly string[],
  holder: number | null = null,
): Promise<Omit<Reconciled, 'next'>> {
  const mended = await query<MendedRow>(sql('reconcile', schema), [rows, holder]);
  return {
    found: mended.map(({ runId, what }) => ({ subject: runId, what })),
    woken: mended.flatMap(({ runId, queue, paused, state }) =>
      queue === null ? [] : [{ runId, queue, paused, state }],
    ),
  };
}

/** Rates that would limit a queue until long after their period. */
export async function repairRates(query: Query, schema: string): Promise<Unsound[]> {
  const spans = await query<{ queue: string }>(sql('reconcile-rates', schema), []);
  return [...new Set(spans.map(({ queue }) => queue))].map((queue) => ({ subject: queue, what: 'rate' }));
}

/** Row of a run, or of a step that it has on another queue; `queue` null: it was none, and is gone. */
interface MendedRow extends Omit<WokenRun, 'queue'> {
  readonly what: Unsound['what'];
  readonly queue: string | null;
}
