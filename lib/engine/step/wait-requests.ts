import { InvalidInputError } from '../../core/errors/errors.js';
import { checkDeclaration } from '../../core/input/input-declaration.js';
import { checkText, KEY, MAX_NAMES, refused, type TextRule } from '../../core/limits.js';
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

/** Reads the arguments of the wait functions and makes the requests of them that a pass takes. */

/** Options of every wait. */
export interface WaitOptions<V = unknown> {
  /** ms until the wait gives up. Default: never. */
  timeout?: number;
  /** Value that the wait returns on timeout. Default: it throws `WaitTimeoutError`. */
  timeoutValue?: V;
  /** `'fail'`: a timeout fails the run, whatever the step catches. Default: `'resume'`. */
  onTimeout?: 'resume' | 'fail';
}

/** Options of `waitForInput`. */
export interface InputOptions<V = unknown> extends WaitOptions<V> {
  /** Kind of answer. Default: any value is accepted, and the input is listed as `free_text`. */
  type?: InputType;
  /** Question to people. Default: none. */
  prompt?: string;
  /** Any storable value, listed with the input. Default: none. */
  metadata?: unknown;
  /** Fields of a form; only with `type: 'form'`. */
  fields?: readonly InputField[];
  /** Values to choose from; only with `type: 'single_choice'` or `'multi_choice'`. */
  choices?: readonly InputChoice[];
}

/** No options: there is nothing to read. */
export const NONE = {};

export function events<T>(
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

export function input<T>(
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

/** The declaration of an input; keys that were not given are absent. */
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

export function ask(
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
