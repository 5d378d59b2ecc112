import { type ClaimOffer, type DueRows, StoreError } from '../../engine/ports/store.js';
import { claimableJson } from './claimed-row.js';
import { isRefused, type ReadingRow, readingRows } from './reading-rows.js';
import type { Run } from './store-client.js';

interface WokenRow {
  readonly woken: number;
  readonly queues: readonly string[];
  readonly late: readonly string[];
  readonly next_in_ms: number | null;
  readonly claimed?: ReadingRow | null;
}

/** Where the server refuses to claim what wakes, since what one of them has stored cannot be read, it only wakes. */
export async function wakeDue(run: Run, limit: number, offer: ClaimOffer | null): Promise<DueRows> {
  if (offer === null) return dueRows(await run<WokenRow>('wake-due', [limit]), 0);
  const asked = performance.now();
  const { worker, places, definitions } = offer;
  const values = [limit, worker, JSON.stringify(places), claimableJson(definitions)];
  try {
    return dueRows(await run<WokenRow>('wake-due-and-claim', values), asked);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return wakeDue(run, limit, null);
  }
}

function dueRows(rows: readonly WokenRow[], asked: number): DueRows {
  const [first] = rows;
  if (first === undefined) throw new StoreError('rejected', 'The look at what is due has no answer');
  const { woken, queues, late, next_in_ms } = first;
  const claimed = readingRows(
    rows.flatMap((row) => row.claimed ?? []),
    asked,
  );
  return { woken, queues, late, nextInMs: next_in_ms, claimed };
}
