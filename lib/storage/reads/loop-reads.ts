import { decode } from '../../core/codec/codec.js';
import { findNode } from '../../core/definition/definition-path.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { loopPlaces, NO_PLACES } from '../../core/definition/loop-places.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { InFlight } from '../../core/run/execution.js';
import type { Redaction } from '../../core/redact/redact.js';
import { sql, statementOf } from '../sql.js';
import type { Query } from '../connection/transaction.js';

/** Loops of more items are shown in sums. */
export const MANY_ITEMS = 200;
/** Parts that the time of a loop is shown in. */
const CELLS = 120;

/** `pending`: not begun, or, in a run that has ended, given up before its end. */
export const ITEM_STATES = ['completed', 'failed', 'running', 'waiting', 'pending'] as const;
export type ItemState = (typeof ITEM_STATES)[number];

/** One visit of a loop of many items, in sums. */
export interface LoopRow {
  /** Of the selector's record. */
  readonly seq: number;
  /** `recipients[]` */
  readonly path: string;
  readonly round: number;
  readonly visit: number;
  readonly items: number;
  /** Items that have ended, those that failed among them. */
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  readonly waiting: number;
  /** The items that ended in each 120th of the loop's time so far; `done` counts failed ones too. */
  readonly cells: readonly { readonly at: Date; readonly done: number; readonly failed: number }[];
}

export interface LoopItem {
  readonly index: number;
  readonly state: ItemState;
  /** The most that one of its steps has taken. */
  readonly attempts: number;
  readonly startedAt: Date | null;
  /** From its first attempt to its end, ms; null: it has not ended. */
  readonly durationMs: number | null;
  readonly error: StoredError | null;
}

/** Page of a loop's items. */
export interface LoopPage {
  readonly states: readonly ItemState[] | null;
  /** Items after this one, or before it. */
  readonly from: { readonly way: 'next' | 'prev'; readonly index: number };
  readonly limit: number;
}

/** A visit of a loop. */
export interface LongLoop {
  readonly seq: number;
  readonly path: string;
  readonly round: number;
  readonly visit: number;
  readonly items: number;
  readonly next_seq: number | null;
}

interface SumsRow {
  readonly since: Date | null;
  readonly until: Date | null;
  readonly counts: Partial<Record<ItemState, number>> | null;
  readonly cells: readonly (readonly [part: number, ended: number, failed: number])[] | null;
  readonly page: readonly ItemRow[] | null;
}

interface ItemRow {
  readonly index: number;
  readonly state: ItemState;
  readonly attempts: number;
  /** ms */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly error: string | null;
}

/** Loops of one run. */
export class LoopReads {
  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      readonly redact: Redaction;
      readonly definition: (id: string) => Promise<WorkflowDefinition | null>;
    },
  ) {}

  /** The visits of the loops that have many items in one of them. */
  long(id: string): Promise<LongLoop[]> {
    return this.rows<LongLoop>('long-loops', [id, MANY_ITEMS]);
  }

  async sums(id: string, loop: LongLoop, running: readonly InFlight[]): Promise<LoopRow> {
    const row = await this.read(id, loop, running, null);
    const { failed = 0, completed = 0, running: runs = 0, waiting = 0 } = row.counts ?? {};
    const [since, until] = [row.since?.getTime() ?? 0, row.until?.getTime() ?? 0];
    const parts = new Map((row.cells ?? []).map(([part, ended, lost]) => [part, [ended, lost] as const]));
    const { seq, path, round, visit, items } = loop;
    return {
      seq,
      path: `${path}[]`,
      round,
      visit,
      items,
      done: completed + failed,
      failed,
      running: runs,
      waiting,
      cells: Array.from({ length: CELLS }, (_, at) => {
        const [ended = 0, lost = 0] = parts.get(at + 1) ?? [];
        return { at: new Date(since + ((until - since) * at) / CELLS), done: ended, failed: lost };
      }),
    };
  }

  /** Of the last visit of the loop at a path. Null: there is none. */
  async items(id: string, path: string, page: LoopPage, running: readonly InFlight[]): Promise<LoopItem[] | null> {
    const all = await this.rows<LongLoop>('long-loops', [id, -1]);
    const loop = all.findLast((one) => one.path === path);
    if (loop === undefined) return null;
    const { page: rows } = await this.read(id, loop, running, page);
    const found = (rows ?? []).map(({ startedAt, endedAt, error, ...item }) => ({
      ...item,
      startedAt: startedAt === null ? null : new Date(startedAt),
      durationMs: startedAt === null || endedAt === null ? null : Math.round(endedAt - startedAt),
      error: error === null ? null : this.options.redact.error(decode(error) as StoredError),
    }));
    return page.from.way === 'prev' ? found.toReversed() : found;
  }

  private async read(
    id: string,
    loop: LongLoop,
    running: readonly InFlight[],
    page: LoopPage | null,
  ): Promise<SumsRow> {
    const { seq, next_seq, path, items } = loop;
    const definition = await this.options.definition(id);
    const node = definition === null ? null : findNode(definition, path);
    const places = node?.kind === 'forEach' ? loopPlaces(node) : NO_PLACES;
    const parameters: unknown[] = [
      id,
      seq,
      next_seq,
      path,
      items,
      JSON.stringify(places),
      JSON.stringify(next_seq === null ? attemptsIn(path, loop.round, running) : []),
      // A run with a worker is about to go on.
      running.length > 0 ? 'running' : 'waiting',
    ];
    const parts = page === null ? ['sums'] : page.states === null ? ['page'] : ['page', 'chosen'];
    if (Object.values(places).some((some: readonly string[]) => some.some((place) => place.includes('['))))
      parts.push('nested');
    if (places.counted.length > 0) parts.push('counted');
    if (page !== null) {
      const { states, from, limit } = page;
      parameters.push(states, from.way === 'next' ? from.index : null, from.way === 'prev' ? from.index : null, limit);
    }
    const [row] = await this.rows<SumsRow>(statementOf('loop-items', parts), parameters);
    return row ?? { since: null, until: null, counts: null, cells: null, page: null };
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.options.query<R>(sql(statement, this.options.schema), parameters);
  }
}

/**
 * The loops that stand as a row of sums: long ones that neither hold the place that is asked for nor stand in another such
 * loop. A loop that has many items in one visit is shown so in all.
 */
export function collapsing(loops: readonly LongLoop[], under: string | null): LongLoop[] {
  const closed = loops.filter(({ path }) => under === null || !under.startsWith(`${path}[`));
  const begins = new Set(closed.map(({ path }) => `${path}[`));
  return closed.filter(({ path }) => !beginsOf(path).some((begin) => begins.has(begin)));
}

/** `a[` and `a[3]/b[` of `a[3]/b[7]/c`. */
function beginsOf(path: string): string[] {
  const found: string[] = [];
  for (let at = path.indexOf('['); at >= 0; at = path.indexOf('[', at + 1)) found.push(path.slice(0, at + 1));
  return found;
}

function attemptsIn(path: string, round: number, running: readonly InFlight[]) {
  const begin = `${path}[`;
  return running.flatMap((attempt) => {
    if (attempt.round !== round || !attempt.path.startsWith(begin)) return [];
    const index = Number.parseInt(attempt.path.slice(begin.length), 10);
    return Number.isSafeInteger(index) ? [{ index, attempt: attempt.attempt, at: attempt.startedAt }] : [];
  });
}
