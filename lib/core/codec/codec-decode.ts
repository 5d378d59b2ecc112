import { fromBase64 } from './bytes.js';
import { TAG } from './codec-kinds.js';
import { SerializationError } from '../errors/errors-execution.js';
import { textOf } from '../text-of.js';

/** The tag in a stored text; `JSON.stringify` writes it in no other form. */
const MARK = `"${TAG}":`;

const TYPED_ARRAY = /^(?:(?:Int|Uint)(?:8|16|32)|Uint8Clamped|Float(?:16|32|64)|Big(?:Int|Uint)64)Array$/;

/**
 * The value a stored text stands for. A text that `encode` did not write, or a newer version did, is refused with
 * `SerializationError`.
 */
export function decode(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return text.includes(MARK) ? revive(value) : value;
  } catch (cause) {
    if (cause instanceof SerializationError) {
      throw cause;
    }
    const problem = textOf(cause);
    throw new SerializationError('stored value', `its text is not what encode() writes (${problem})`, {
      cause,
      reading: true,
    });
  }
}

/** Works in place: the tree was parsed a moment ago and is nobody else's. */
function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      value[i] = revive(value[i]);
    }
    return value;
  }
  const fields = value as Record<string, unknown>;
  return Object.hasOwn(fields, TAG) ? untag(fields[TAG], fields['v']) : reviveFields(fields);
}

function reviveFields(fields: Record<string, unknown>): Record<string, unknown> {
  for (const key of Object.keys(fields)) {
    const before = fields[key];
    const after = revive(before);
    if (after === before) {
      continue;
    }
    if (key === '__proto__') {
      Object.defineProperty(fields, key, { value: after, writable: true, enumerable: true, configurable: true });
    } else {
      fields[key] = after;
    }
  }
  return fields;
}

function untag(kind: unknown, v: unknown): unknown {
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(v);
    case 'bigint':
      return BigInt(String(v));
    case 'date':
      return new Date(typeof v === 'string' ? v : NaN);
    case 'url':
      return new URL(String(v));
    case 'map':
      return new Map((v as [unknown, unknown][]).map(([key, item]) => [revive(key), revive(item)]));
    case 'set':
      return new Set((v as unknown[]).map(revive));
    case 'buffer':
      return typeof Buffer === 'function' ? Buffer.from(String(v), 'base64') : fromBase64(String(v));
    case 'arrayBuffer':
      return fromBase64(String(v)).buffer;
    case 'object':
      return reviveFields(v as Record<string, unknown>);
    default:
      return typedArray(String(kind), v);
  }
}

function typedArray(name: string, v: unknown): unknown {
  const type: unknown = TYPED_ARRAY.test(name) ? Reflect.get(globalThis, name) : undefined;
  if (typeof type !== 'function') {
    throw new SerializationError(
      'stored value',
      `its kind ${JSON.stringify(name)} is not known here, perhaps a newer version wrote it`,
      { reading: true },
    );
  }
  return Reflect.construct(type, [fromBase64(String(v)).buffer]);
}
