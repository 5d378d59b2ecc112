import { AttemptClosedError } from '../core/errors.js';
import {
  type AttemptEnd,
  type AttemptResult,
  type AttemptSpec,
  endsTheRun,
  failedAttempt,
  runAttempt,
  storedErrorOf,
} from './attempt.js';
import type { RegisteredWorkflow } from './registry.js';
import type { RunningAttempt } from './running-attempt.js';
import type { SessionDeps } from './session.js';
import { type RunOp, StoreError } from './store.js';

/** Thrown to roll the transaction back: the attempt has failed by itself. */
class RolledBack extends Error {}

const LOOK_AGAIN = 500;

/**
 * An attempt whose writes and whose record are one transaction. A commit whose answer was lost is looked up in the
 * journal, never assumed.
 *
 * A database that goes away before the transaction is open, in a query of the step's own, or before its commit has
 * happened, is no failure of the step: nothing of the attempt is left, so it is made again, whatever `maxAttempts` says.
 *
 * @throws AttemptClosedError when the lease is lost, or the database was; then nothing was committed
 */
export async function runTransactional(
  deps: SessionDeps,
  workflow: RegisteredWorkflow,
  spec: AttemptSpec,
  attempt: RunningAttempt,
  toOp: (result: AttemptResult & { status: 'completed' }) => RunOp,
): Promise<AttemptEnd> {
  const begun = performance.now();
  let result: AttemptResult | undefined;
  let op: RunOp | undefined;
  try {
    await deps.store.transaction(async (transaction) => {
      result = await runAttempt(workflow, spec, attempt.open(transaction.manager), attempt.givenUp, deps.clock);
      if (result.status === 'failed' && !endsTheRun(storedErrorOf(result.error)) && !(await transaction.isAlive())) {
        // What its code threw is that its own query lost the connection.
        throw new StoreError('unavailable', 'The connection of the transaction was lost');
      }
      if (result.status !== 'completed') throw new RolledBack();
      attempt.committing = true;
      op = toOp(result);
      if (!(await transaction.record(deps.worker(), op))) throw new AttemptClosedError(spec.name);
    });
  } catch (error) {
    if (error instanceof AttemptClosedError) throw error;
    if (error instanceof RolledBack && result !== undefined) return { result, committed: null };
    const lost = error instanceof StoreError && (error.kind === 'unknown' || error.kind === 'unavailable');
    const record = op?.records.at(-1);
    const committed = lost && op !== undefined && record !== undefined && (await landed(deps, op, record.seq));
    if (!committed) {
      if (lost) {
        deps.onTrouble(`The transaction of step "${spec.name}" was lost with its connection, and is made anew`);
        throw new AttemptClosedError(spec.name, { cause: error });
      }
      const cause = error instanceof StoreError && error.cause !== undefined ? error.cause : error;
      const failed = failedAttempt(workflow, spec, attempt.info.attempt, cause, performance.now() - begun);
      const log = result?.log === undefined ? {} : { log: result.log };
      return { result: { ...failed, ...log, durationMs: Math.round(failed.durationMs) }, committed: null };
    }
  }
  if (result === undefined || op === undefined) throw new Error('A transaction ended without a result');
  return { result, committed: op.records };
}

async function landed(deps: SessionDeps, op: RunOp, seq: number): Promise<boolean> {
  for (;;) {
    try {
      return await deps.store.landed(op.rowId, op.runId, seq);
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'rejected') throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    }
  }
}
