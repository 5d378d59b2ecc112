import { decode, encode, isPlainData } from '../../core/codec/codec.js';
import { StepUsageError } from '../../core/errors/errors-usage.js';
import { checkText, KEY, refused } from '../../core/limits.js';
import type { SettledResult } from '../../core/run/results.js';
import { asking, stillOpen, writing } from './calls.js';
import { currentScope, type FanResults } from './scope.js';

/**
 * The functions that work in a running step, wherever it called them from. Outside one they throw `NotInStepError`; in
 * an attempt that was given up, `AttemptClosedError`. In one that is over otherwise they do nothing (calls.ts).
 */

/** The run's id. */
export function workflowId(): string {
  return currentScope('workflowId').runId;
}

/** The input that the run was started with. */
export function workflowInput<T = Record<string, unknown>>(): T {
  return currentScope('workflowInput').input() as T;
}

/** The name of the running step. */
export function currentStep(): string {
  return currentScope('currentStep').step;
}

/** The number of the running attempt, from 1. */
export function currentAttempt(): number {
  return currentScope('currentAttempt').attempt;
}

/**
 * The due time of the schedule that started the run, or the one that it is a retry of; null: no schedule did.
 */
export function scheduledTime(): Date | null {
  const { scheduledTime: time } = currentScope('scheduledTime');
  return time === null ? null : new Date(time);
}

/** Aborted on step timeout, cancel, lost lease, and shutdown past its grace. Give it to `fetch` and the like. */
export function stepSignal(): AbortSignal {
  return currentScope('stepSignal').signal;
}

/** The manager of the step's transaction; `workflows/step-manager.ts` gives it TypeORM's type, which the engine does not know. */
export function stepManager<M = unknown>(): M {
  const scope = currentScope('stepManager');
  if (scope.manager === null) {
    throw new StepUsageError(
      'NOT_TRANSACTIONAL',
      `stepManager() was called in step "${scope.step}", which has no transaction. Declare it with @Step({ transactional: true }).`,
    );
  }
  return scope.manager as M;
}

/**
 * Calls `fn` once and returns its result, recorded at once: when the step runs again (after a wait, a retry or a crash)
 * the recorded result is returned. In a transactional step it is part of the transaction.
 *
 * @throws StepUsageError (`ONCE_NAME_TAKEN`) when a name is used twice in one pass of the step
 * @throws SerializationError for a result that cannot be stored; NotInStepError; InvalidInputError for a bad name
 * @throws the error of `fn`, which is not recorded
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async charge(order: Order) {
 *     const chargeId = await once('charge', () => payments.charge(order.id));
 *     await waitForEvent('settled');
 *     return { ...order, chargeId };
 *   }
 * }
 * ```
 */
export function once<T>(name: string, fn: () => T | Promise<T>): Promise<T> {
  return asking('once', async (scope) => {
    checkText('once()', 'name', name, KEY);
    if (scope.onceNames.has(name)) {
      throw new StepUsageError(
        'ONCE_NAME_TAKEN',
        `once("${name}") was called twice in step "${scope.step}". Give each call in a step a name of its own.`,
      );
    }
    scope.onceNames.add(name);
    const recorded = scope.recordedOnce(name);
    if (recorded !== undefined) return decode(recorded) as T;
    const made = async (): Promise<T> => {
      // Awaited inside: a wait that it returns is refused as one that it awaits.
      const result = await scope.runOnce(name, async () => await fn());
      const value = encode(result, { what: `once("${name}")`, maxBytes: scope.maxPayloadBytes });
      await stillOpen('once');
      // The step and its record are one transaction there: a rollback must forget this, and after a commit nobody asks.
      if (scope.manager === null) await scope.recordOnce(name, value);
      return decode(value) as T;
    };
    // A wait beside it does not drop the pass before this is recorded.
    return scope.waits === null ? made() : scope.waits.keepAlive(made);
  });
}

/**
 * The results of the last fan-out finished in this or an enclosing sequence: an object by arm, or a loop's array.
 * @throws StepUsageError (`NO_RESULTS`) where there was none
 */
export function parallelResults<T = Record<string, SettledResult>>(): T {
  return fanResults('parallelResults') as T;
}

/**
 * The result of one arm or item of the last fan-out, by the arm's key or the item's index.
 * @throws StepUsageError (`NO_RESULTS`, `NO_SUCH_RESULT`)
 */
export function parallelResult<T = unknown>(name: string | number): SettledResult<T> {
  return fanResult('parallelResult', name) as SettledResult<T>;
}

/** True when that arm or item was fulfilled. @throws StepUsageError (`NO_RESULTS`, `NO_SUCH_RESULT`) */
export function parallelOk(name: string | number): boolean {
  return fanResult('parallelOk', name).status === 'fulfilled';
}

function fanResult(caller: string, name: string | number): SettledResult {
  const results = fanResults(caller);
  if (!Object.hasOwn(results, name)) {
    throw new StepUsageError(
      'NO_SUCH_RESULT',
      `${caller}("${name}"): the last fan-out has no such arm. It has: ${Object.keys(results).slice(0, 20).join(', ')}.`,
    );
  }
  return (results as Record<string | number, SettledResult>)[name] as SettledResult;
}

function fanResults(caller: string): FanResults {
  const scope = currentScope(caller);
  const results = scope.results();
  if (results !== null) return results;
  throw new StepUsageError(
    'NO_RESULTS',
    `${caller}() was called in step "${scope.step}", before which no parallel or loop with results was finished in its sequence or one around it.`,
  );
}

/** All of the run's data, or one key of it (`fallback` where it is missing). */
export function getContext<T = Record<string, unknown>>(): T;
export function getContext<T = unknown>(key: string, fallback?: T): T;
export function getContext(key?: string, fallback?: unknown): unknown {
  const { context } = currentScope('getContext');
  if (key === undefined) return context.all();
  return context.has(key) ? context.get(key) : fallback;
}

/** Writes one key, or every key of an object. @throws InvalidInputError for anything else */
export function putContext(key: string | Record<string, unknown>, value?: unknown): void {
  writing('putContext', (context) => {
    if (typeof key === 'string') return context.put(key, value);
    if (!isPlainData(key)) throw refused('putContext()', 'key', 'a key, or an object of keys and their values', key);
    for (const name of Object.keys(key)) context.put(name, key[name]);
  });
}

/** Writes what `fn` makes of the key's present value (undefined where it is missing). */
export function updateContext<T = unknown>(key: string, fn: (value: T) => T): void {
  writing('updateContext', (context) => context.put(key, fn(context.get(key) as T)));
}

/** Adds a value at the end of an array; a missing key counts as an empty one. @throws TypeError for anything else */
export function appendContext(key: string, value: unknown): void {
  writing('appendContext', (context) => {
    if (!context.append(key, value)) throw new TypeError(`appendContext("${key}"): the value there is not an array`);
  });
}

/** Adds `by` (1) to a number; a missing key counts as 0. @throws TypeError for anything else */
export function incrementContext(key: string, by = 1): void {
  writing('incrementContext', (context) => {
    const value = context.has(key) ? context.get(key) : 0;
    if (typeof value !== 'number') throw new TypeError(`incrementContext("${key}"): the value there is not a number`);
    context.put(key, value + by);
  });
}

/**
 * Merges an object into the data, objects within objects too; anything else replaces what was there.
 * @throws InvalidInputError where it is no object
 */
export function mergeContext(object: Record<string, unknown>): void {
  writing('mergeContext', (context) => {
    if (!isPlainData(object)) throw refused('mergeContext()', 'object', 'an object of keys and their values', object);
    context.merge(object);
  });
}

/** Removes a key. */
export function deleteContext(key: string): void {
  writing('deleteContext', (context) => context.delete(key));
}

/** True when the run's data has the key. */
export function hasContext(key: string): boolean {
  return currentScope('hasContext').context.has(key);
}
