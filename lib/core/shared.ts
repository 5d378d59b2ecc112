/**
 * A value that all copies of this package in one process share under this name: an ESM and a CommonJS build, or the two
 * installs of a monorepo. The first copy that asks makes it.
 */
export function shared<T>(name: string, make: () => T): T {
  const key = Symbol.for(`nest-durable.${name}`);
  const found: unknown = Reflect.get(globalThis, key);
  if (found !== undefined) return found as T;
  const made = make();
  Object.defineProperty(globalThis, key, { value: made });
  return made;
}
