import { StoreError } from '../../engine/ports/store.js';
import type * as port from '../../engine/ports/store.js';
import { type ClaimRow, claimedRow } from './claimed-row.js';
import { type FoundRow, journalRecord, takenWait } from './engine-rows.js';

/** Records after a snapshot that a claim gives at most (0002-functions.sql): of more, all are to be read. */
const MOST_RECORDS = 100;

/** A row of the statements that read by the way. */
export interface ReadingRow extends ClaimRow {
  /** ms since 1970 */
  readonly now_ms: number;
  readonly is_read: boolean;
  /** A wait or a record of the run `id`, which was claimed by one of the rows before. */
  readonly item: FoundRow | null;
}

/**
 * A claim that reads by the way. Where the server refuses that, since what one of them has stored cannot be read or is too
 * much, one that does not: it is refused for what a claim itself needs.
 */
export async function claimReading(claim: (reads: boolean) => Promise<ReadingRow[]>): Promise<port.ClaimedRow[]> {
  const asked = performance.now();
  const rows = await claim(true).catch((error: unknown) => {
    const isRefused = error instanceof StoreError && ['rejected', 'retry', 'scarce'].includes(error.kind);
    if (isRefused) return claim(false);
    throw error;
  });
  return readingRows(rows, asked);
}

/** @param asked performance.now() before it was asked for */
export function readingRows(rows: readonly ReadingRow[], asked: number): port.ClaimedRow[] {
  const found = new Map<string, FoundRow[]>(rows.flatMap(({ is_read, id }) => (is_read ? [[id, []]] : [])));
  for (const { id, item } of rows) if (item !== null) found.get(id)?.push(item);
  return rows.flatMap((row) => {
    if (row.item !== null) return [];
    const claimed = claimedRow(row);
    const items = row.is_read ? found.get(row.id) : undefined;
    return items === undefined ? [claimed] : [{ ...claimed, read: readOf(row, items, asked) }];
  });
}

/** Undefined: it is to be read by itself, which is where what cannot be read is dealt with, or all of many records is had. */
function readOf(row: ReadingRow, items: readonly FoundRow[], asked: number): port.ReadByTheWay | undefined {
  const waits = items.flatMap((item) => ('kind' in item ? [takenWait(item)] : []));
  try {
    const records = items.flatMap((item) => ('kind' in item ? [] : [journalRecord(item)]));
    const after = records.filter(({ seq }) => seq > row.snapshot_seq);
    return after.length >= MOST_RECORDS ? undefined : { waits, records, now: row.now_ms, asked };
  } catch {
    return undefined;
  }
}
