import { isFields } from './behaviour.js';
import { OneOf } from './reference.js';

/** Says what differs and where; made only when it is asked for. */
export type Difference = () => string;

/**
 * Compares what is there with what the model expects, types included. Gives what tells the first difference, or null.
 * An expected `OneOf` stands for the stored error of any of its failures.
 */
export function difference(expected: unknown, actual: unknown, path = ''): Difference | null {
  if (expected instanceof OneOf)
    return isStoredErrorOf(expected, actual) ? null : differs(path, messagesOf(expected), actual);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs(path, expected, actual);
    return first(expected, (item, index) => difference(item, actual[index], `${path}[${index}]`));
  }
  if (expected instanceof Map) {
    return actual instanceof Map
      ? difference([...expected], [...(actual as Map<unknown, unknown>)], `${path}(Map)`)
      : differs(path, expected, actual);
  }
  if (expected instanceof Date) {
    return actual instanceof Date && actual.getTime() === expected.getTime() ? null : differs(path, expected, actual);
  }
  if (isFields(expected)) {
    if (!isFields(actual)) return differs(path, expected, actual);
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return first([...keys], (key) =>
      Object.hasOwn(expected, key) && Object.hasOwn(actual, key)
        ? difference(expected[key], actual[key], `${path}.${key}`)
        : differs(`${path}.${key}`, expected[key], actual[key]),
    );
  }
  return Object.is(expected, actual) ? null : differs(path, expected, actual);
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

function first<T>(items: readonly T[], compare: (item: T, index: number) => Difference | null): Difference | null {
  for (const [index, item] of items.entries()) {
    const found = compare(item, index);
    if (found !== null) return found;
  }
  return null;
}

function differs(path: string, expected: unknown, actual: unknown): Difference {
  return () => `${path === '' ? 'it' : path} is ${show(actual)}, expected ${show(expected)}`;
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
