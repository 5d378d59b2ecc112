import { decode, encode } from '../../core/codec/codec.js';
import type { RetryPolicy } from '../../core/definition/definition.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { isDurableError } from '../../core/errors/durable-error.js';
import { FatalError, StepTimeoutError } from '../../core/errors/errors.js';
import type { RecordFacts } from '../../core/run/machine.js';
import { retryDelay } from '../../core/run/retry.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { errorOf } from '../../core/text-of.js';
import type { DatabaseClock } from '../time/clock.js';
import type { Timer } from '../time/long-timer.js';
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

/** Who may end an attempt from outside. */
export interface Ending {
  /** Tells why the attempt is given up, when it is; at once where it has been. In the place of whoever was to be told before. */
  whenGivenUp(tell: (reason: Error) => void): void;
}

/**
 * One attempt: call the method, limit its time, bring what it returned or threw into its stored form. Never rejects.
 * `ending` ends it from outside: the method may run on, nothing it does counts any more.
 */
export async function runAttempt(
  workflow: RegisteredWorkflow,
  spec: AttemptSpec,
  scope: StepScope,
  ending: Ending,
  clock: DatabaseClock,
  /** ms that earlier passes of this attempt have taken. */
  spent = 0,
): Promise<AttemptResult> {
  const begun = performance.now() - spent;
  const { timeout } = spec;
  let timer: Timer | undefined;
  let result: AttemptResult;
  try {
    // One promise for all that may come first: each further one is made, and followed, for every step.
    const returned = await new Promise<unknown>((resolve, reject) => {
      ending.whenGivenUp(reject);
      // Before it began: its code must not.
      if (scope.isGivenUp) return;
      scope.run(() => invoke(workflow, spec)).then(resolve, reject);
      scope.waits?.whenSuspended((how) => resolve(new Dropped(how)));
      if (timeout === null) return;
      timer = clock.timer(() => {
        const error = new StepTimeoutError(spec.name, timeout);
        scope.giveUp(error);
        reject(error);
      });
      timer.start(Math.max(0, timeout - spent));
    });
    if (returned instanceof Dropped) {
      scope.drop();
      scope.trace?.end('waiting');
      result = { status: 'suspended', how: returned.how, durationMs: elapsed(begun) };
    } else {
      // The returned value may have code of its own: toJSON, getters.
      const { output, facts, context } = scope.run(() => spec.settle(returned, scope));
      scope.drop();
      scope.trace?.end('completed');
      const durationMs = elapsed(begun);
      result = { status: 'completed', output, facts, durationMs, ...(context === undefined ? {} : { context }) };
    }
  } catch (error) {
    scope.drop();
    scope.abort(errorOf(error));
    scope.trace?.end('failed', error);
    result = scope.run(() => failedAttempt(workflow, spec, scope.attempt, error, elapsed(begun)));
  } finally {
    timer?.clear();
  }
  return scope.logged === null ? result : { log: scope.logged, ...result };
}

/** Tells a suspension from whatever a method may return. */
class Dropped {
  constructor(readonly how: Suspension) {}
}

/** A promise of the attempt's own: should the method return a thenable, its `then` is called in there too. */
async function invoke(workflow: RegisteredWorkflow, spec: AttemptSpec): Promise<unknown> {
  const method: unknown = Reflect.get(workflow.instance, spec.member);
  if (typeof method !== 'function') throw new FatalError(`${workflow.definition.name} has no method ${spec.member}`);
  return Reflect.apply(method, workflow.instance, spec.args()) as unknown;
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
      again = workflow.retryIf.get(spec.name)?.(thrown) ?? true;
    } catch (broken) {
      error = toStoredError(new FatalError(`retryIf of step "${spec.name}" threw`, { cause: broken }));
      again = false;
    }
  }
  const retryInMs = again ? Math.round(retryDelay(retry, attempt)) : null;
  return { status: 'failed', error: encode(error), retryInMs, durationMs };
}

/** The encoded error of a failed attempt as it was stored. */
export function storedErrorOf(text: string): StoredError {
  return decode(text) as StoredError;
}

const FINAL_CODES = new Set(['FATAL', 'INVALID_STEP_RESULT', 'WORKFLOW_TIMEOUT', 'WORKER_CRASHED', 'INVALID_INPUT']);
const NO_RETRY_CODES = new Set([
  ...FINAL_CODES,
  'DEFINITION',
  'REF_CONFLICT',
  'WAIT_IN_TRANSACTION',
  'TRANSACTION_ENDED',
  'WAIT_IN_ONCE',
]);

/** True for an error that allows no further round. By code, so that a stored one counts too. */
export function endsTheRun(error: StoredError): boolean {
  return error.code !== undefined && FINAL_CODES.has(error.code);
}

/** Mistakes in the code: another attempt makes them again. */
function allowsNoRetry(thrown: unknown, error: StoredError): boolean {
  return endsTheRun(error) || (isDurableError(thrown) && NO_RETRY_CODES.has(thrown.code));
}

function elapsed(begun: number): number {
  return Math.round(performance.now() - begun);
}
