import type { WorkflowDefinition } from '../core/definition.js';
import { applyRecord, initialState, type RunState } from '../core/machine.js';
import { RunValues } from './run-values.js';
import type { ClaimedRow, JournalRecord } from './store.js';

export interface RestoredRun {
  readonly state: RunState;
  readonly values: RunValues;
  /** The highest record number in use. */
  readonly seq: number;
}

/** The state kept at the last suspension; null: the run never suspended. */
export function snapshotOf(row: ClaimedRow): RunState | null {
  return row.snapshot === null ? null : (JSON.parse(row.snapshot) as RunState);
}

/**
 * Brings a claimed run to where it stood: its last snapshot and the records after it. They are read by the definition
 * that wrote them (`ranBy`), so that what new code inserted before that place is not run.
 */
export function restore(row: ClaimedRow, ranBy: WorkflowDefinition, records: readonly JournalRecord[]): RestoredRun {
  const state = snapshotOf(row) ?? initialState(ranBy, row.round);
  let seq = row.snapshotSeq;
  for (const record of records) {
    if (record.seq <= row.snapshotSeq) continue;
    applyRecord(ranBy, state, { ...record, hasOutput: record.output !== null });
    seq = Math.max(seq, record.seq);
  }
  return { state, values: new RunValues(row.input, records), seq };
}
