import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { applyRecord } from '../../core/run/machine.js';
import { remoteSteps, initialState, type RunState } from '../../core/run/run-state.js';
import type { RunValues } from '../step/run-values.js';
import { type ClaimedRow, REMOTE_SPAN, type JournalRecord } from '../ports/store.js';

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

/** The records after which a resumed run reads: its snapshot's, or the first of a step that another queue has. */
export function readAfter(row: ClaimedRow, snapshot: RunState | null): number {
  const spans = snapshot === null ? [] : remoteSteps(snapshot).map(({ nextSeq }) => nextSeq - 1);
  return Math.min(row.snapshotSeq, ...spans);
}

/**
 * Brings a claimed run to where it stood: its last snapshot, which it goes on in, and the records after it. They are read
 * by the definition that wrote them (`ranBy`), so that what new code inserted before that place is not run.
 */
export function restore(
  row: ClaimedRow,
  snapshot: RunState | null,
  ranBy: WorkflowDefinition,
  values: RunValues,
  records: readonly JournalRecord[],
): RestoredRun {
  const state = snapshot ?? initialState(ranBy, row.round);
  const spans = remoteSteps(state).map(({ nextSeq }) => nextSeq);
  const isNews = (seq: number): boolean =>
    seq > row.snapshotSeq || spans.some((from) => seq >= from && seq < from + REMOTE_SPAN);
  let seq = row.snapshotSeq;
  for (const record of records) {
    if (!isNews(record.seq)) continue;
    applyRecord(ranBy, state, record);
    const remote = record.facts?.remote;
    seq = Math.max(seq, remote === undefined ? record.seq : remote.nextSeq + REMOTE_SPAN);
  }
  return { state, values, seq };
}
