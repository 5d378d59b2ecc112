import { createHash } from 'node:crypto';
import { RequestError } from './errors.js';

/**
 * Where a page of a list ends, as text that means nothing to whoever has it. A sum tells one that somebody has made or
 * shortened from ours; it is no secret, since what stands in it is checked and gives no rights.
 */
export function writeCursor(list: string, at: readonly (string | number)[]): string {
  const text = JSON.stringify([list, ...at]);
  return Buffer.from(`${sumOf(text)}${text}`).toString('base64url');
}

/** What `writeCursor` was given for this list. @throws RequestError INVALID_INPUT for what it did not write */
export function readCursor(list: string, cursor: string): (string | number)[] {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const rest = text.slice(SUM);
  if (text.slice(0, SUM) === sumOf(rest)) {
    const [of, ...at] = JSON.parse(rest) as [string, ...(string | number)[]];
    if (of === list) return at;
  }
  const violations = [{ path: 'cursor', message: 'expected the `next` or `prev` of a page of this list' }];
  throw new RequestError(400, 'INVALID_INPUT', 'The cursor is none of this list.', violations);
}

const SUM = 8;

function sumOf(text: string): string {
  return createHash('sha256').update(`nest-durable cursor ${text}`).digest('hex').slice(0, SUM);
}
