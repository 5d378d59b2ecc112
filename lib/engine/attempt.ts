import { decode, encode, isPlainData } from '../core/codec.js';
import type { StepNode } from '../core/definition.js';
import { toStoredError } from '../core/error-record.js';
import { FatalError, InvalidStepResultError, StepTimeoutError } from '../core/errors.js';
import { retryDelay } from '../core/retry.js';
import type { StoredError } from '../core/stored-error.js';
import type { DatabaseClock } from './clock.js';
import type { Timer } from './long-timer.js';
import type { RegisteredWorkflow } from './registry.js';
import { runInScope, type StepScope } from './step-scope.js';
import type { NewRecord } from './store.js';

export type AttemptResult =
  | { readonly status: 'completed'; readonly output: string | null; readonly durationMs: number }
  | {
      readonly status: 'failed';
      /** Encoded StoredError. */
      readonly error: string;
      readonly retryInMs: number | null;
      readonly durationMs: number;
    };

/** A finished attempt; `committed`: its record, where it is in the journal already (a transactional step). */
export interface AttemptEnd {
  readonly result: AttemptResult;
  readonly committed: NewRecord | null;
}

/**
 * One attempt of a step: call the method with the data, limit its time, bring what it returned or threw into its
 * stored form. Never rejects. `givenUp` ends it from outside: the method may run on, nothing it does counts any more.
 */
export async function runAttempt(
  workflow: RegisteredWorkflow,
  node: StepNode,
  scope: StepScope,
  givenUp: Promise<never>,
  clock: DatabaseClock,
): Promise<AttemptResult> {
  const begun = performance.now();
  let timer: Timer | undefined;
  try {
    const contenders: Promise<unknown>[] = [invoke(workflow, node, scope), givenUp];
    const { timeout } = node.settings;
    if (timeout !== null) {
      contenders.push(
        new Promise((_, reject) => {
          timer = clock.timer(() => reject(new StepTimeoutError(node.name, timeout)));
          timer.start(timeout);
        }),
      );
    }
    const returned = await Promise.race(contenders);
    if (returned !== undefined && !isPlainData(returned)) throw new InvalidStepResultError(node.name, returned);
    const data = scope.context.resolve(returned);
    const output =
      data === undefined ? null : encode(data, { maxBytes: scope.maxPayloadBytes, what: `${node.name}()` });
    scope.close();
    return { status: 'completed', output, durationMs: elapsed(begun) };
  } catch (error) {
    scope.close(error instanceof Error ? error : new Error(String(error)));
    return failedAttempt(workflow, node, scope.attempt, error, elapsed(begun));
  } finally {
    timer?.clear();
  }
}

async function invoke(workflow: RegisteredWorkflow, node: StepNode, scope: StepScope): Promise<unknown> {
  const method: unknown = Reflect.get(workflow.instance, node.member);
  if (typeof method !== 'function') throw new FatalError(`${workflow.definition.name} has no method ${node.member}`);
  return runInScope(scope, () => Reflect.apply(method, workflow.instance, [decode(scope.data)]));
}

/** Brings what an attempt threw into its stored form and decides whether there is another attempt. */
export function failedAttempt(
  workflow: RegisteredWorkflow,
  node: StepNode,
  attempt: number,
  thrown: unknown,
  durationMs: number,
): AttemptResult & { status: 'failed' } {
  let error = toStoredError(thrown);
  const { retry } = node.settings;
  let again = !endsTheRun(error) && attempt < retry.maxAttempts;
  if (again) {
    try {
      again = workflow.retryIf.get(node.name)?.(thrown) ?? true;
    } catch (broken) {
      error = toStoredError(new FatalError(`retryIf of step "${node.name}" threw`, { cause: broken }));
      again = false;
    }
  }
  const retryInMs = again ? Math.round(retryDelay(retry, attempt)) : null;
  return { status: 'failed', error: encode(error), retryInMs, durationMs };
}

const FINAL_CODES = new Set(['FATAL', 'INVALID_STEP_RESULT', 'WORKFLOW_TIMEOUT', 'WORKER_CRASHED', 'INVALID_INPUT']);

/** Whether the error allows no further attempt and no further round. By code, so that a stored one counts too. */
export function endsTheRun(error: StoredError): boolean {
  return error.code !== undefined && FINAL_CODES.has(error.code);
}

function elapsed(begun: number): number {
  return Math.round(performance.now() - begun);
}
