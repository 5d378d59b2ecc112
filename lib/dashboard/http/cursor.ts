import { createHash } from 'node:crypto';
import { RequestError } from './errors.js';

/**
 * Where a page of a list ends, as text that means nothing to whoever has it. A sum tells one that somebody has made or
 * shortened from ours; it is no secret, so what stands in a cursor is checked like anything else that is asked for.
 */
export function writeCursor(list: string, at: readonly (string | number)[]): string {
  const text = JSON.stringify([list, ...at]);
  return Buffer.from(`${sumOf(text)}${text}`).toString('base64url');
}

/** Says of one part of a cursor whether it may stand there. */
export type CursorPart = (part: unknown) => boolean;

/**
 * What `writeCursor` was given for this list.
 * @param parts what each part must be: no statement gets a value that it cannot read
 * @throws RequestError INVALID_INPUT for what `writeCursor` did not write
 */
export function readCursor(list: string, cursor: string, parts: readonly CursorPart[]): (string | number)[] {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const rest = text.slice(SUM);
  if (text.slice(0, SUM) !== sumOf(rest)) throw foreignCursor();
  const [of, ...at] = listIn(rest);
  if (of !== list || at.length !== parts.length || !parts.every((fits, n) => fits(at[n]))) throw foreignCursor();
  return at as (string | number)[];
}

function foreignCursor(): RequestError {
  const violations = [{ path: 'cursor', message: 'expected the `next` or `prev` of a page of this list' }];
  return new RequestError(400, 'INVALID_INPUT', 'The cursor is none of this list.', violations);
}

const SUM = 8;

function sumOf(text: string): string {
  return createHash('sha256').update(`nest-durable cursor ${text}`).digest('hex').slice(0, SUM);
}

function listIn(text: string): unknown[] {
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}
