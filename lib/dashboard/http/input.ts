import { Faults, InvalidInputError, isObject, isStorable, OptionReader } from '../durable.js';

/** What a route reads of its query (GET) or its body. Each value is text in a query. */
export type InputReader = OptionReader;

/**
 * What `work` reads; keys that it does not ask for are faults.
 * @throws InvalidInputError with everything that is wrong
 */
export function readInput<I>(raw: Readonly<Record<string, unknown>>, work: (read: InputReader) => I): I {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', raw);
  if (read === null) throw new InvalidInputError('The request', faults.list);
  const input = work(read);
  read.refuseOthers();
  faults.refuse('The request');
  return input;
}

/** @throws InvalidInputError for a parameter that comes twice, and for text that PostgreSQL cannot hold */
export function queryRecord(query: string): Record<string, unknown> {
  const record = Object.create(null) as Record<string, unknown>;
  const violations: { path: string; message: string }[] = [];
  for (const [path, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(record, path)) violations.push({ path, message: 'is there several times; lists go by commas' });
    if (value.includes('\0')) violations.push({ path, message: 'has a NUL character, which is in no stored text' });
    record[path] = value;
  }
  if (violations.length > 0) throw new InvalidInputError('The request', violations);
  return record;
}

/** @throws InvalidInputError for what is neither an object nor nothing */
export function bodyRecord(body: unknown): Record<string, unknown> {
  if (body === undefined) return {};
  if (isObject(body)) return body;
  throw new InvalidInputError('The request', [{ path: '', message: 'expected a body with a JSON object' }]);
}

/** Any text that PostgreSQL can hold, not longer than that. */
export function anyText(read: InputReader, key: string, max = LONGEST): string | null {
  return read.text(key, null, {
    fits: (text) => text.length <= max && isStorable(text),
    expected: `a text of at most ${max} characters, without NUL and halves of surrogate pairs`,
  });
}

/** A text that has to be there. */
export function requiredText(read: InputReader, key: string): string {
  const value = read.text(key, null);
  if (value === null && !read.keys().includes(key)) read.expected(key, 'a text', undefined);
  return value ?? '';
}

/** A whole number written out. */
export function number(read: InputReader, key: string, fallback: number, min: number, max: number): number {
  const value = read.take(key);
  if (value === undefined) return fallback;
  const found = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (Number.isSafeInteger(found) && (found as number) >= min && (found as number) <= max) return found as number;
  read.expected(key, `a whole number from ${min} to ${max}`, value);
  return fallback;
}

/** `?full=1` */
export function flag(read: InputReader, key: string): boolean {
  const value = read.take(key);
  if (value === undefined || value === '0' || value === 'false') return false;
  if (value === '1' || value === 'true' || value === '') return true;
  read.expected(key, '1 or 0', value);
  return false;
}

/** A list of words, by commas. */
export function several<const T extends string>(read: InputReader, key: string, allowed: readonly T[]): T[] | null {
  const value = read.take(key);
  if (value === undefined) return null;
  const words = typeof value === 'string' ? value.split(',') : [value];
  return words.flatMap((word) => {
    const found = allowed.find((one) => one === word);
    if (found !== undefined) return [found];
    read.expected(key, `one or several of ${allowed.join(', ')}, by commas`, word);
    return [];
  });
}

/** A time as ISO 8601 has it. */
export function date(read: InputReader, key: string): Date | null {
  const value = read.take(key);
  if (value === undefined) return null;
  const found = typeof value === 'string' ? parseDate(value) : null;
  if (found === null) read.expected(key, "a time such as '2026-01-31T12:00:00Z'", value);
  return found;
}

export function parseDate(text: string): Date | null {
  if (!/^\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) return null;
  const time = Date.parse(text);
  return time >= EARLIEST && time < LATEST ? new Date(time) : null;
}

/** True for a time with its zone as PostgreSQL writes it: `2026-01-31 12:00:00.123456+00`. */
export function isTimestamp(value: unknown): boolean {
  const parts = typeof value === 'string' ? TIMESTAMP.exec(value) : null;
  const [, year = '', month = '', day = ''] = parts ?? [];
  // A day that its month does not have is another month's.
  return (
    parts !== null && new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  );
}

const TIMESTAMP =
  /^([1-9]\d{3})-(0[1-9]|1[0-2])-(\d\d) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?[+-](0\d|1[0-4])(:[0-5]\d)?$/;

/** Years that PostgreSQL and ISO 8601 write alike, also with a zone or a window before. */
const EARLIEST = Date.UTC(1900, 0, 1);
const LATEST = Date.UTC(9999, 0, 1);

const LONGEST = 2_000;
