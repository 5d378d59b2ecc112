import type * as port from '../../engine/ports/store.js';
import { type FoundRow, journalRecord, takenWait } from './engine-rows.js';

/** Records after a snapshot that a claim gives at most (0002-functions.sql): of more, all are to be read. */
const MOST_RECORDS = 100;

/** A row as the statements that claim give it. */
export interface ClaimRow {
  readonly id: string;
  readonly run_id: string;
  readonly token: number;
  readonly queue: string;
  readonly definition_id: number;
  readonly ran_by: number;
  readonly recoveries: number;
  readonly step: string | null;
  readonly cancel: string | null;
  readonly priority: number;
  readonly deadline_in_ms: number | null;
  readonly fresh: boolean;
  readonly workflow: string;
  readonly input: string;
  readonly snapshot: string | null;
  readonly snapshot_seq: number;
  readonly round: number;
  readonly parent_id: string | null;
  /** ms */
  readonly schedule_time: number | null;
  readonly traceparent: string | null;
  readonly lag_ms: number | null;
  readonly age_ms: number | null;
}

/** Definitions in the form that the statements which claim take. */
export function claimableJson(definitions: readonly port.Claimable[]): string {
  return JSON.stringify(definitions.map(({ id, runAs, timeout }) => ({ id, run_as: runAs, timeout })));
}

/** A row of the statements that read by the way. */
export interface ReadingRow extends ClaimRow {
  /** ms since 1970 */
  readonly now_ms: number;
  readonly is_read: boolean;
  /** A wait or a record of the run `id`, which was claimed by one of the rows before. */
  readonly item: FoundRow | null;
}

/** @param asked performance.now() before it was asked for */
export function readingRows(rows: readonly ReadingRow[], asked: number): port.ClaimedRow[] {
  const found = new Map<string, { waits: port.TakenWait[]; records: port.JournalRecord[] }>();
  const claimed: port.ClaimedRow[] = [];
  for (const row of rows) {
    if (row.item === null) {
      const base = claimedRow(row);
      const read = { waits: [], records: [] };
      if (row.is_read) found.set(row.id, read);
      claimed.push(row.is_read ? { ...base, read: { ...read, now: row.now_ms, asked } } : base);
      continue;
    }
    const read = found.get(row.id);
    if ('kind' in row.item) read?.waits.push(takenWait(row.item));
    else read?.records.push(journalRecord(row.item));
  }
  return claimed.map((row) => (isCutShort(row) ? { ...row, read: null } : row));
}

function isCutShort({ read, snapshotSeq }: port.ClaimedRow): boolean {
  return read != null && read.records.filter(({ seq }) => seq > snapshotSeq).length >= MOST_RECORDS;
}

export function claimedRow(row: ClaimRow): port.ClaimedRow {
  return {
    rowId: row.id,
    runId: row.run_id,
    token: row.token,
    workflow: row.workflow,
    definitionId: row.definition_id,
    ranBy: row.ran_by,
    queue: row.queue,
    input: row.input,
    snapshot: row.snapshot,
    snapshotSeq: row.snapshot_seq,
    round: row.round,
    fresh: row.fresh,
    recoveries: row.recoveries,
    deadlineInMs: row.deadline_in_ms,
    step: row.step,
    scheduledTime: row.schedule_time,
    priority: row.priority,
    parentId: row.parent_id,
    cancel: row.cancel,
    traceparent: row.traceparent,
    lagMs: row.lag_ms ?? 0,
    ageMs: row.age_ms ?? 0,
  };
}

/** A start that was leased as it was written: the row that a claim of it would have given. */
export function leasedStart(start: port.StartOp, { runAs, timeout }: port.Claimable): port.ClaimedRow {
  const { id, workflow, definitionId, queue, input, priority, parentId, traceparent } = start;
  return {
    rowId: id,
    runId: id,
    token: 1,
    workflow,
    definitionId: runAs,
    ranBy: definitionId,
    queue,
    input,
    snapshot: null,
    snapshotSeq: 0,
    round: 1,
    fresh: true,
    recoveries: 0,
    deadlineInMs: timeout,
    step: null,
    scheduledTime: null,
    priority,
    parentId,
    cancel: null,
    traceparent,
    lagMs: 0,
    ageMs: 0,
  };
}
