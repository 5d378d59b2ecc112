import { encode } from '../../core/codec/codec.js';
import { stepNameOf } from '../../core/definition/definition-path.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { textOf } from '../../core/text-of.js';
import { NO_EXTRAS } from '../step/child-start.js';
import { tellCommitted, tellRemoteStep } from './observed.js';
import { isPassing, retryUntilAnswered } from '../journal/retry-until-answered.js';
import type { SessionDeps } from './session.js';
import type { ClaimedRow, RemoteStepOp, NewRecord, RunOp } from '../ports/store.js';

/** The error of a run that cannot go on since the record of a step is refused. */
export function refusalOf(path: string, cause: unknown): Error {
  return new Error(`The record of step "${stepNameOf(path)}" (${path}) could not be committed: ${textOf(cause)}`, {
    cause,
  });
}

/**
 * Pauses a run with the error that stands against going on, exactly as its last suspension left it: nothing is guessed and
 * nothing is skipped, a person is to look. A step on another queue is paused with its run, which gets the error.
 *
 * @param error null: the run goes back to its queue instead
 * @param isOver its outcome counts no longer
 * @param notes records that go along; a database that takes them takes records
 * @returns false: refused for a passing reason. A failure is reported, and the row stays leased: it is given back by the
 * next look at the leases, which counts as a recovery
 */
export async function pauseAsItIs(
  deps: SessionDeps,
  row: ClaimedRow,
  error: unknown,
  isOver: () => boolean,
  notes: readonly NewRecord[] = [],
): Promise<boolean> {
  try {
    if (row.step === null) await pauseRun(deps, row, error, notes);
    else await pauseRemoteStep(deps, row, error, isOver, notes);
    return true;
  } catch (refusal) {
    if (isPassing(refusal)) return false;
    deps.onTrouble(`Run ${row.runId} could not be paused: ${textOf(refusal)}`);
    return true;
  }
}

async function pauseRun(deps: SessionDeps, row: ClaimedRow, error: unknown, records: readonly NewRecord[]) {
  const { rowId, runId, token, cancel, snapshot, snapshotSeq, round } = row;
  const op: RunOp = {
    rowId,
    runId,
    token,
    after: [],
    afterWait: null,
    records,
    outcome: {
      kind: 'park',
      delayMs: 0,
      because: null,
      pause: error !== null,
      holds: error !== null && cancel !== null,
      snapshot,
      snapshotSeq,
      asItWas: true,
      needs: null,
      dataSeq: null,
      round,
      heard: 0,
      error: error === null ? null : encode(toStoredError(error)),
    },
    extras: null,
  };
  const ack = await deps.writer.commit(op);
  if (!ack.taken) return;
  tellCommitted(deps, row, op, ack);
  if (ack.ready) deps.onDue(row.queue, 0);
}

async function pauseRemoteStep(
  deps: SessionDeps,
  row: ClaimedRow,
  error: unknown,
  isOver: () => boolean,
  records: readonly NewRecord[],
) {
  const { rowId, runId, token } = row;
  const extras = { ...NO_EXTRAS, pause: encode(toStoredError(error)) };
  const op: RemoteStepOp = { rowId, runId, token, after: [], records, outcome: { kind: 'pause' }, extras };
  const ack = await retryUntilAnswered(() => deps.store.commitRemoteStep(deps.worker(), op), isOver);
  if (ack.taken) tellRemoteStep(deps, row, op);
}
