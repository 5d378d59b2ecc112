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
 * by the definition that wrote them (`ranBy`), so that what new code inserted before that place is not run. They are of one
 * definition: another stores the place before it records anything.
 * @param own the definition of the code that goes on with it: a further round of which nothing has begun begins by that
 */
export function restore(
  row: ClaimedRow,
  snapshot: RunState | null,
  { ranBy, own }: { readonly ranBy: WorkflowDefinition; readonly own: WorkflowDefinition },
  values: RunValues,
  records: readonly JournalRecord[],
): RestoredRun {
  const spans = snapshot === null ? [] : remoteSteps(snapshot).map(({ nextSeq }) => nextSeq);
  const news = records.filter(
    ({ seq: at }) => at > row.snapshotSeq || spans.some((from) => at >= from && at < from + REMOTE_SPAN),
  );
  const state = snapshot === null ? initialState(ranBy, row.round) : takenUp(snapshot, news.length > 0 ? ranBy : own);
  let seq = row.snapshotSeq;
  for (const record of news) {
    applyRecord(ranBy, state, record);
    const remote = record.facts?.remote;
    seq = Math.max(seq, remote === undefined ? record.seq : remote.nextSeq + REMOTE_SPAN);
  }
  return { state, values, seq };
}

function takenUp(snapshot: RunState, definition: WorkflowDefinition): RunState {
  if (snapshot.unbegun === undefined) return snapshot;
  const { unbegun: _, ...begun } = snapshot;
  return { ...begun, root: initialState(definition, begun.round).root };
}
