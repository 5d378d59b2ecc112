/**
 * A value as TypeScript source: JSON as it is, and what the codec keeps beside it as the expressions that make it. Lines that
 * get long are broken. What cannot be written so (there is nothing of the kind among payloads) is `undefined`.
 */
export function literalOf(value: unknown, indent = ''): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `BigInt('${value}')`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : ofObject(value, indent);
    default:
      return 'undefined';
  }
}

/** Characters that a list or an object may have on one line. */
const WIDTH = 80;

function ofObject(value: object, indent: string): string {
  const deeper = `${indent}  `;
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'new Date(NaN)' : `new Date('${value.toISOString()}')`;
  if (value instanceof URL) return `new URL(${JSON.stringify(value.href)})`;
  if (Buffer.isBuffer(value)) return `Buffer.from('${value.toString('base64')}', 'base64')`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, one]) => `[${literalOf(key, deeper)}, ${literalOf(one, deeper)}]`);
    return `new Map${enclosed('([', entries, '])', indent)}`;
  }
  if (value instanceof Set) {
    return `new Set${enclosed(
      '([',
      [...value].map((one) => literalOf(one, deeper)),
      '])',
      indent,
    )}`;
  }
  if (value instanceof ArrayBuffer) return `new Uint8Array([${new Uint8Array(value).join(', ')}]).buffer`;
  if (ArrayBuffer.isView(value)) return ofView(value);
  if (Array.isArray(value)) {
    return enclosed(
      '[',
      value.map((one) => literalOf(one, deeper)),
      ']',
      indent,
    );
  }
  const fields = Object.entries(value).map(([key, one]) => `${keyOf(key)}: ${literalOf(one, deeper)}`);
  return fields.length === 0 ? '{}' : enclosed('{ ', fields, ' }', indent);
}

function ofView(view: ArrayBufferView): string {
  if (view instanceof DataView) {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return `new DataView(new Uint8Array([${bytes.join(', ')}]).buffer)`;
  }
  const numbers = [...(view as unknown as Iterable<number | bigint>)].map((one) => literalOf(one));
  return `new ${view.constructor.name}([${numbers.join(', ')}])`;
}

function enclosed(open: string, parts: readonly string[], close: string, indent: string): string {
  const line = `${open}${parts.join(', ')}${close}`;
  if (line.length <= WIDTH && !line.includes('\n')) return line;
  return `${open.trim()}\n${parts.map((part) => `${indent}  ${part},\n`).join('')}${indent}${close.trim()}`;
}

function keyOf(key: string): string {
  // Written plainly it would set the prototype.
  if (key === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}
