import { isUuid, type RunListFilters, type RunMark } from '../durable.js';
import { type CursorPart, readCursor, writeCursor } from '../http/cursor.js';
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

/** Microseconds since 1970, as a `bigint` takes them. */
export const isMicros: CursorPart = (part) => typeof part === 'string' && /^-?\d{1,18}$/.test(part);

/** Parts of a mark of a list of runs: a place, since the run that was there may be deleted by the time the next page is asked for. */
export const RUN: readonly CursorPart[] = [ID, (part) => isMicros(part) && !String(part).startsWith('-')];

export function partsOf({ id, at }: RunMark): readonly string[] {
  return [id, at];
}

/** The place before all runs that were started at that time. */
export function atTime(time: Date): readonly string[] {
  return ['00000000-0000-0000-0000-000000000000', `${time.getTime()}000`];
}

/** From where a list of runs goes on, and which way. @param forth the order of its pages */
export function placeOf(mark: Mark | null, forth: 'asc' | 'desc'): Pick<RunListFilters, 'behind' | 'order'> {
  if (mark === null) return { order: forth };
  const [id, at] = mark.at.map(String) as [string, string];
  const back = forth === 'asc' ? 'desc' : 'asc';
  return { behind: { id, at }, order: mark.way === 'prev' ? back : forth };
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
