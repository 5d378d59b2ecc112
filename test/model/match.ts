import { type Fields, isFields } from './behaviour.js';
import { OneOf } from './reference.js';

/** Says what differs and where; made only when it is asked for, as most things compared are the same. */
export type Difference = (path?: string) => string;

/**
 * Compares what is there with what the model expects, types included. Gives what tells the first difference, or null.
 * An expected `OneOf` stands for the stored error of any of its failures.
 */
export function difference(expected: unknown, actual: unknown): Difference | null {
  if (Object.is(expected, actual)) return null;
  if (typeof expected !== 'object' || expected === null) return differs(expected, actual);
  if (expected instanceof OneOf)
    return isStoredErrorOf(expected, actual) ? null : differs(messagesOf(expected), actual);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs(expected, actual);
    for (let index = 0; index < expected.length; index++) {
      const found = difference(expected[index], actual[index]);
      if (found !== null) return (path = '') => found(`${path}[${index}]`);
    }
    return null;
  }
  if (expected instanceof Map) {
    const found = actual instanceof Map ? difference([...expected], [...(actual as Map<unknown, unknown>)]) : null;
    if (found !== null) return (path = '') => found(`${path}(Map)`);
    return actual instanceof Map ? null : differs(expected, actual);
  }
  if (expected instanceof Date) {
    return actual instanceof Date && actual.getTime() === expected.getTime() ? null : differs(expected, actual);
  }
  return isFields(expected) && isFields(actual) ? fieldDifference(expected, actual) : differs(expected, actual);
}

function fieldDifference(expected: Fields, actual: Fields): Difference | null {
  for (const key of Object.keys(expected)) {
    const found = Object.hasOwn(actual, key)
      ? difference(expected[key], actual[key])
      : differs(expected[key], actual[key]);
    if (found !== null) return (path = '') => found(`${path}.${key}`);
  }
  const more = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  if (more === undefined) return null;
  return (path = '') => differs(expected[more], actual[more])(`${path}.${more}`);
}

/** Whether a stored error is that of one of the failures. */
export function isStoredErrorOf(expected: OneOf, actual: unknown): boolean {
  if (typeof actual !== 'object' || actual === null) return false;
  const { message } = actual as { message?: unknown };
  return typeof message === 'string' && expected.failures.some((failure) => message.includes(failure.message));
}

function messagesOf(expected: OneOf): string[] {
  return expected.failures.map(({ message }) => message);
}

function differs(expected: unknown, actual: unknown): Difference {
  return (path = '') => `${path === '' ? 'it' : path} is ${show(actual)}, expected ${show(expected)}`;
}

export function show(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof OneOf) return `one of: ${messagesOf(inner).join(', ')}`;
    if (inner instanceof Map) return { map: [...inner] };
    return typeof inner === 'bigint' || inner === undefined || Object.is(inner, -0)
      ? `${String(inner)} (${typeof inner})`
      : inner;
  }).slice(0, 400);
}
