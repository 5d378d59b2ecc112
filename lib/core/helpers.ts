import { describe } from './describe.js';
import { InvalidInputError } from './errors/errors-execution.js';

/** The data with one more or another value. */
type With<D, K extends PropertyKey, V> = Omit<D, K> & Record<K, V>;

/** A copy of `data` with `key` set to `value`, or with all fields of `object`. */
export function assign<D extends object, O extends object>(data: D, object: O): Omit<D, keyof O> & O;
export function assign<D extends object, K extends string, V>(data: D, key: K, value: V): With<D, K, V>;
export function assign(data: object, keyOrObject: string | object, value?: unknown): object {
  // Spreading defines fields, so that `__proto__` stays a field.
  return typeof keyOrObject === 'string' ? withField(data, keyOrObject, value) : { ...data, ...keyOrObject };
}

/**
 * A copy of `data` with the value at `key` replaced by what `fn` returns for it. Where the key is missing `fn` gets
 * `fallback`.
 * @throws InvalidInputError where the key is missing and there is no `fallback`
 */
export function update<D extends object, K extends keyof D & string, V>(
  data: D,
  key: K,
  fn: (value: D[K]) => V,
): With<D, K, V>;
export function update<D extends object, K extends string, F, V>(
  data: D,
  key: K,
  fallback: F,
  fn: (value: K extends keyof D ? Exclude<D[K], undefined> | F : F) => V,
): With<D, K, V>;
export function update(data: object, key: string, ...rest: readonly unknown[]): object {
  const fn = rest[rest.length - 1] as (value: unknown) => unknown;
  if (rest.length === 1 && !has(data, key)) {
    throw wrong('update', key, 'it is missing; give a fallback: update(data, key, fallback, fn)');
  }
  return withField(data, key, fn(rest.length > 1 ? get(data, key, rest[0]) : get(data, key)));
}

/**
 * A copy of `data` with `value` at the end of the list at `key`, a new list where there is none.
 * @throws InvalidInputError where something else is there
 */
export function append<D extends object, K extends string, V>(data: D, key: K, value: V): With<D, K, V[]> {
  const list = get(data, key, []);
  if (!Array.isArray(list)) {
    throw wrong('append', key, `it is no list, but ${describe(list)}`);
  }
  return withField(data, key, [...(list as unknown[]), value]) as With<D, K, V[]>;
}

/**
 * A copy of `data` with `by` (1) added to the number at `key`, from 0 where there is none.
 * @throws InvalidInputError where something else is there
 */
export function increment<D extends object, K extends string>(data: D, key: K, by = 1): With<D, K, number> {
  const number = get(data, key, 0);
  if (typeof number !== 'number') {
    throw wrong('increment', key, `it is no number, but ${describe(number)}`);
  }
  return withField(data, key, number + by) as With<D, K, number>;
}

/** A copy of `data` without `key`. */
export function remove<D extends object, K extends string>(data: D, key: K): Omit<D, K> {
  const copy = { ...data };
  Reflect.deleteProperty(copy, key);
  return copy;
}

/** The value at `key`; `fallback` (undefined) where it is missing or undefined. Inherited keys don't count. */
export function get<D extends object, K extends string, F = undefined>(
  data: D,
  key: K,
  fallback?: F,
): (K extends keyof D ? D[K] : unknown) | F {
  const value: unknown = has(data, key) ? Reflect.get(data, key) : undefined;
  return (value === undefined ? fallback : value) as (K extends keyof D ? D[K] : unknown) | F;
}

/** True when `data` has `key` itself, whatever its value; inherited keys don't count. */
export function has(data: object, key: string): boolean {
  return Object.hasOwn(data, key);
}

/** `{ ...data, [key]: value }`: a computed key defines a field, also one named `__proto__`. */
function withField(data: object, key: string, value: unknown): object {
  return { ...data, [key]: value };
}

function wrong(fn: string, key: string, message: string): InvalidInputError {
  return new InvalidInputError(`${fn}(data, ${JSON.stringify(key)})`, [{ path: key, message }]);
}
