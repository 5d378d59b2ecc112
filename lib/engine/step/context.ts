import { isDeepStrictEqual } from 'node:util';
import { decode, encode, isPlainData } from '../../core/codec/codec.js';

type Data = Record<string, unknown>;

/** The run's data as a step reads and writes it in place of returning it. */
export class StepContext {
  private values: Data | undefined;
  private readonly touched = new Set<string>();

  constructor(
    private readonly stored: string,
    private readonly maxBytes: number,
  ) {}

  all(): Data {
    return this.copy(this.open()) as Data;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.open(), key);
  }

  get(key: string): unknown {
    return this.has(key) ? this.copy(this.open()[key]) : undefined;
  }

  /** @throws SerializationError for a value that cannot be stored */
  put(key: string, value: unknown): void {
    define(this.open(), key, decode(encode(value, { what: `context.${key}`, maxBytes: this.maxBytes })));
    this.touched.add(key);
  }

  /**
   * Puts a value behind those of a list, a new one where there is none. At the cost of that value, however long the list is.
   * @returns false where something else is there
   * @throws SerializationError for a value that cannot be stored
   */
  append(key: string, value: unknown): boolean {
    const values = this.open();
    const list = this.has(key) ? values[key] : [];
    if (!Array.isArray(list)) return false;
    const what = `context.${key}[${list.length}]`;
    list.push(decode(encode(value, { what, maxBytes: this.maxBytes })));
    define(values, key, list);
    this.touched.add(key);
    return true;
  }

  delete(key: string): void {
    delete this.open()[key];
    this.touched.add(key);
  }

  merge(object: Data): void {
    for (const key of Object.keys(object)) this.put(key, mergeDeep(this.get(key), object[key]));
  }

  /**
   * The data that the attempt leaves behind: what it returned, with what it wrote. A returned key that differs from
   * the step's input wins over a write. `undefined`: nothing was returned or written, the data goes on unchanged.
   */
  resolve(returned: Data | undefined): Data | undefined {
    if (this.touched.size === 0) return returned;
    const written = this.open();
    if (returned === undefined) return written;
    const input = decode(this.stored);
    const before: Data = isPlainData(input) ? input : {};
    const result: Data = {};
    for (const key of Object.keys(returned)) define(result, key, returned[key]);
    for (const key of this.touched) {
      const changed =
        Object.hasOwn(returned, key) &&
        !(Object.hasOwn(before, key) && isDeepStrictEqual(this.copy(returned[key]), before[key]));
      if (changed) continue;
      if (Object.hasOwn(written, key)) define(result, key, written[key]);
      else delete result[key];
    }
    return result;
  }

  private open(): Data {
    if (this.values === undefined) {
      const data = decode(this.stored);
      this.values = isPlainData(data) ? data : {};
    }
    return this.values;
  }

  private copy(value: unknown): unknown {
    return decode(encode(value));
  }
}

/** Sets a key as data, `__proto__` included. */
function define(target: Data, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function mergeDeep(into: unknown, from: unknown): unknown {
  if (!isPlainData(into) || !isPlainData(from)) return from;
  const result: Data = {};
  for (const key of Object.keys(into)) define(result, key, into[key]);
  for (const key of Object.keys(from)) {
    define(result, key, Object.hasOwn(into, key) ? mergeDeep(into[key], from[key]) : from[key]);
  }
  return result;
}
