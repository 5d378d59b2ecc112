import { describe } from '../core/describe.js';
import { InvalidInputError, WaitInTransactionError } from '../core/errors.js';
import { StepUsageError } from '../core/errors-usage.js';

import { normaliseApproval } from '../core/input-check.js';
import { checkDeclaration } from '../core/input-declaration.js';
import type { InputChoice, InputDeclaration, InputField, InputType, WaitKind, WaitSpec } from '../core/wait-spec.js';
import { currentScope, type StepScope } from './step-scope.js';
import type { PassWaits, WaitRequest } from './step-waits.js';

/**
 * Waits of a step. One that is not over suspends the run: no worker, no timer in memory, no connection. When it is over
 * the step runs again from its top, and the wait returns its value; put side effects that come before it in `once`.
 *
 * All of them throw `NotInStepError` outside a step, `WaitInTransactionError` in a transactional one, and
 * `WaitCancelledError` when `cancelWait` ends them.
 */

export interface WaitOptions<V = unknown> {
  /** ms until the wait gives up. Default: never. */
  timeout?: number;
  /** What it returns then; without it, it throws `WaitTimeoutError`. */
  timeoutValue?: V;
  /** `'fail'`: a timeout fails the run, whatever the step catches. Default: `'resume'`. */
  onTimeout?: 'resume' | 'fail';
}

export interface InputOptions<V = unknown> extends WaitOptions<V> {
  /** What may be answered. Default: anything, and it is listed as `free_text`. */
  type?: InputType;
  /** What people are asked. */
  prompt?: string;
  /** Any storable value, listed with the input. */
  metadata?: unknown;
  /** The fields of a form. */
  fields?: readonly InputField[];
  /** What may be chosen. */
  choices?: readonly InputChoice[];
}

type Declared<V, K extends keyof InputOptions = never> = Omit<InputOptions<V>, 'type' | K>;

const LONGEST = 8_640_000_000_000_000;

/** Suspends for so many ms. */
export async function sleep(ms: number): Promise<void> {
  const waits = waitsOf('sleep');
  if (typeof ms !== 'number' || !(ms >= 0) || ms > LONGEST) {
    throw invalid('sleep()', 'ms', `expected a number of ms, at least 0, got ${describe(ms)}`);
  }
  await ask(waits, 'sleep', 'sleep', [], waits.now() + ms, null, null);
}

/** Suspends until that time; a time that has passed is over at once. */
export async function scheduleAt(date: Date): Promise<void> {
  const waits = waitsOf('scheduleAt');
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
    throw invalid('scheduleAt()', 'date', `expected a Date, got ${describe(date)}`);
  }
  await ask(waits, 'sleep', 'schedule', [], date.getTime(), null, null);
}

/** The payload of the first event of that name that no other wait has taken, sent before or after. */
export function waitForEvent<T = unknown>(name: string, options: WaitOptions<T> = {}): Promise<T> {
  return started(async () => (await events('waitForEvent', 'event', [name], options)) as T);
}

/** `[name, payload]` of the first event of these names. */
export function waitForAny<T = unknown>(
  names: readonly string[],
  options: WaitOptions = {},
): Promise<[name: string, payload: T]> {
  return started(async () => (await events('waitForAny', 'any', names, options)) as [string, T]);
}

/** One event of each of these names, by name; takes them only when all are there. */
export function waitForAll<T extends object = Record<string, unknown>>(
  names: readonly string[],
  options: WaitOptions = {},
): Promise<T> {
  return started(async () => (await events('waitForAll', 'all', names, options)) as T);
}

/** What a person (or a program) provides with `provideInput`. */
export function waitForInput<T = unknown>(name: string, options: InputOptions<T> = {}): Promise<T> {
  return started(async () => (await input('waitForInput', name, options.type ?? null, options)) as T);
}

/** `'approved'` or `'rejected'`. */
export function waitForApproval<V = never>(
  name: string,
  options: Declared<V, 'fields' | 'choices'> = {},
): Promise<'approved' | 'rejected' | V> {
  return started(
    async () => (await input('waitForApproval', name, 'approval', options, saidOf)) as 'approved' | 'rejected' | V,
  );
}

/** The chosen value. */
export function waitForChoice<T = unknown>(
  name: string,
  options: Declared<T, 'fields'> & { choices: readonly InputChoice[] },
): Promise<T> {
  return started(async () => (await input('waitForChoice', name, 'single_choice', options)) as T);
}

/** The chosen values. */
export function waitForChoices<T = unknown>(
  name: string,
  options: Declared<T[], 'fields'> & { choices: readonly InputChoice[] },
): Promise<T[]> {
  return started(async () => (await input('waitForChoices', name, 'multi_choice', options)) as T[]);
}

/** The text. */
export function waitForText<V = string>(
  name: string,
  options: Declared<V, 'fields' | 'choices'> = {},
): Promise<string | V> {
  return started(async () => (await input('waitForText', name, 'free_text', options)) as string | V);
}

/** The values of the fields. */
export function waitForForm<T extends object = Record<string, unknown>>(
  name: string,
  options: Declared<T, 'choices'> & { fields: readonly InputField[] },
): Promise<T> {
  return started(async () => (await input('waitForForm', name, 'form', options)) as T);
}

function saidOf(answer: unknown): unknown {
  return normaliseApproval(answer) ?? answer;
}

function events(
  caller: string,
  kind: 'event' | 'any' | 'all',
  given: readonly string[],
  options: WaitOptions,
): Promise<unknown> {
  const waits = waitsOf(caller);
  const names = [...new Set(given)];
  if (!Array.isArray(given) || names.length === 0) {
    throw invalid(`${caller}()`, 'names', `expected an array of event names, got ${describe(given)}`);
  }
  for (const name of names) checkName(caller, name);
  checkOptions(caller, options);
  return ask(
    waits,
    kind,
    names.join(','),
    names,
    dueOf(waits, options),
    options.timeout ?? null,
    specOf(options, null),
  );
}

function input(
  caller: string,
  name: string,
  type: InputType | null,
  options: InputOptions,
  convert?: WaitRequest['convert'],
): Promise<unknown> {
  const waits = waitsOf(caller);
  checkName(caller, name);
  checkOptions(caller, options);
  const { fields, choices } = options;
  const declaration: InputDeclaration = {
    type,
    ...(fields === undefined ? {} : { fields }),
    ...(choices === undefined ? {} : { choices }),
  };
  const violations = checkDeclaration(declaration);
  if (violations.length > 0)
    throw new InvalidInputError(`The declaration of input "${name}" in ${caller}()`, violations);
  const { prompt, metadata } = options;
  const spec = {
    ...declaration,
    ...(prompt === undefined ? {} : { prompt }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  return waits.ask({
    kind: 'input',
    name,
    names: [name],
    dueAt: dueOf(waits, options),
    timeout: options.timeout ?? null,
    spec: specOf(options, spec),
    ...(convert === undefined ? {} : { convert }),
  });
}

function ask(
  waits: PassWaits,
  kind: WaitKind,
  name: string,
  names: readonly string[],
  dueAt: number | null,
  timeout: number | null,
  spec: WaitSpec | null,
): Promise<unknown> {
  return waits.ask({ kind, name, names, dueAt, timeout, spec });
}

/** Database time in ms at which the wait gives up. */
export function dueOf(waits: PassWaits, { timeout }: WaitOptions): number | null {
  return timeout === undefined ? null : waits.now() + timeout;
}

export function specOf(options: WaitOptions, more: WaitSpec | null): WaitSpec | null {
  const spec: WaitSpec = {
    ...more,
    ...('timeoutValue' in options ? { timeoutValue: options.timeoutValue } : {}),
    ...(options.onTimeout === 'fail' ? { onTimeout: 'fail' as const } : {}),
  };
  return Object.keys(spec).length === 0 ? null : spec;
}

/** The waits of the running pass. @throws NotInStepError, AttemptClosedError, WaitInTransactionError, StepUsageError */
export function waitsOf(caller: string): PassWaits {
  return waitsIn(currentScope(caller), caller);
}

export function waitsIn(scope: StepScope, caller: string): PassWaits {
  if (scope.manager !== null) throw new WaitInTransactionError(caller, scope.step);
  if (scope.waits === null) {
    throw new StepUsageError(
      'WAIT_IN_COMPENSATION',
      `${caller}() was called in compensation "${scope.step}": a rollback does not wait. Retry instead (@Compensate({ retry })).`,
    );
  }
  return scope.waits;
}

export function checkOptions(caller: string, options: WaitOptions): void {
  const { timeout, onTimeout } = options;
  if (timeout !== undefined && (typeof timeout !== 'number' || !(timeout >= 0) || timeout > LONGEST)) {
    throw invalid(
      `The options of ${caller}()`,
      'timeout',
      `expected a number of ms, at least 0, got ${describe(timeout)}`,
    );
  }
  if (onTimeout !== undefined && onTimeout !== 'resume' && onTimeout !== 'fail') {
    const message = `expected "resume" or "fail", got ${describe(onTimeout)}`;
    throw invalid(`The options of ${caller}()`, 'onTimeout', message);
  }
}

function checkName(caller: string, name: unknown): void {
  if (typeof name === 'string' && name !== '' && name.length <= 200) return;
  throw invalid(`${caller}()`, 'name', `expected a string of 1 to 200 characters, got ${describe(name)}`);
}

function invalid(what: string, path: string, message: string): InvalidInputError {
  return new InvalidInputError(what, [{ path, message }]);
}

/** A wait that nobody awaits may still end with an error: it must not end the process. */
export function started<T>(work: () => Promise<T>): Promise<T> {
  const promise = work();
  promise.catch(() => {});
  return promise;
}
