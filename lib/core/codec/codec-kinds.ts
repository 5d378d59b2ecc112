import { describe } from '../describe.js';

/** Key that marks an object of the stored text as more than JSON: `{"$durable":"date","v":"…"}`. */
export const TAG = '$durable';

/** Kind of an object for the codec. `json`: stored as its `toJSON()` returns. */
export type Kind =
  | 'plain'
  | 'array'
  | 'date'
  | 'map'
  | 'set'
  | 'url'
  | 'buffer'
  | 'arrayBuffer'
  | 'typedArray'
  | 'error'
  | 'json'
  | 'refused';

/**
 * Prototypes whose instances are kept by their fields; looking through a chain costs about 1 µs. Refusals are not
 * remembered: `Object.create(Map.prototype)` is refused, and no reason to refuse maps.
 */
const fieldsOnly = new WeakSet<object>();

const toTag = (value: object): string => Object.prototype.toString.call(value);

/**
 * Tells kinds by their internal slots, not by `instanceof`: what Node's own modules, `structuredClone` or a test
 * runner's sandbox make comes from another realm, with other prototypes.
 */
export function kindOf(value: object): Kind {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return hasToJson(value) ? 'json' : 'plain';
  }
  if (Array.isArray(value)) {
    // Array.prototype is an array itself, in each realm; the prototype of a subclass is not.
    return Array.isArray(prototype) ? 'array' : hasToJson(value) ? 'json' : 'refused';
  }
  return instanceKind(value, prototype as object);
}

function instanceKind(value: object, prototype: object): Kind {
  const known = fieldsOnly.has(prototype);
  const builtin = known ? null : builtinKind(value, prototype);
  if (builtin !== null) {
    return builtin;
  }
  if (hasToJson(value)) {
    return 'json';
  }
  if (!known && !hasFieldsOnly(prototype)) {
    return 'refused';
  }
  fieldsOnly.add(prototype);
  return 'plain';
}

/**
 * True for a value that may be the data of a run: an object that is not a list, a date, an error or another value of its own.
 * An instance that cannot be stored passes: `encode` refuses it with the reason.
 */
export function isPlainData(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  let kind: Kind;
  try {
    kind = kindOf(value);
  } catch {
    // A proxy that does not say what it is.
    return true;
  }
  return kind === 'plain' || (kind === 'refused' && !Array.isArray(value)) || (kind === 'json' && jsonIsData(value));
}

/** The reason why an object is of kind `refused`, and the mend. */
export function refusal(value: object): string {
  if (toTag(value) === '[object Promise]') return 'it is a promise: await it, and give what it comes to';
  return `it is ${describe(value)}, which does not come back as it was; pass its fields as a plain object, or give its class a toJSON()`;
}

export function callToJson(value: object, key: string): unknown {
  return (value as { toJSON(key: string): unknown }).toJSON(key);
}

function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function jsonIsData(value: object): boolean {
  let json: unknown;
  try {
    json = callToJson(value, '');
  } catch {
    return true;
  }
  return json === value || isPlainData(json);
}

function builtinKind(value: object, prototype: object): Kind | null {
  if (ArrayBuffer.isView(value)) {
    if (typeof Buffer === 'function' && Buffer.isBuffer(value)) {
      return 'buffer';
    }
    return Object.hasOwn(prototype, 'BYTES_PER_ELEMENT') ? 'typedArray' : null;
  }
  const tag = toTag(value);
  if (value instanceof Error || tag === '[object Error]') {
    return 'error';
  }
  if (tag === '[object Date]' && passes(() => Date.prototype.getTime.call(value))) {
    return 'date';
  }
  if (typeof URL === 'function' && value instanceof URL) {
    return 'url';
  }
  // Subclasses of what follows would lose their class: only the built-in prototypes have a tag of their own.
  if (!Object.hasOwn(prototype, Symbol.toStringTag)) {
    return null;
  }
  if (tag === '[object Map]' && passes(() => Map.prototype.keys.call(value))) {
    return 'map';
  }
  if (tag === '[object Set]' && passes(() => Set.prototype.keys.call(value))) {
    return 'set';
  }
  return tag === '[object ArrayBuffer]' && passes(() => Reflect.get(ArrayBuffer.prototype, 'byteLength', value))
    ? 'arrayBuffer'
    : null;
}

/** True when a method of a built-in class takes the value as its own kind, whatever its prototype says. */
function passes(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

/** True when no prototype up to (not including) a realm's `Object.prototype` has a method or an accessor. */
function hasFieldsOnly(prototype: object): boolean {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.getPrototypeOf(at) === null && Object.hasOwn(at, 'hasOwnProperty')) {
      return true;
    }
    for (const key of Reflect.ownKeys(at)) {
      const property = key === 'constructor' ? undefined : Reflect.getOwnPropertyDescriptor(at, key);
      if (property?.get || property?.set || typeof property?.value === 'function') {
        return false;
      }
    }
  }
  return true;
}
