import type { Count, RunRow, RunsPage } from './types.js';

/** Rows of a page, and that a list holds at most. */
export const PAGE = 50;
const MOST = 2000;
/** Pages that are asked for in a row where they are short: of some million runs. */
const MOST_LOOKS = 100;

/** The rows of a list of runs. */
export interface Kept {
  /** Null: no page has come yet. */
  readonly q: string | null;
  /** Ids in the order in which they stand, newest first. */
  readonly order: readonly string[];
  readonly rows: ReadonlyMap<string, RunRow>;
  readonly next: string | null;
  /** It was looked so far back for those that fit, and there are older runs; null: as many were found as were asked for, or all. */
  readonly lookedTo: string | null;
}

export const NONE: Kept = { q: null, order: [], rows: new Map(), next: null, lookedTo: null };

/** The list as its first page has it. */
export function begun(q: string, { items, next, lookedTo }: RunsPage): Kept {
  return { q, order: idsOf(items), rows: byId(items), next, lookedTo };
}

/**
 * The first page has come again: its rows change in place, and new ones wait, but where there was none. How far back it was looked
 * stays, but where the page did not look so far since it is full: older ones that came with it are on the next.
 */
export function refreshed(was: Kept, q: string, page: RunsPage): Kept {
  if (was.q !== q) return begun(q, page);
  if (was.order.length === 0) {
    return page.lookedTo === null ? begun(q, page) : { ...was, order: idsOf(page.items), rows: byId(page.items) };
  }
  const rows = new Map(was.rows);
  for (const row of page.items) if (rows.has(row.id)) rows.set(row.id, row);
  return { ...was, rows };
}

/** With the rows of the page that `cursor` names. One that the list does not go on with any more, since it began anew, is left out. */
export function longer(was: Kept, cursor: string, { items, next, lookedTo }: RunsPage): Kept {
  if (was.next !== cursor) return was;
  const known = items.filter(({ id }) => !was.rows.has(id));
  const order = [...was.order, ...idsOf(known)].slice(0, MOST);
  const rows = new Map([...was.rows, ...byId(items)]);
  return order.length >= MOST
    ? { ...was, order, rows, next: null, lookedTo: null }
    : { ...was, order, rows, next, lookedTo };
}

/** The count of a list. Of what no index has only so many runs are looked at to count it; a list that came to its end knows. */
export function countOf(total: Count | undefined, rows: number, isAtEnd: boolean): Count | undefined {
  return total?.more === true && isAtEnd && rows < MOST ? { n: rows, more: false } : total;
}

/**
 * Asks for further pages until there are as many further rows as a page has, or no older runs. `take` gives what the list goes
 * on with: null where it is full, and it is another's where it began anew.
 */
export async function lookFurther(
  next: string | null,
  read: (cursor: string) => Promise<RunsPage>,
  take: (page: RunsPage, cursor: string) => string | null,
): Promise<void> {
  let found = 0;
  for (let cursor = next, looks = 0; cursor !== null && found < PAGE && looks < MOST_LOOKS; looks++) {
    const page = await read(cursor);
    found += page.items.length;
    const goesOn = take(page, cursor);
    cursor = goesOn === page.next ? goesOn : null;
  }
}

export function byId(rows: readonly RunRow[]): Map<string, RunRow> {
  return new Map(rows.map((row) => [row.id, row]));
}

function idsOf(rows: readonly RunRow[]): string[] {
  return rows.map(({ id }) => id);
}
