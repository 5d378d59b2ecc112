import type { RunListFilters, RunMark } from '../../core/run/execution.js';
import type { Query } from '../connection/transaction.js';
import { Conditions, tagsOf, wantedStatuses } from './run-filters.js';
import {
  type Columns,
  countTaggedQuery,
  countUpToQuery,
  listQuery,
  sourceEndQuery,
  taggedQuery,
  taggedToEndQuery,
} from './run-query.js';
import type { RunRow } from './run-rows.js';
import type { BuiltQuery } from './run-sources.js';
import { indexedPart, isInHistory, LOOKED_AT, type StretchRow, stretchQuery, walksHistory } from './run-stretch.js';

/** Runs that are looked at for tags before it is counted how many have them: all that a common tag has are read for that. */
const FIRST_LOOK = 1_000;
/** As many as there are. */
const ALL = Number.MAX_SAFE_INTEGER;

/** A run of a list, with its place in it. */
type ListedRow = RunRow & RunMark;

/** Rows of a list, and the time before which it did not look; null: it has as many as were asked for, or all that fit. */
interface Found<R = ListedRow> {
  readonly rows: R[];
  readonly lookedTo: Date | null;
}

interface Looked {
  readonly looked: number;
}

/**
 * Lists of runs. What no index has is checked run by run: of the newest `most` for a page, which says how far it has looked.
 */
export class RunPages {
  private readonly firstLook: number;
  /** The same of runs that each have to be read for their tags, which stand in no index in that order. */
  private readonly mostTagged: number;
  /** Where more runs than these have a tag, they are not all read. */
  private readonly many: number;

  constructor(
    private readonly query: Query,
    private readonly schema: string,
    private readonly most = LOOKED_AT,
  ) {
    this.firstLook = Math.min(FIRST_LOOK, most);
    this.mostTagged = Math.ceil(most / 4);
    this.many = Math.ceil(most / 2);
  }

  /** As many as are asked for, if there are. */
  async list(filters: RunListFilters): Promise<ListedRow[]> {
    return this.all<ListedRow>(filters, 'all');
  }

  /** The ids of the same, and their places: thousands of them cost little more than one. */
  async ids(filters: RunListFilters): Promise<RunMark[]> {
    return this.all<RunMark>(filters, 'id');
  }

  private async all<R extends { id: string }>(filters: RunListFilters, columns: Columns): Promise<R[]> {
    if (isNone(filters)) return [];
    if (isTagged(filters)) return (await this.tagged<R>(filters, columns, false)).rows;
    return this.rows(listQuery(this.schema, filters, columns));
  }

  /** Those of so many that are looked at. */
  async page(filters: RunListFilters): Promise<Found> {
    if (isNone(filters)) return { rows: [], lookedTo: null };
    if (isTagged(filters)) return this.tagged(filters, 'all', true);
    const end = await this.end(filters);
    const rows = await this.rows<ListedRow>(listQuery(this.schema, within(filters, end)));
    return { rows, lookedTo: isFull(rows, filters) ? null : end };
  }

  /** Counts them, up to `upTo` and as `page()` does among so many of the newest: then there may be more. */
  async countUpTo(filters: RunListFilters, upTo: number): Promise<{ n: number; more: boolean }> {
    if (isNone(filters)) return { n: 0, more: false };
    if (isTagged(filters) && !isTagsAlone(filters) && (await this.haveMany(filters))) {
      const end = await this.taggedEnd(filters);
      const n = await this.count(
        countTaggedQuery(this.schema, { ...within(filters, end), order: 'desc' }, 2 * this.mostTagged),
      );
      return { n: Math.min(n, upTo), more: n >= upTo || end !== null };
    }
    const end = isTagged(filters) ? null : await this.end(filters);
    const n = await this.count(countUpToQuery(this.schema, within(filters, end), upTo));
    return { n, more: n >= upTo || end !== null };
  }

  /** True where many runs have the tags, and the beginnings of ids, whatever else they are. */
  async haveMany(filters: RunListFilters): Promise<boolean> {
    return (await this.count(countUpToQuery(this.schema, tagsOf(filters), this.many + 1))) > this.many;
  }

  /**
   * A tag may have few runs or most of them, and its index has all without their order. So it is asked of the first runs of
   * the other filters, unless these have to be checked one by one too; then, if few have it, of its index, and if many of more of
   * these runs.
   * @param isPage looks at so many; else at all, if it must
   */
  private async tagged<R extends { id: string }>(
    filters: RunListFilters,
    columns: Columns,
    isPage: boolean,
  ): Promise<Found<R>> {
    const fitting = (of: RunListFilters): Promise<R[]> => this.rows(listQuery(this.schema, of, columns));
    const { limit = 50, offset = 0 } = filters;
    const isNamed = indexedPart(filters) !== null;
    // The unfinished ones are in no order: they are put in order once, which is most of what such a page takes.
    const isUnordered = isPage && !isNamed && !isInHistory(filters);
    const toEnd = isUnordered ? await this.lookToEnd<R>(filters) : null;
    if (toEnd?.lookedTo === null) return toEnd;
    if (!isUnordered && !isNamed && limit + offset <= this.firstLook) {
      const first = await this.look<R>(filters, this.firstLook, columns);
      if (first !== null) return { rows: first, lookedTo: null };
    }
    if (!(await this.haveMany(filters))) return { rows: await fitting(filters), lookedTo: null };
    if (toEnd !== null) return toEnd;
    const end = isPage ? await this.taggedEnd(filters) : null;
    // Those with an error, and the unfinished ones, are a small part of all: they are gone through to their end.
    const depth = isPage || isInHistory(filters) ? 2 * this.mostTagged : ALL;
    const part = within(filters, end);
    const rows = (await this.look<R>(part, depth, columns)) ?? (await fitting(part));
    return { rows, lookedTo: isFull(rows, filters) ? null : end };
  }

  /** Those with the tags up to the end of so many; null: more than twice as many were started in its millisecond. */
  private async lookToEnd<R extends { id: string }>(filters: RunListFilters): Promise<Found<R> | null> {
    const built = taggedToEndQuery(this.schema, filters, this.mostTagged);
    const found = await this.ask<(R | { id: null }) & Looked & { end: Date | null }>(built);
    const rows = found.filter((row): row is R & Looked & { end: Date | null } => row.id !== null);
    const { looked = 0, end = null } = found[0] ?? {};
    if (!isFull(rows, filters) && looked >= 2 * this.mostTagged) return null;
    return { rows, lookedTo: isFull(rows, filters) ? null : end };
  }

  /** Those with the tags among the first `depth`; null: there may be others behind these. */
  private async look<R extends { id: string }>(
    filters: RunListFilters,
    depth: number,
    columns: Columns,
  ): Promise<R[] | null> {
    const found = await this.ask<(R | { id: null }) & Looked>(taggedQuery(this.schema, filters, depth, columns));
    const rows = found.filter((row): row is R & Looked => row.id !== null);
    return isFull(rows, filters) || (found[0]?.looked ?? 0) < depth ? rows : null;
  }

  /** The time before which one look ends; null: it goes through all that there is. */
  private async end(filters: RunListFilters): Promise<Date | null> {
    if (walksHistory(filters)) return this.ends(stretchQuery(this.schema, filters, this.most));
    const part = indexedPart(filters);
    return part === null ? null : this.ends(sourceEndQuery(this.schema, part, this.most));
  }

  private taggedEnd(filters: RunListFilters): Promise<Date | null> {
    const part = indexedPart(filters);
    if (part !== null) return this.ends(sourceEndQuery(this.schema, part, this.mostTagged));
    return isInHistory(filters)
      ? this.ends(stretchQuery(this.schema, filters, this.mostTagged))
      : this.ends(sourceEndQuery(this.schema, filters, this.mostTagged));
  }

  private async ends(built: BuiltQuery): Promise<Date | null> {
    const [row] = await this.ask<StretchRow>(built);
    return row === undefined || row.whole ? null : row.end;
  }

  private async count(built: BuiltQuery | null): Promise<number> {
    const [row] = built === null ? [] : await this.ask<{ count: number }>(built);
    return row?.count ?? 0;
  }

  private async rows<R extends object>(built: BuiltQuery | null): Promise<R[]> {
    return built === null ? [] : this.ask<R>(built);
  }

  private ask<R extends object>({ text, parameters }: BuiltQuery): Promise<R[]> {
    return this.query<R>(text, parameters);
  }
}

/** No run has a status of none. */
function isNone(filters: RunListFilters): boolean {
  const wanted = wantedStatuses(filters);
  return wanted !== null && wanted.finished.length + wanted.unfinished.length === 0;
}

function isTagged(filters: RunListFilters): boolean {
  const conditions = new Conditions(filters);
  return filters.parentId === undefined && conditions.ids('e') === null && conditions.tagged('e') !== null;
}

/** Each run with the tags fits: so many of them are counted at once. */
function isTagsAlone(filters: RunListFilters): boolean {
  const { workflow, queue } = filters;
  const isAny = wantedStatuses(filters) === null && workflow === undefined && queue === undefined;
  return isAny && new Conditions(filters).bounds('e').length === 0;
}

/** Where the page behind these rows begins; null: there are fewer than were asked for. */
export function behindOf(rows: readonly RunMark[], filters: RunListFilters): RunMark | null {
  const last = rows.at(-1);
  return last === undefined || !isFull(rows, filters) ? null : { id: last.id, at: last.at };
}

function isFull(rows: readonly object[], { limit = 50 }: RunListFilters): boolean {
  return rows.length >= limit;
}

function within(filters: RunListFilters, end: Date | null): RunListFilters {
  if (end === null) return filters;
  return filters.order === 'asc' ? { ...filters, until: end } : { ...filters, since: end };
}
