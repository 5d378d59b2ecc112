import { describe } from './describe.js';

/** Characters of one text: what is logged or stored of an error that somebody else has made. */
const LONGEST = 4_000;

/**
 * A text for whatever was thrown, given or returned: an error's message (without one its code or name), a string itself,
 * else the value in a few words.
 * Never throws, whatever the value is (a revoked proxy, `Object.create(null)`, a getter or `toString` that throws), and
 * is never longer than 4 000 characters.
 */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return clip(value, LONGEST);
  const message = read(value, 'message');
  if (typeof message === 'string' && message !== '') return clip(message, LONGEST);
  if (!isError(value)) return describe(value);
  const parts = partsOf(value);
  if (parts.length > 0) return clip([...new Set(parts.map(textOf))].join('; '), LONGEST);
  for (const word of [read(value, 'code'), read(value, 'name')]) {
    if (typeof word === 'string' && word !== '') return clip(word, LONGEST);
  }
  return describe(value);
}

/** A refused connection is an AggregateError without words of its own: one error for each address. */
function partsOf(value: Error): unknown[] {
  try {
    const errors = read(value, 'errors');
    return Array.isArray(errors) ? errors.filter((one) => isError(one) && read(one, 'errors') === undefined) : [];
  } catch {
    return [];
  }
}

/** The value itself where it is an `Error`, else an `Error` that says what it is and has it as its cause. Never throws. */
export function errorOf(value: unknown): Error {
  try {
    if (value instanceof Error) return value;
  } catch {
    // A proxy that does not say what it is.
  }
  return new Error(textOf(value), { cause: value });
}

/** True for an error, of another realm too. Never throws. */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false;
  }
}

/** A property of whatever it is; undefined where there is none, or where looking at it throws. */
export function read(value: unknown, key: PropertyKey): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}

export function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
