/** Characters of a string that a message quotes. */
const QUOTED = 60;

/**
 * A value in a few words for an error message: `null`, `an array of 3`, `the string "abc"`, `an instance of Foo`.
 * Never throws, whatever the value is (a revoked proxy, a getter that throws), and never shows an object's content.
 */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'string':
      return `the string ${JSON.stringify(value.length > QUOTED ? `${value.slice(0, QUOTED)}…` : value)}`;
    case 'number':
      return `the number ${Object.is(value, -0) ? '-0' : String(value)}`;
    case 'boolean':
      return String(value);
    case 'bigint':
      return 'a BigInt';
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    default:
      return describeObject(value as object | null);
  }
}

function describeObject(value: object | null): string {
  if (value === null) {
    return 'null';
  }
  try {
    if (Array.isArray(value)) {
      return `an array of ${value.length}`;
    }
    if (isInvalidDate(value)) return 'an invalid Date';
    const name = className(value);
    return name === null || name === 'Object' ? 'an object' : `an instance of ${name}`;
  } catch {
    return 'an object that cannot be read';
  }
}

/** What only looks like a Date has no time, and is none. */
function isInvalidDate(value: object): boolean {
  try {
    return Number.isNaN(Date.prototype.getTime.call(value));
  } catch {
    return false;
  }
}

/** The name of the class an object was made by; `null` when it has none. May throw on hostile objects. */
function className(value: object): string | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null) {
    return null;
  }
  const maker: unknown = Reflect.get(prototype, 'constructor');
  return typeof maker === 'function' && typeof maker.name === 'string' && maker.name !== '' ? maker.name : null;
}
