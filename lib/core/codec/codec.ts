import { utf8Length } from './bytes.js';
import { encodeValue } from './codec-encode.js';
import { toStoredError } from './error-record.js';
import { SerializationError } from '../errors/errors-execution.js';

export { decode } from './codec-decode.js';
export { isPlainData } from './codec-kinds.js';

export interface EncodeOptions {
  /** Largest text in UTF-8 bytes; default: no limit. */
  maxBytes?: number;
  /** Name of the value, first part of the path in errors. Default: `'value'`. */
  what?: string;
}

/**
 * The text that stands for a value in the database, and that `decode` makes an equal value of.
 *
 * What JSON holds is written as `JSON.stringify` would. `Date`, `Map`, `Set`, `BigInt`, `URL`, `Buffer`, typed arrays,
 * `ArrayBuffer`, `undefined`, `NaN`, infinities and `-0` are written as `{"$durable":"date","v":"…"}`; an `Error` as its
 * error record; an instance with `toJSON()` as what that returns; an instance of a class without methods or accessors
 * by its fields. An object that stands in several places comes back as several.
 *
 * Throws `SerializationError`, whose `path` names the place, for anything else (functions, symbols, symbol keys, other
 * instances, circular values, sparse arrays, more than 1000 levels) and for texts over `maxBytes`.
 */
export function encode(value: unknown, { maxBytes = Infinity, what = 'value' }: EncodeOptions = {}): string {
  const text = encodeValue(value, { what, errorToRecord: toStoredError });
  // UTF-8 takes at most three bytes for each UTF-16 unit: most texts need no counting.
  if (text.length * 3 > maxBytes) {
    const bytes = utf8Length(text);
    if (bytes > maxBytes) {
      throw new SerializationError(
        what,
        `it takes ${bytes} bytes, the limit is ${maxBytes} (maxPayloadBytes); store large things elsewhere and pass a reference`,
      );
    }
  }
  return text;
}
