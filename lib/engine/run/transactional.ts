import { textOf } from '../../core/text-of.js';
import { fromStoredError } from '../../core/codec/error-record.js';
import { AttemptClosedError } from '../../core/errors/errors.js';
import { StepUsageError } from '../../core/errors/errors-usage.js';
import {
  type AttemptEnd,
  type AttemptResult,
  type AttemptSpec,
  endsTheRun,
  failedAttempt,
  storedErrorOf,
} from '../step/attempt.js';
import { runAttempt } from '../step/attempt-pass.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import type { RunningAttempt } from './running-attempt.js';
import type { SessionDeps } from './session.js';
import { type RunOp, StoreError } from '../ports/store.js';

/** Thrown to roll the transaction back: the attempt has failed by itself. */
class RolledBack extends Error {}

/** ms between two looks at whether a commit has happened, and at most between two tries. */
const LOOK_AGAIN = 500;
const FIRST_PAUSE = 20;
/** The same where the server lacks disk or memory, which lasts. */
const SCARCE_AGAIN = 10_000;
const SCARCE_PAUSE = 100;
/** The same where it takes no writes. Each try finds one stale connection of the app's pool out, if it is a failover. */
const READ_ONLY_AGAIN = 1_000;

/** The connection was lost, and nothing was committed. */
interface Lost {
  readonly cause: unknown;
  readonly kind: Exclude<StoreError['kind'], 'rejected'>;
  /** Null: the step's code was not begun. */
  readonly result: AttemptResult | null;
}

/**
 * An attempt whose writes and whose record are one transaction. A commit whose answer was lost is looked up in the
 * journal, never assumed.
 *
 * A database that goes away, or refuses for a passing reason (a serialization failure, a deadlock, a lock that was not to be
 * had, a cancelled statement, a full disk, a server that takes no writes), before the transaction is open, in a query of the step's own, or before its
 * commit has happened, is no failure of the step: nothing of the attempt is left, so it is made again, and counts no
 * attempt. More often than `maxRecoveries` its code does not lose the connection by chance: then that is how the attempt has
 * failed. What the server lacked for a statement of the engine's, and that it takes no writes, is never the code's doing.
 *
 * @throws AttemptClosedError when the lease is lost; then nothing was committed
 */
export async function runTransactional(
  deps: SessionDeps,
  workflow: RegisteredWorkflow,
  spec: AttemptSpec,
  attempt: RunningAttempt,
  toOp: (result: AttemptResult & { status: 'completed' }) => RunOp,
): Promise<AttemptEnd> {
  const begun = performance.now();
  const failed = (cause: unknown, result: AttemptResult | null): AttemptEnd => {
    const durationMs = Math.round(performance.now() - begun);
    const log = result?.log === undefined ? {} : { log: result.log };
    return {
      result: { ...failedAttempt(workflow, spec, attempt.info.attempt, cause, durationMs), ...log },
      committed: null,
    };
  };
  let losses = 0;
  for (let tries = 0; ; tries++) {
    const end = await tryOnce(deps, workflow, spec, attempt, toOp, failed);
    if (!('cause' in end)) {
      for (const { queue } of end.committed?.extras?.children ?? []) deps.onDue(queue, 0);
      return end;
    }
    if (mayBeByCode(end)) losses++;
    if (attempt.abandoned || losses > workflow.definition.maxRecoveries) return failed(end.cause, end.result);
    const { why, first, most } = retryOf(end);
    deps.onTrouble(`The transaction of step "${spec.name}" ${why}, and is retried: ${textOf(end.cause)}`, end.cause);
    try {
      await pause(Math.min(first * 2 ** tries, most), attempt);
    } catch (reason) {
      return failed(reason, end.result);
    }
  }
}

function mayBeByCode({ kind, result }: Lost): boolean {
  if (result === null || kind === 'readOnly') return false;
  return kind !== 'scarce' || result.status !== 'completed';
}

function retryOf({ kind }: Lost): { why: string; first: number; most: number } {
  if (kind === 'scarce') return { why: 'found no room on the server', first: SCARCE_PAUSE, most: SCARCE_AGAIN };
  if (kind === 'readOnly') {
    return { why: 'found a server that takes no writes', first: SCARCE_PAUSE, most: READ_ONLY_AGAIN };
  }
  return { why: 'was lost with its connection or by a conflict', first: FIRST_PAUSE, most: LOOK_AGAIN };
}

async function tryOnce(
  deps: SessionDeps,
  workflow: RegisteredWorkflow,
  spec: AttemptSpec,
  attempt: RunningAttempt,
  toOp: (result: AttemptResult & { status: 'completed' }) => RunOp,
  failed: (cause: unknown, result: AttemptResult | null) => AttemptEnd,
): Promise<AttemptEnd | Lost> {
  let result: AttemptResult | null = null;
  let op: RunOp | null = null;
  attempt.committing = false;
  try {
    await deps.store.transaction(async (transaction) => {
      const scope = attempt.open(transaction.manager);
      transaction.codeIs(() => scope.isHere);
      result = await runAttempt(workflow, spec, scope, attempt, deps.clock);
      if (transaction.hasEnded()) throw endedByItself(spec, result);
      const thrown = result.status === 'failed' && mayBeLost(result.error) ? storedErrorOf(result.error) : null;
      const loss = thrown === null ? null : await transaction.lossBy(thrown);
      // Its code threw that its own query lost the connection, or was in conflict with another transaction.
      if (thrown !== null && loss !== null) {
        throw new StoreError(loss, thrown.message, { cause: fromStoredError(thrown) });
      }
      if (result.status !== 'completed') throw new RolledBack();
      attempt.committing = true;
      op = toOp(result);
      if (!(await transaction.record(deps.worker(), op))) throw new AttemptClosedError(spec.name);
    });
    return committedBy(result, op);
  } catch (error) {
    if (error instanceof AttemptClosedError) throw error;
    if (error instanceof RolledBack && result !== null) return { result, committed: null };
    const cause: unknown = error instanceof StoreError && error.cause !== undefined ? error.cause : error;
    if (!(error instanceof StoreError) || error.kind === 'rejected') return failed(cause, result);
    if (await landed(deps, attempt, spec, op)) return committedBy(result, op);
    return { cause, result, kind: error.kind };
  } finally {
    attempt.committing = false;
  }
}

/** Its writes stand, or are gone, whatever becomes of the record: the two can no longer commit together. */
function endedByItself({ name }: AttemptSpec, result: AttemptResult): StepUsageError {
  const thrown = result.status === 'failed' ? fromStoredError(storedErrorOf(result.error)) : undefined;
  return new StepUsageError(
    'TRANSACTION_ENDED',
    `Step "${name}" has committed or rolled back the transaction of stepManager() by itself, so that its writes and its record ` +
      'cannot commit together. Leave COMMIT and ROLLBACK to the engine: return to commit, throw to roll back; for a part of ' +
      'the work use a savepoint (stepManager().transaction()).',
    thrown === undefined ? undefined : { cause: thrown },
  );
}

/** A step that took too long, or that says so itself, has failed, whatever became of the connection. */
function mayBeLost(error: string): boolean {
  const stored = storedErrorOf(error);
  return !endsTheRun(stored) && stored.code !== 'STEP_TIMEOUT';
}

function committedBy(result: AttemptResult | null, op: RunOp | null): AttemptEnd {
  if (result === null || op === null) throw new Error('A transaction ended without a result');
  return { result, committed: op };
}

/** Finds out whether a commit whose answer was lost has happened; asks until the database has answered. */
async function landed(
  deps: SessionDeps,
  attempt: RunningAttempt,
  spec: AttemptSpec,
  op: RunOp | null,
): Promise<boolean> {
  if (op === null) return false;
  for (;;) {
    try {
      return await deps.store.landed(deps.worker(), op);
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'rejected') throw error;
      await pause(LOOK_AGAIN, attempt).catch((reason: unknown) => {
        throw new AttemptClosedError(spec.name, { cause: reason });
      });
    }
  }
}

/** Rejects when the attempt is given up. */
async function pause(ms: number, attempt: RunningAttempt): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(resolve, ms);
      attempt.whenGivenUp({ givenUp: reject });
    });
  } finally {
    clearTimeout(timer);
  }
}
