import { readCursor, writeCursor } from '../http/cursor.js';
import type { Page } from './show.js';

/** A row that a page goes on from, and in which direction. */
export interface Mark {
  readonly way: 'next' | 'prev';
  readonly at: readonly (string | number)[];
}

/** What a cursor of this list says; null: the list from its beginning. @throws RequestError INVALID_INPUT */
export function markOf(list: string, cursor: string | null): Mark | null {
  if (cursor === null) return null;
  const [way, ...at] = readCursor(list, cursor);
  return { way: way === 'prev' ? 'prev' : 'next', at };
}

/**
 * A page of what was found in its direction (backwards: the last first). One more than `limit` tells that there is another.
 * `at` says of a row what its cursor is.
 */
export function pageOf<T>(
  list: string,
  found: readonly T[],
  { mark, limit }: { readonly mark: Mark | null; readonly limit: number },
  at: (row: T) => readonly (string | number)[],
): Page<T> {
  const back = mark?.way === 'prev';
  const more = found.length > limit;
  const shown = found.slice(0, limit);
  const items = back ? shown.toReversed() : shown;
  const [first, last] = [items.at(0), items.at(-1)];
  return {
    items,
    next: (back || more) && last !== undefined ? writeCursor(list, ['next', ...at(last)]) : null,
    prev: (back ? more : mark !== null) && first !== undefined ? writeCursor(list, ['prev', ...at(first)]) : null,
  };
}
