import { readFileSync } from 'node:fs';
import { decode } from '../core/codec/codec.js';
import { describe } from '../core/describe.js';
import { isDate, isDuration, MAX_DURATION, type TextRule } from '../core/limits.js';
import { isDurableError, type Violation } from '../core/errors/durable-error.js';
import { read } from '../core/text-of.js';
import { usage } from './failure.js';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const AGE = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;
const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** A length of time such as `90s`, `24h`, `30d`, in ms. */
export function duration(option: string, text: string): number {
  const [, count, unit] = AGE.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit ?? ''] ?? NaN);
  if (isDuration(ms)) return Math.round(ms);
  throw usage(
    `${option}: expected a length of time such as 90s, 15m, 24h or 30d, of at most 100 years, got "${text}".`,
  );
}

/** A time: an ISO date, or so long before `now`. */
export function time(option: string, text: string, now: number): Date {
  if (AGE.test(text)) return new Date(now - duration(option, text));
  const date = new Date(ISO.test(text) ? text : NaN);
  // The server takes no other, and its answer would name no option.
  if (isDate(date)) return date;
  throw usage(
    `${option}: expected a date such as 2026-07-01 or 2026-07-01T14:00:00Z, or 24h or 7d for so long ago, got "${text}".`,
  );
}

export function integer(option: string, text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw usage(`${option}: expected a whole number ${range}, got "${text}".`);
}

/** A number of hours, in ms. */
export function hours(option: string, text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * (UNITS['h'] ?? NaN) : NaN;
  if (ms > 0 && isDuration(ms)) return ms;
  throw usage(`${option}: expected a number above 0 and at most ${MAX_DURATION / 3_600_000}, got "${text}".`);
}

/** A text that the client would take, told before a database is looked for. */
export function fitting(option: string, text: string, rule: TextRule): string {
  if (rule.fits(text)) return text;
  throw usage(`${option}: expected ${rule.expected}, got "${text}".`);
}

/** Reads options as the client does, and says what is wrong of them in the words of the command line. */
export function checked<T>(readThem: () => T): T {
  try {
    return readThem();
  } catch (error) {
    const violations = read(error, 'violations');
    if (!Array.isArray(violations)) throw error;
    const said = (violations as readonly Violation[]).map(({ path, message }) => `${optionOf(path)}: ${message}`);
    throw usage(`${said.join('; ')}.`);
  }
}

/** `tags.tenant` is of `--tag`, `idempotencyKey` of `--idempotency-key`. */
function optionOf(path: string): string {
  const [name = ''] = path.split(/[.[]/);
  return `--${(name === 'tags' ? 'tag' : name).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The values of an option that may be given several times, and with commas. */
export function several<T extends string>(option: string, texts: readonly string[], known: readonly T[]): T[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const found = known.find((one) => one === text.trim());
      if (found !== undefined) return found;
      throw usage(`${option}: expected ${known.join(', ')}, got "${text}".`);
    });
}

/** `key=value`, several times. */
export function tags(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw usage(`${option}: expected key=value, got "${text}".`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** An object in JSON, which may hold the codec's marks (`{"$durable":"date",…}`). */
export function objectJson(option: string, text: string): object {
  return asObject(option, json(option, text));
}

export function asObject(option: string, value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw usage(`${option}: expected a JSON object such as '{"id":1}', got ${describe(value)}.`);
}

/** The data of an act: JSON or text on the command line, or JSON in a file; undefined: none. */
export function dataOf(typed: string | undefined, file: string | undefined, what: string): unknown {
  if (typed !== undefined && file !== undefined)
    throw usage(`--json-file gives ${what} already: leave the last word out.`);
  if (file !== undefined) return jsonFile('--json-file', file);
  return typed === undefined ? undefined : jsonOrText(typed);
}

/** JSON, or any other text as the string that it is. */
export function jsonOrText(text: string): unknown {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return json('The data', text);
}

export function jsonFile(option: string, path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw usage(`${option}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
  return json(option, text);
}

function json(option: string, text: string): unknown {
  try {
    JSON.parse(text);
  } catch (error) {
    throw usage(`${option}: expected JSON (${(error as Error).message}).`);
  }
  try {
    return decode(text);
  } catch (error) {
    if (isDurableError(error)) throw usage(`${option}: ${error.message}`);
    throw usage(`${option}: a "$durable" mark in it cannot be read.`);
  }
}
