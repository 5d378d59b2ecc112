import { describe } from './describe.js';
import { didYouMean } from './did-you-mean.js';
import type { Violation } from './errors/durable-error.js';
import { InvalidInputError } from './errors/errors-execution.js';
import { DATE, DURATION, isDate, isDuration, KEY, type TextRule } from './limits.js';
import { clip, textOf } from './text-of.js';

/** Collects every fault, so that one boot or call shows them all. */
export class Faults {
  readonly list: Violation[] = [];

  add(path: string, message: string): void {
    this.list.push({ path, message });
  }

  expected(path: string, rule: string, value: unknown): void {
    this.add(path, `expected ${rule}, got ${given(value)}`);
  }

  /** @throws InvalidInputError with everything that is wrong; `what` was read */
  refuse(what: string): void {
    if (this.list.length > 0) throw new InvalidInputError(what, this.list);
  }
}

/**
 * Reads the options of a call by `work`; keys that it does not ask for are faults. `faults` may hold those of the call's
 * other arguments.
 * @throws InvalidInputError with every fault
 */
export function readOptions<T>(
  what: string,
  raw: unknown,
  work: (read: OptionReader) => T,
  faults: Faults = new Faults(),
): T {
  const read = OptionReader.of(faults, '', raw);
  const result = read === null ? null : { value: work(read) };
  read?.refuseOthers();
  faults.refuse(what);
  if (result === null) throw new InvalidInputError(what, faults.list);
  return result.value;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
}

/**
 * Reads the options in one object, notes what is wrong with them under their path, and remembers which were asked for:
 * what is left in the end is unknown. A value that is `undefined` counts as left out. A reader goes on after a fault
 * with the default, so that all faults are found in one pass.
 */
export class OptionReader {
  private readonly known = new Set<string>();
  private unreadable: Set<string> | null = null;

  private constructor(
    private readonly faults: Faults,
    private readonly path: string,
    private readonly raw: Readonly<Record<string, unknown>>,
    private readonly own: readonly string[],
  ) {}

  /** A reader of the object; `null`, and a fault, where it is none or cannot be read. */
  static of(faults: Faults, path: string, raw: unknown): OptionReader | null {
    try {
      if (isObject(raw)) return new OptionReader(faults, path, raw, Object.keys(raw));
      faults.add(path, `expected an object with options, got ${given(raw)}`);
    } catch (error) {
      faults.add(path, `reading it failed (${textOf(error)})`);
    }
    return null;
  }

  /** The keys that have a value. */
  keys(): string[] {
    return this.own.filter((key) => this.valueOf(key) !== undefined);
  }

  fault(key: string, message: string): void {
    this.faults.add(this.at(key), message);
  }

  /** The value as it is. */
  take(key: string): unknown {
    this.known.add(key);
    return this.valueOf(key);
  }

  /** True when the key is there, also with undefined as its value. */
  has(key: string): boolean {
    this.known.add(key);
    return this.own.includes(key);
  }

  /** A reader of the object there; `undefined` where there is none, `null` where there is something else (a fault). */
  object(key: string): OptionReader | null | undefined {
    const value = this.take(key);
    return value === undefined ? undefined : OptionReader.of(this.faults, this.at(key), value);
  }

  boolean<D>(key: string, fallback: D): boolean | D {
    const value = this.take(key);
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    this.expected(key, 'true or false', value);
    return fallback;
  }

  integer<D>(key: string, fallback: D, { min, max, unit }: Bounds): number | D {
    const value = this.take(key);
    if (value === undefined) return fallback;
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    this.expected(key, `a whole number from ${min} to ${max}${unit === undefined ? '' : ` (${unit})`}`, value);
    return fallback;
  }

  text<D>(key: string, fallback: D, rule: TextRule = KEY): string | D {
    const value = this.take(key);
    if (value === undefined) return fallback;
    if (typeof value === 'string' && rule.fits(value)) return value;
    this.expected(key, rule.expected, value);
    return fallback;
  }

  /** ms */
  duration<D>(key: string, fallback: D): number | D {
    const value = this.take(key);
    if (value === undefined) return fallback;
    if (isDuration(value)) return value;
    this.expected(key, DURATION, value);
    return fallback;
  }

  date(key: string): Date | null {
    const value = this.take(key);
    if (value === undefined) return null;
    if (isDate(value)) return new Date(value);
    this.expected(key, DATE, value);
    return null;
  }

  oneOf<const T extends string>(key: string, fallback: T, allowed: readonly T[]): T {
    const value = this.take(key);
    if (value === undefined) return fallback;
    const found = allowed.find((word) => word === value);
    if (found !== undefined) return found;
    const hint = typeof value === 'string' ? didYouMean(value, allowed) : '';
    this.fault(key, `expected ${allowed.map((word) => `'${word}'`).join(' or ')}, got ${given(value)}.${hint}`);
    return fallback;
  }

  /** One of these, or a list of them; `null` where it is left out. */
  severalOf<const T extends string>(key: string, allowed: readonly T[]): readonly T[] | null {
    const value = this.take(key);
    if (value === undefined) return null;
    return (listOf(value) ?? [value]).flatMap((one) => {
      const found = allowed.find((word) => word === one);
      if (found !== undefined) return [found];
      const hint = typeof one === 'string' ? didYouMean(one, allowed) : '';
      this.fault(key, `expected one or several of ${allowed.join(', ')}, got ${given(one)}.${hint}`);
      return [];
    });
  }

  /** Notes a fault for each key that was not read. */
  refuseOthers(): void {
    for (const key of this.keys()) {
      if (this.known.has(key)) continue;
      const known = [...this.known];
      this.fault(key, `is not an option.${didYouMean(key, known)} Known options: ${known.sort().join(', ')}`);
    }
  }

  expected(key: string, rule: string, value: unknown): void {
    this.faults.expected(this.at(key), rule, value);
  }

  private valueOf(key: string): unknown {
    try {
      return this.raw[key];
    } catch (error) {
      // Told once: a second look sees the same.
      this.unreadable ??= new Set();
      if (!this.unreadable.has(key)) this.fault(key, `reading it failed (${textOf(error)})`);
      this.unreadable.add(key);
      return undefined;
    }
  }

  private at(key: string): string {
    const short = clip(key, LONGEST_KEY);
    const name = /^[\w$-]+$/.test(short) ? short : JSON.stringify(maskCredentials(short));
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

/** Characters of a key that a message quotes. */
const LONGEST_KEY = 200;

/** The values of a list; null: it is none, or one that cannot be read. */
export function listOf(value: unknown): unknown[] | null {
  try {
    return Array.isArray(value) ? Array.from<unknown>(value) : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in a few words; a URL pasted into the wrong option does not show its password. */
export function given(value: unknown): string {
  return describe(typeof value === 'string' ? maskCredentials(value) : value);
}

/** The text with the user part and password parameters of every URL in it replaced by `***`. */
export function maskCredentials(text: string): string {
  // Up to the last @: a password with an unescaped @ or / in it is still one.
  return text.replace(/:\/\/\S*@/g, '://***@').replace(/((?:password|passwd|pwd)=)[^&\s]*/gi, '$1***');
}
