import { decode, encode } from '../../core/codec/codec.js';
import type { RetryPolicy } from '../../core/definition/definition.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { isDurableError } from '../../core/errors/durable-error.js';
import { FatalError } from '../../core/errors/errors.js';
import type { RecordFacts } from '../../core/run/machine.js';
import { retryDelay } from '../../core/run/retry.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { read } from '../../core/text-of.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import type { StepScope } from './scope.js';
import type { StepLog } from './log.js';
import type { Suspension } from './waits.js';
import type { RunOp } from '../ports/store.js';

/** The method of an attempt, and the settling of its return value. */
export interface AttemptSpec {
  readonly name: string;
  /** The method. */
  readonly member: string;
  /** ms; null: no limit. */
  readonly timeout: number | null;
  readonly retry: RetryPolicy;
  /** The method's arguments, made anew for each attempt. */
  args(): unknown[];
  /** Brings what was returned into its stored form; throws where it cannot be. */
  settle(returned: unknown, scope: StepScope): Settled;
}

export interface Settled {
  /** Encoded; null: the data goes on unchanged. */
  readonly output: string | null;
  readonly facts: RecordFacts | null;
  /** Encoded: the data as it was written, where the output is something else. */
  readonly context?: string;
}

export type AttemptResult = AttemptOutcome & {
  /** Log lines of its code, where there are any. */
  readonly log?: StepLog;
};

type AttemptOutcome =
  | (Settled & { readonly status: 'completed'; readonly durationMs: number })
  | {
      readonly status: 'failed';
      /** Encoded StoredError. */
      readonly error: string;
      readonly retryInMs: number | null;
      readonly durationMs: number;
    }
  | { readonly status: 'suspended'; readonly how: Suspension; readonly durationMs: number };

/** A finished attempt; `committed`: what of it is in the journal already (a transactional step). */
export interface AttemptEnd {
  readonly result: AttemptResult;
  readonly committed: RunOp | null;
}

/** Brings what an attempt threw into its stored form and decides whether there is another attempt. */
export function failedAttempt(
  workflow: RegisteredWorkflow,
  spec: Pick<AttemptSpec, 'name' | 'retry'>,
  attempt: number,
  thrown: unknown,
  durationMs: number,
): AttemptResult & { status: 'failed' } {
  let error = toStoredError(thrown);
  const { retry } = spec;
  let again = !allowsNoRetry(thrown, error) && attempt < retry.maxAttempts;
  if (again) {
    try {
      const decide = workflow.retryIf.get(spec.name);
      again = decide === undefined || isYes(decide(thrown));
    } catch (broken) {
      error = toStoredError(new FatalError(`retryIf of step "${spec.name}" gave no answer`, { cause: broken }));
      again = false;
    }
  }
  const retryInMs = again ? Math.round(retryDelay(retry, attempt)) : null;
  return { status: 'failed', error: encode(error), retryInMs, durationMs };
}

/** @throws TypeError for a promise: it would be a yes whatever it comes to, and its rejection would end the process */
function isYes(answer: unknown): boolean {
  if (typeof read(answer, 'then') !== 'function') return Boolean(answer);
  Promise.resolve(answer).catch(() => {});
  throw new TypeError('It returned a promise: it must answer true or false at once, so it cannot be async');
}

/** The encoded error of a failed attempt as it was stored. */
export function storedErrorOf(text: string): StoredError {
  return decode(text) as StoredError;
}

/** Names by the codes of the errors that end a run. */
const FINAL: ReadonlyMap<string, string> = new Map([
  ['FATAL', 'FatalError'],
  ['INVALID_STEP_RESULT', 'InvalidStepResultError'],
  ['WORKFLOW_TIMEOUT', 'WorkflowTimeoutError'],
  ['WORKER_CRASHED', 'WorkerCrashedError'],
  ['INVALID_INPUT', 'InvalidInputError'],
]);
const NO_RETRY_CODES = new Set([
  ...FINAL.keys(),
  'DEFINITION',
  'REF_CONFLICT',
  'WAIT_IN_TRANSACTION',
  'TRANSACTION_ENDED',
  'WAIT_IN_ONCE',
]);

/**
 * True for an error that allows no further round. By code and name, so that a stored one counts too, and one of another
 * library that has the same code does not. Of a `FatalError` there are subclasses, with names of their own.
 */
export function endsTheRun({ code, name }: StoredError): boolean {
  const own = code === undefined ? undefined : FINAL.get(code);
  return own !== undefined && (code === 'FATAL' || name === own);
}

/** Mistakes in the code: another attempt makes them again. */
function allowsNoRetry(thrown: unknown, error: StoredError): boolean {
  return endsTheRun(error) || (isDurableError(thrown) && NO_RETRY_CODES.has(thrown.code));
}
