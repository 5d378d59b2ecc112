import { describe } from './core/describe.js';
import { didYouMean } from './core/did-you-mean.js';
import type { Violation } from './core/errors.js';

/** Collects every fault, so that one boot shows them all. */
export class Faults {
  readonly list: Violation[] = [];

  add(path: string, message: string): void {
    this.list.push({ path, message });
  }
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

  private constructor(
    private readonly faults: Faults,
    private readonly path: string,
    private readonly raw: Readonly<Record<string, unknown>>,
  ) {}

  /** A reader of the object; `null`, and a fault, where it is none. */
  static of(faults: Faults, path: string, raw: unknown): OptionReader | null {
    if (isObject(raw)) return new OptionReader(faults, path, raw);
    faults.add(path, `expected an object with options, got ${given(raw)}`);
    return null;
  }

  /** The keys that have a value. */
  keys(): string[] {
    return Object.keys(this.raw).filter((key) => this.raw[key] !== undefined);
  }

  fault(key: string, message: string): void {
    this.faults.add(this.at(key), message);
  }

  /** The value as it is. */
  take(key: string): unknown {
    this.known.add(key);
    return Object.hasOwn(this.raw, key) || key in this.raw ? this.raw[key] : undefined;
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

  text<D>(key: string, fallback: D, isValid: (text: string) => boolean, rule: string): string | D {
    const value = this.take(key);
    if (value === undefined) return fallback;
    if (typeof value === 'string' && isValid(value)) return value;
    this.expected(key, rule, value);
    return fallback;
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
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.flatMap((one) => {
      const found = allowed.find((word) => word === one);
      if (found !== undefined) return [found];
      const hint = typeof one === 'string' ? didYouMean(one, allowed) : '';
      this.fault(key, `expected one or several of ${allowed.join(', ')}, got ${given(one)}.${hint}`);
      return [];
    });
  }

  /** Notes a fault for each key nobody asked for. */
  refuseOthers(): void {
    for (const key of this.keys()) {
      if (this.known.has(key)) continue;
      const known = [...this.known];
      this.fault(key, `is not an option.${didYouMean(key, known)} Known options: ${known.sort().join(', ')}`);
    }
  }

  private expected(key: string, rule: string, value: unknown): void {
    this.fault(key, `expected ${rule}, got ${given(value)}`);
  }

  private at(key: string): string {
    const name = /^[\w$-]+$/.test(key) ? key : JSON.stringify(maskCredentials(key));
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What names of instances and queues may be: they stand in logs, notifications and on command lines. */
export function isPlainName(name: string): boolean {
  return name.length > 0 && name.length <= 64 && !/[\p{Cc}\p{Cs}]/u.test(name);
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
