import type { Reconciled, Unsound, WokenRun } from '../engine/store.js';
import { sql } from './sql.js';
import type { Query } from './transaction.js';

/** The runs of the next stretch that look as if nothing will ever wake them, and how far it went; null: to the end. */
export async function findUnsound(
  query: Query,
  schema: string,
  after: string,
  limit: number,
): Promise<{ runs: string[]; next: string | null }> {
  const rows = await query<{ runId: string | null; what: string | null }>(sql('find-unsound', schema), [after, limit]);
  const runs = rows.flatMap(({ runId, what }) => (runId === null || what === null ? [] : [runId]));
  return { runs: [...new Set(runs)], next: rows.find(({ what }) => what === null)?.runId ?? null };
}

/**
 * Lets runs go on that nothing else would wake, in one transaction: locks them, then looks again, so that whoever wakes
 * one at the same time comes first and nothing is found. One that somebody has locked is left for the next time.
 */
export async function repair(query: Query, schema: string, runs: readonly string[]): Promise<Omit<Reconciled, 'next'>> {
  const locked = (await query<{ id: string }>(sql('lock-free-runs', schema), [runs])).map(({ id }) => id);
  if (locked.length === 0) return { found: [], woken: [] };
  const rows = await query<Unsound>(sql('unsound', schema), [locked]);
  const unsound = [...new Set(rows.map(({ runId }) => runId))];
  // Each run is told of once. One that waits for nothing any more has, as a rule, something that has ended.
  const found = unsound.map((id) => {
    const whats = rows.filter(({ runId }) => runId === id).map(({ what }) => what);
    return { runId: id, what: whats.find((what) => what !== 'nothing') ?? ('nothing' as const) };
  });
  if (unsound.length === 0) return { found: [], woken: [] };
  const woken = await query<WokenRun>(sql('match-waits', schema), [unsound, []]);
  for (const runId of unsound.filter((id) => !woken.some((run) => run.runId === id))) {
    const [row] = await query<Omit<WokenRun, 'runId'>>(sql('wake-run', schema), [runId]);
    if (row !== undefined) woken.push({ runId, queue: row.queue, paused: row.paused, state: row.state });
  }
  return { found, woken };
}
