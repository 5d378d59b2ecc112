import { ExecutionNotFoundError, isUuid } from '../durable.js';
import { type CursorPart, foreignCursor, readCursor, writeCursor } from '../http/cursor.js';
import type { Page } from './show.js';

/** A row that a page goes on from, and in which direction. */
export interface Mark {
  readonly way: 'next' | 'prev';
  readonly at: readonly (string | number)[];
}

const isWay: CursorPart = (part) => part === 'next' || part === 'prev';

/** Parts of a mark: an id; a place in a list (`integer`); the number of a record (`bigint`); text of the database's. */
export const ID: CursorPart = isUuid;
export const PLACE: CursorPart = (part) => Number.isSafeInteger(part) && Math.abs(part as number) < 2 ** 31;
export const NUMBER: CursorPart = (part) => Number.isSafeInteger(part);
/** A run, or the time at which a look at history has ended between two. */
export const RUN_OR_TIME: CursorPart = (part) => isUuid(part) || isTime(part);
export const KEY: CursorPart = (part) => typeof part === 'string' && !part.includes('\0');

/**
 * What a cursor of this list says; null: the list from its beginning.
 * @param parts what stands in a mark of it
 * @throws RequestError INVALID_INPUT
 */
export function markOf(list: string, cursor: string | null, parts: readonly CursorPart[]): Mark | null {
  if (cursor === null) return null;
  const [way, ...at] = readCursor(list, cursor, [isWay, ...parts]);
  return { way: way === 'prev' ? 'prev' : 'next', at };
}

/** ISO 8601, as cursors have it. */
export function isTime(part: unknown): boolean {
  if (typeof part !== 'string' || !/^[12]\d{3}-/.test(part)) return false;
  const date = new Date(part);
  return !Number.isNaN(date.getTime()) && date.toISOString() === part;
}

/** Of a list of runs: the run that the mark names is of another database, or gone. @throws RequestError INVALID_INPUT */
export function refuseLostMark(error: unknown): never {
  throw error instanceof ExecutionNotFoundError ? foreignCursor() : error;
}

/**
 * A page of what was found in its direction (backwards: the last first). One more than `limit` tells that there is another.
 * `at` says of a row what its cursor is; `looked`, where it was not looked to the end: from there it goes on.
 */
export function pageOf<T>(
  list: string,
  found: readonly T[],
  { mark, limit, looked }: { readonly mark: Mark | null; readonly limit: number; readonly looked?: Mark['at'] | null },
  at: (row: T) => readonly (string | number)[],
): Page<T> {
  const back = mark?.way === 'prev';
  const more = found.length > limit;
  const shown = found.slice(0, limit);
  const items = back ? shown.toReversed() : shown;
  const cursor = (way: Mark['way'], row: T | undefined, goesOn: boolean): string | null => {
    const ahead = back === (way === 'prev');
    const place = ahead && !more && looked ? looked : row === undefined ? looked : at(row);
    return goesOn && place ? writeCursor(list, [way, ...place]) : null;
  };
  const on = more || Boolean(looked);
  return {
    items,
    next: cursor('next', items.at(-1), back || on),
    prev: cursor('prev', items.at(0), back ? on : mark !== null),
  };
}
