import { InvalidInputError } from '../../core/errors/errors.js';
import { normaliseApproval } from '../../core/input/input-check.js';
import { checkDeclaration } from '../../core/input/input-declaration.js';
import { checkDuration, checkText, DATE, isDate, KEY, MAX_NAMES, refused, type TextRule } from '../../core/limits.js';
import { listOf, type OptionReader, readOptions } from '../../core/option-reader.js';
import type {
  InputChoice,
  InputDeclaration,
  InputField,
  InputType,
  WaitKind,
  WaitSpec,
} from '../../core/run/wait-spec.js';
import { waiting } from './calls.js';
import type { PassWaits, WaitRequest } from './waits.js';

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

/** No options: there is nothing to read. */
const NONE = {};

type Declared<V, K extends keyof InputOptions = never> = Omit<InputOptions<V>, 'type' | K>;

/** Suspends for so many ms. */
export function sleep(ms: number): Promise<void> {
  return waiting('sleep', null, (waits) =>
    ask(waits, 'sleep', 'sleep', [], waits.now() + checkDuration('sleep()', 'ms', ms), null, null),
  );
}

/** Suspends until that time; a time that has passed is over at once. */
export function scheduleAt(date: Date): Promise<void> {
  return waiting('scheduleAt', null, (waits) => {
    if (!isDate(date)) throw refused('scheduleAt()', 'date', DATE, date);
    return ask(waits, 'sleep', 'schedule', [], new Date(date).getTime(), null, null);
  });
}

/** The payload of the first event of that name that no other wait has taken, sent before or after. */
export function waitForEvent<T = unknown>(name: string, options: WaitOptions<T> = NONE): Promise<T> {
  return events('waitForEvent', 'event', [name], options);
}

/** `[name, payload]` of the first event of these names. */
export function waitForAny<T = unknown>(
  names: readonly string[],
  options: WaitOptions = NONE,
): Promise<[name: string, payload: T]> {
  return events('waitForAny', 'any', names, options);
}

/** One event of each of these names, by name; takes them only when all are there. */
export function waitForAll<T extends object = Record<string, unknown>>(
  names: readonly string[],
  options: WaitOptions = NONE,
): Promise<T> {
  return events('waitForAll', 'all', names, options);
}

/** What a person (or a program) provides with `provideInput`. */
export function waitForInput<T = unknown>(name: string, options: InputOptions<T> = {}): Promise<T> {
  return input('waitForInput', name, null, options);
}

/** `'approved'` or `'rejected'`. */
export function waitForApproval<V = never>(
  name: string,
  options: Declared<V, 'fields' | 'choices'> = {},
): Promise<'approved' | 'rejected' | V> {
  return input('waitForApproval', name, 'approval', options, saidOf);
}

/** The chosen value. */
export function waitForChoice<T = unknown>(
  name: string,
  options: Declared<T, 'fields'> & { choices: readonly InputChoice[] },
): Promise<T> {
  return input('waitForChoice', name, 'single_choice', options);
}

/** The chosen values. */
export function waitForChoices<T = unknown>(
  name: string,
  options: Declared<T[], 'fields'> & { choices: readonly InputChoice[] },
): Promise<T[]> {
  return input('waitForChoices', name, 'multi_choice', options);
}

/** The text. */
export function waitForText<V = string>(
  name: string,
  options: Declared<V, 'fields' | 'choices'> = {},
): Promise<string | V> {
  return input('waitForText', name, 'free_text', options);
}

/** The values of the fields. */
export function waitForForm<T extends object = Record<string, unknown>>(
  name: string,
  options: Declared<T, 'choices'> & { fields: readonly InputField[] },
): Promise<T> {
  return input('waitForForm', name, 'form', options);
}

function saidOf(answer: unknown): unknown {
  return normaliseApproval(answer) ?? answer;
}

function events<T>(
  caller: string,
  kind: 'event' | 'any' | 'all',
  given: readonly string[],
  options: WaitOptions,
): Promise<T> {
  return waiting(caller, given, (waits) => askEvents(waits, caller, kind, given, options));
}

function askEvents(
  waits: PassWaits,
  caller: string,
  kind: 'event' | 'any' | 'all',
  given: readonly string[],
  options: WaitOptions,
): Promise<unknown> {
  const list = listOf(given);
  const names = [...new Set(list)].map((name) => checkText(`${caller}()`, 'name', name, KEY));
  if (list === null || names.length === 0 || names.length > MAX_NAMES) {
    throw refused(`${caller}()`, 'names', `a list of 1 to ${MAX_NAMES} names of events`, given);
  }
  const wait = readWait(caller, options);
  return ask(waits, kind, names.join(','), names, dueOf(waits, wait), wait.timeout, specOf(wait, null));
}

function input<T>(
  caller: string,
  name: string,
  /** Null: the options say it. */
  type: InputType | null,
  options: InputOptions,
  convert?: WaitRequest['convert'],
): Promise<T> {
  return waiting(caller, name, (waits) => askInput(waits, caller, name, type, options, convert));
}

function askInput(
  waits: PassWaits,
  caller: string,
  name: string,
  type: InputType | null,
  options: InputOptions,
  convert: WaitRequest['convert'],
): Promise<unknown> {
  checkText(`${caller}()`, 'name', name, KEY);
  const { wait, asked } = readOptions(`The options of ${caller}()`, options, (read) => ({
    wait: waitOf(read),
    asked: inputOf(read, type),
  }));
  const violations = checkDeclaration(asked);
  if (violations.length > 0)
    throw new InvalidInputError(`The declaration of input "${name}" in ${caller}()`, violations);
  return waits.ask({
    kind: 'input',
    name,
    names: [name],
    dueAt: dueOf(waits, wait),
    timeout: wait.timeout,
    spec: specOf(wait, asked),
    ...(convert === undefined ? {} : { convert }),
  });
}

/** What an input declares; keys that were not given are absent. */
function inputOf(read: OptionReader, type: InputType | null): InputDeclaration & Pick<WaitSpec, 'prompt' | 'metadata'> {
  const given = {
    fields: read.take('fields'),
    choices: read.take('choices'),
    prompt: read.text('prompt', undefined, ANY_TEXT),
    metadata: read.take('metadata'),
  };
  const found = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  // Checked by checkDeclaration.
  return { type: type ?? ((read.take('type') ?? null) as InputType | null), ...found };
}

const ANY_TEXT: TextRule = { fits: () => true, expected: 'a string' };

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

/** The options that all waits have, as they were read. */
export interface ReadWait {
  /** ms; null: none. */
  readonly timeout: number | null;
  /** Null: there is none. */
  readonly timeoutValue: { readonly value: unknown } | null;
  readonly onTimeout: 'resume' | 'fail';
}

const NO_OPTIONS: ReadWait = { timeout: null, timeoutValue: null, onTimeout: 'resume' };

/** @throws InvalidInputError with everything that is wrong */
function readWait(caller: string, options: WaitOptions): ReadWait {
  return options === NONE ? NO_OPTIONS : readOptions(`The options of ${caller}()`, options, waitOf);
}

export function waitOf(read: OptionReader): ReadWait {
  return {
    timeout: read.duration('timeout', null),
    timeoutValue: read.has('timeoutValue') ? { value: read.take('timeoutValue') } : null,
    onTimeout: read.oneOf('onTimeout', 'resume', ['resume', 'fail']),
  };
}

/** Database time in ms at which the wait gives up. */
export function dueOf(waits: PassWaits, { timeout }: ReadWait): number | null {
  return timeout === null ? null : waits.now() + timeout;
}

export function specOf({ timeoutValue, onTimeout }: ReadWait, more: WaitSpec | null): WaitSpec | null {
  const spec: WaitSpec = {
    ...more,
    ...(timeoutValue === null ? {} : { timeoutValue: timeoutValue.value }),
    ...(onTimeout === 'fail' ? { onTimeout } : {}),
  };
  return Object.keys(spec).length === 0 ? null : spec;
}
