import { encode } from '../../core/codec/codec.js';
import { DEFAULT_RETRY } from '../../core/definition/definition.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { type DurableError, WorkflowTimeoutError } from '../../core/errors/errors.js';
import { mainData, referencedRecords } from '../../core/run/machine.js';
import { retryDelay } from '../../core/run/retry.js';
import { failedStepOf, initialState } from '../../core/run/run-state.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { Survey } from '../../core/run/survey.js';
import { endsTheRun } from '../step/attempt.js';
import type { SessionCore } from './session-core.js';
import type { Because, EndOutcome, Outcome, ParkOutcome } from '../ports/store.js';
import type { WaitBook } from '../step/wait-book.js';

/** Outcomes of a run in the last commit of a session. */

/** Records, and waits, that a claim reads of one run. */
const MOST_NEEDED = 100;

export type Undone = 'nothing' | 'everything' | 'not everything';

export function endOf(core: SessionCore, status: EndOutcome['status'], error: string | null): EndOutcome {
  return {
    kind: 'end',
    status,
    dataSeq: mainData(core.state),
    error,
    failedStep: null,
    dropSteps: core.state.hasRemoteStep,
    undone: false,
  };
}

export function parkOf(
  core: SessionCore,
  delayMs: number | null,
  because: Because | null,
  { error, asked }: { readonly error: DurableError | null; readonly asked: boolean },
): ParkOutcome {
  return {
    kind: 'park',
    delayMs,
    because,
    // A pause that a person asked for stands in the row, and may have been taken back there.
    pause: error !== null,
    holds: asked && error !== null,
    // Given back before its input was checked: whoever has it next begins as if it were the first.
    snapshot: core.isChecking ? null : JSON.stringify(core.state),
    snapshotSeq: core.make.last,
    needs: needsOf(core),
    dataSeq: mainData(core.state),
    round: core.state.round,
    heard: core.book.heard,
    error: error === null ? null : encode(toStoredError(error)),
  };
}

/**
 * What a claim reads by the way. Null, so that it is read after the claim: where that is much, and where steps on other queues
 * number their own records.
 */
function needsOf({ state, book }: SessionCore): readonly number[] | null {
  if (state.hasRemoteStep || book.size > MOST_NEEDED) return null;
  const needs = referencedRecords(state);
  return needs.length > MOST_NEEDED ? null : needs;
}

/**
 * Of a round that has failed, or was cancelled, with what was to be undone undone: the end, or a further round.
 * @param asked it is known that the run is to be undone
 */
export function afterFailure(
  core: SessionCore,
  cause: StoredError,
  undone: Undone,
  outcome: 'failed' | 'cancelled',
  asked: boolean,
): Outcome {
  const { definition } = core.workflow;
  const rolledBack = core.state.rollback !== null;
  const again = outcome === 'failed' && undone !== 'not everything' && !endsTheRun(cause);
  if (again && core.state.round <= definition.maxRetries) {
    core.outbox.beginAnew();
    if (rolledBack) core.outbox.compensating(false);
    const delay = Math.round(retryDelay(DEFAULT_RETRY, core.state.round));
    const { trace, round } = core.state;
    core.state = { ...initialState(definition, round + 1), ...(trace === undefined ? {} : { trace }), unbegun: true };
    core.book.clear();
    return parkOf(core, delay, 'retry', { error: null, asked: false });
  }
  // Waits that a step on another queue has left open may be unknown here.
  if (!core.book.isEmpty || rolledBack || core.state.hasRemoteStep) core.outbox.closeAll();
  const status = { nothing: outcome, everything: 'compensated', 'not everything': 'compensation_failed' } as const;
  // Where nothing was undone and no cancel is known, a cancel that comes at this moment can still ask for compensation.
  const failedStep = outcome === 'failed' && cause.code !== TIMED_OUT ? failedStepOf(core.state) : null;
  return { ...endOf(core, status[undone], encode(cause)), failedStep, undone: rolledBack || asked };
}

/** The run's own timeout: the step that it aborted may have left a record that says it failed. */
const TIMED_OUT = new WorkflowTimeoutError('', 0).code;

/** The reason for the suspension of a run at these places. */
export function becauseOf(found: Survey, book: WaitBook, now: number): Because | null {
  if (found.waiting.some(({ place }) => (place.state.retryAt ?? 0) > now)) return 'retry';
  if (found.waiting.length === 0) return found.away.length > 0 ? 'step' : null;
  const open = found.waiting.flatMap(({ place }) => book.of(place.path, place.state.visit));
  return open.every((wait) => wait.kind === 'child' || wait.state !== 'open') ? 'child' : 'wait';
}
