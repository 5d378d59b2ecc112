import type { StepNode } from '../core/definition.js';
import { AttemptClosedError } from '../core/errors.js';
import { type AttemptEnd, type AttemptResult, failedAttempt, runAttempt } from './attempt.js';
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
 * @throws AttemptClosedError when the lease is lost; then nothing was committed
 */
export async function runTransactional(
  deps: SessionDeps,
  workflow: RegisteredWorkflow,
  node: StepNode,
  attempt: RunningAttempt,
  toOp: (result: AttemptResult) => RunOp,
): Promise<AttemptEnd> {
  const begun = performance.now();
  let result: AttemptResult | undefined;
  let op: RunOp | undefined;
  try {
    await deps.store.transaction(async (transaction) => {
      attempt.openTransaction(transaction.manager);
      result = await runAttempt(workflow, node, attempt.scope, attempt.givenUp, deps.clock);
      if (result.status === 'failed') throw new RolledBack();
      attempt.committing = true;
      op = toOp(result);
      if (!(await transaction.record(deps.worker(), op))) throw new AttemptClosedError(node.name);
    });
  } catch (error) {
    if (error instanceof AttemptClosedError) throw error;
    if (error instanceof RolledBack && result !== undefined) return { result, committed: null };
    const record = op?.records[0];
    const unknown = error instanceof StoreError && error.kind === 'unknown' && record !== undefined;
    if (op === undefined || !unknown || !(await landed(deps, op, record.seq))) {
      const cause = error instanceof StoreError && error.cause !== undefined ? error.cause : error;
      const failed = failedAttempt(workflow, node, attempt.info.attempt, cause, performance.now() - begun);
      return { result: { ...failed, durationMs: Math.round(failed.durationMs) }, committed: null };
    }
  }
  const record = op?.records[0];
  if (result === undefined || record === undefined) throw new Error('A transaction ended without a result');
  return { result, committed: record };
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
