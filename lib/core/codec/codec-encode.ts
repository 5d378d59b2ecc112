import { toBase64 } from './bytes.js';
import { callToJson, kindOf, refusal, TAG } from './codec-kinds.js';
import { SerializationError } from '../errors/errors-execution.js';
import { textOf } from '../text-of.js';

/** Deeper values are refused: a walk of 10 000 levels ends the stack, and no one reads such data. */
const MAX_DEPTH = 1000;

type PathPart = string | number | { readonly call: string };

/** One walk over a value. `path` and `parents` are stacks, so that a fault can name its place at no cost before. */
interface Walk {
  readonly what: string;
  readonly path: PathPart[];
  readonly parents: object[];
  depth: number;
  /** Values and characters that may still be seen. */
  budget: number;
  readonly errorToRecord: (error: object) => unknown;
}

export interface EncodeParts {
  /** Name of the value, first part of the path in errors. */
  what: string;
  /** Makes the record that stands for an `Error`. */
  errorToRecord: (error: object) => unknown;
  /** Refuse when there are more values and characters than this. */
  budget?: number;
}

/**
 * The stored text of a value. Walks it once; what JSON holds as it is stays the same object, and only the parents of
 * something else are copied, so that plain data costs the walk and one native `JSON.stringify`.
 * `JSON.stringify` writes NUL and lone surrogates as escapes, which PostgreSQL's `json` and `text` take.
 */
export function encodeValue(value: unknown, { what, errorToRecord, budget = Infinity }: EncodeParts): string {
  const walk: Walk = { what, path: [], parents: [], depth: 0, budget, errorToRecord };
  try {
    return JSON.stringify(toJsonValue(walk, value));
  } catch (error) {
    if (error instanceof SerializationError) {
      throw error;
    }
    // The stack ended, the text is longer than a string can be, or a getter, a proxy or a toJSON() threw.
    const message = textOf(error);
    throw new SerializationError(pathOf(walk), `reading it failed (${message})`, { cause: error });
  }
}

function toJsonValue(walk: Walk, value: unknown): unknown {
  walk.budget -= 1;
  switch (typeof value) {
    case 'string':
      walk.budget -= value.length;
      return walk.budget < 0 ? refuse(walk, 'it is too large') : value;
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : tagged('number', Object.is(value, -0) ? '-0' : String(value));
    case 'undefined':
      return { [TAG]: 'undefined' };
    case 'bigint':
      return tagged('bigint', value.toString());
    case 'function':
      return refuse(walk, 'it is a function');
    case 'symbol':
      return refuse(walk, 'it is a symbol');
    default:
      return value === null ? null : fromObject(walk, value as object);
  }
}

function fromObject(walk: Walk, value: object): unknown {
  if (walk.budget < 0) {
    refuse(walk, 'it is too large');
  }
  if (walk.depth >= MAX_DEPTH) {
    refuse(walk, `it is nested more than ${MAX_DEPTH} levels deep`);
  }
  for (let i = walk.depth - 1; i >= 0; i--) {
    if (walk.parents[i] === value) {
      refuse(walk, `it is circular: it refers back to ${pathOf(walk, i)}`);
    }
  }
  const kind = kindOf(value);
  walk.parents[walk.depth] = value;
  walk.depth += 1;
  // Not undone when something below throws: the fault's path is read from `path` and `depth`.
  walk.path[walk.depth - 1] = HERE;
  const result = kind === 'plain' ? fromFields(walk, value as Record<string, unknown>) : fromKind(walk, value, kind);
  walk.depth -= 1;
  return result;
}

const HERE: PathPart = { call: '' };

function fromKind(walk: Walk, value: object, kind: ReturnType<typeof kindOf>): unknown {
  switch (kind) {
    case 'array':
      return fromArray(walk, value as unknown[]);
    case 'date': {
      const time = Date.prototype.getTime.call(value);
      return tagged('date', Number.isNaN(time) ? null : new Date(time).toISOString());
    }
    case 'map':
      return tagged('map', fromMap(walk, value as Map<unknown, unknown>));
    case 'set':
      return tagged('set', fromSet(walk, value as Set<unknown>));
    case 'url':
      return tagged('url', (value as URL).href);
    case 'buffer':
      return tagged('buffer', bytesText(walk, value as Uint8Array));
    case 'typedArray': {
      // In the machine's byte order, little-endian on everything Node runs on but s390x.
      const { buffer, byteOffset, byteLength } = value as Uint8Array;
      const name: unknown = Reflect.get(value, Symbol.toStringTag);
      return tagged(String(name), bytesText(walk, new Uint8Array(buffer, byteOffset, byteLength)));
    }
    case 'arrayBuffer':
      return tagged('arrayBuffer', bytesText(walk, new Uint8Array(value as ArrayBuffer)));
    case 'error':
      return toJsonValue(walk, walk.errorToRecord(value));
    case 'json': {
      const above = walk.path[walk.depth - 2];
      const json = callToJson(value, typeof above === 'object' ? '' : String(above ?? ''));
      return json === value ? refuse(walk, 'its toJSON() returns itself') : toJsonValue(walk, json);
    }
    default:
      return refuse(walk, refusal(value));
  }
}

function fromFields(walk: Walk, value: Record<string, unknown>): unknown {
  refuseSymbolKeys(walk, value);
  const at = walk.depth - 1;
  const keys = Object.keys(value);
  let copy: Record<string, unknown> | null = null;
  let escape = false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    walk.path[at] = key;
    walk.budget -= key.length;
    const item = value[key];
    const json = toJsonValue(walk, item);
    if (json !== item && copy === null) {
      copy = {};
      for (let j = 0; j < i; j++) {
        setField(copy, keys[j] as string, value[keys[j] as string]);
      }
    }
    if (copy !== null) {
      setField(copy, key, json);
    }
    escape ||= key === TAG;
  }
  return escape ? tagged('object', copy ?? value) : (copy ?? value);
}

function fromArray(walk: Walk, value: unknown[]): unknown {
  const at = walk.depth - 1;
  let copy: unknown[] | null = null;
  for (let i = 0; i < value.length; i++) {
    walk.path[at] = i;
    const item = value[i];
    if (item === undefined && !(i in value)) {
      refuse(walk, 'it is a hole in a sparse array; fill it, with null or undefined');
    }
    const json = toJsonValue(walk, item);
    if (json !== item && copy === null) {
      copy = value.slice(0, i);
    }
    copy?.push(json);
  }
  return copy ?? value;
}

function fromMap(walk: Walk, value: Map<unknown, unknown>): unknown[] {
  const at = walk.depth - 1;
  const entries: unknown[] = [];
  Map.prototype.forEach.call(value, (item, key) => {
    walk.path[at] = { call: `.keys()[${entries.length}]` };
    const jsonKey = toJsonValue(walk, key);
    walk.path[at] = { call: typeof key === 'object' ? `.values()[${entries.length}]` : `.get(${nameOf(key)})` };
    entries.push([jsonKey, toJsonValue(walk, item)]);
  });
  return entries;
}

function fromSet(walk: Walk, value: Set<unknown>): unknown[] {
  const at = walk.depth - 1;
  const items: unknown[] = [];
  Set.prototype.forEach.call(value, (item) => {
    walk.path[at] = { call: `.values()[${items.length}]` };
    items.push(toJsonValue(walk, item));
  });
  return items;
}

function bytesText(walk: Walk, bytes: Uint8Array): string {
  walk.budget -= bytes.length;
  return walk.budget < 0 ? refuse(walk, 'it is too large') : toBase64(bytes);
}

/** An enumerable symbol key is data that JSON would drop without a word. */
function refuseSymbolKeys(walk: Walk, value: object): void {
  for (const symbol of Object.getOwnPropertySymbols(value)) {
    if (Object.prototype.propertyIsEnumerable.call(value, symbol)) {
      refuse(walk, `it has a symbol as a key (${String(symbol)})`);
    }
  }
}

/** Assigning to `__proto__` would set the prototype. */
function setField(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

function tagged(kind: string, v: unknown): Record<string, unknown> {
  return { [TAG]: kind, v };
}

function refuse(walk: Walk, problem: string): never {
  throw new SerializationError(pathOf(walk), problem);
}

function pathOf(walk: Walk, length = walk.depth): string {
  let text = walk.what;
  for (const part of walk.path.slice(0, length)) {
    if (typeof part === 'number') {
      text += `[${part}]`;
    } else if (typeof part === 'object') {
      text += part.call;
    } else {
      text += /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
    }
  }
  return text;
}

function nameOf(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(key);
}
