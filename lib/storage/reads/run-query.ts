import type { RunFilters, RunListFilters } from '../../core/run/execution.js';
import { Conditions, type WantedStatuses, where, wantedStatuses } from './run-filters.js';
import { type BuiltQuery, RunQuery } from './run-sources.js';
import { inSchema } from '../sql.js';
import { OF_PAGE, PAYLOADS, PAYLOADS_OF_PAGE, SHOWN, WHOLE } from './run-columns.js';

/** Newest runs that are looked at for tags before the index of tags is asked, which reads all that have them. */
const LOOKED_AT_FOR_TAGS = 2_000;
/** Of each workflow and queue so many are enough, where there are many of these, to know a time that those do not go beyond. */
const FIRST_OF_EACH = 100;

/**
 * The page of runs that fit: statements to be tried one after the other, until one gives as many rows as were asked for.
 * None: no run can fit.
 */
export function listQueries(schema: string, filters: RunListFilters): BuiltQuery[] {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return [];
  const page = (build: (query: ListQuery) => string): BuiltQuery => new ListQuery(filters, wanted).page(schema, build);
  const apart = new Conditions(filters);
  if (filters.parentId !== undefined || apart.ids('e') !== null) return [page((query) => query.matching())];
  if (apart.tagged('e') === null) return [page((query) => query.sources(query.depth()))];
  const newest = new NewestTaggedQuery(filters, wanted);
  return [newest.page(schema, () => newest.found()), page((query) => query.matching())];
}

/** Query that counts the runs that fit, as `count`. Null: none can fit. */
export function countQuery(schema: string, filters: RunFilters): BuiltQuery | null {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return null;
  const query = new RunQuery(filters, wanted);
  const counted = query.counted();
  return {
    text: inSchema(`${query.kinds()}SELECT (${counted})::float8 AS count`, schema),
    parameters: query.parameters,
  };
}

/** Query that counts the runs that fit, as `count`, up to `most`. Null: none can fit. */
export function countUpToQuery(schema: string, filters: RunFilters, most: number): BuiltQuery | null {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return null;
  const query = new ListQuery({ ...filters, limit: most }, wanted);
  const found = query.isOne() ? query.matching() : query.sources(query.depth());
  const text = `${query.kinds()}SELECT count(*)::float8 AS count FROM (SELECT f.id FROM (${found}) f LIMIT ${query.depth()}) g`;
  return { text: inSchema(text, schema), parameters: query.parameters };
}

/** Equal pieces of a time, in which starts are counted. */
export interface Pieces {
  readonly since: Date;
  readonly until: Date;
  readonly count: number;
}

/**
 * How many of the runs that fit were started in each piece, as `piece` and `count`, and when the `oldest` of these. With `most`
 * of the newest so many. Null: none can fit.
 */
export function startsOverQuery(
  schema: string,
  filters: RunListFilters,
  pieces: Pieces,
  most: number | null,
): BuiltQuery | null {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return null;
  const query = new ListQuery({ ...filters, limit: most ?? 0, order: 'desc' }, wanted);
  const text = `${query.kinds()}SELECT ${query.piece('f', pieces)}
FROM (${most === null ? query.all() : query.newest()}) f
GROUP BY 1`;
  return { text: inSchema(text, schema), parameters: query.parameters };
}

/**
 * The same where many have a tag, or a beginning of an id, by which no index has their order: of the newest `most` of all runs
 * those that fit, with how many of these have a status of `failed`.
 */
export function newestStartsQuery(
  schema: string,
  filters: RunListFilters,
  pieces: Pieces,
  most: number,
  failed: readonly string[],
): BuiltQuery {
  const query = new NewestTaggedQuery({ ...filters, order: 'desc' }, wantedStatuses(filters), most);
  const text = `${query.kinds()}SELECT ${query.piece('e', pieces)}, ${query.ofStatus('e', failed)} AS failed
FROM ${query.looked()}
GROUP BY 1`;
  return { text: inSchema(text, schema), parameters: query.parameters };
}

/** This run, with its payloads. */
export function oneQuery(schema: string, id: string): BuiltQuery {
  const text = `WITH page AS (SELECT $1::uuid AS id) SELECT ${WHOLE}${PAYLOADS} ${OF_PAGE}${PAYLOADS_OF_PAGE}`;
  return { text: inSchema(text, schema), parameters: [id] };
}

/** These runs, without payloads. */
export function byIdsQuery(schema: string, ids: readonly string[]): BuiltQuery {
  return {
    text: inSchema(`WITH page AS (SELECT u.id FROM unnest($1::uuid[]) AS u(id)) SELECT ${SHOWN} ${OF_PAGE}`, schema),
    parameters: [ids],
  };
}

/** A page of runs in the order of their starts. */
class ListQuery extends RunQuery {
  protected readonly direction = this.filters.order === 'asc' ? 'ASC' : 'DESC';

  page(schema: string, build: (query: ListQuery) => string): BuiltQuery {
    const { limit = 50, offset = 0, includeData = false } = this.filters;
    const found = build(this);
    const window = `LIMIT ${this.conditions.add(limit, 'bigint')} OFFSET ${this.conditions.add(offset, 'bigint')}`;
    const kinds = this.kinds();
    const text = `${kinds === '' ? 'WITH ' : `${kinds.trimEnd()}, `}page AS MATERIALIZED (
  SELECT f.created_at, f.id FROM (${found}) f ${this.order('f')} ${window}
)
SELECT ${SHOWN}${includeData ? PAYLOADS : ''} ${OF_PAGE}${includeData ? PAYLOADS_OF_PAGE : ''}
${this.order('p')}`;
    return { text: inSchema(text, schema), parameters: this.parameters };
  }

  /** As many of each source as the page may need. */
  depth(): string {
    const { limit = 50, offset = 0 } = this.filters;
    return this.conditions.add(limit + offset, 'bigint');
  }

  /** True when all filters are best applied together: few runs have such a tag, parent or id. */
  isOne(): boolean {
    const apart = new Conditions(this.filters);
    return apart.tagged('e') !== null || this.filters.parentId !== undefined || apart.ids('e') !== null;
  }

  /** All that fit, in no order. */
  all(): string {
    return this.isOne()
      ? this.matching()
      : this.sourceTexts(() => '')
          .map((text) => `(${text})`)
          .join(' UNION ALL ');
  }

  /** The newest of them, as many as the limit says. */
  newest(): string {
    const found = this.isOne() ? this.matching() : this.sources(this.depth());
    return `SELECT n.created_at, n.id FROM (${found}) n ${this.order('n')} LIMIT ${this.depth()}`;
  }

  /** Columns that count runs by the piece that they were started in. */
  piece(alias: string, { since, until, count }: Pieces): string {
    const seconds = (date: Date): string => this.conditions.add(date.getTime() / 1_000, 'float8');
    const bounds = `${seconds(since)}, ${seconds(until)}, ${this.conditions.add(count, 'integer')}`;
    return `width_bucket(extract(epoch FROM ${alias}.created_at)::float8, ${bounds}) AS piece,
  count(*)::float8 AS count, min(${alias}.created_at) AS oldest`;
  }

  sources(depth: string): string {
    return this.sourceTexts((alias) => `${this.order(alias)} LIMIT ${depth}`)
      .map((text) => `(${text})`)
      .join(' UNION ALL ');
  }

  protected order(alias: string): string {
    return `ORDER BY ${alias}.created_at ${this.direction}, ${alias}.id ${this.direction}`;
  }
}

/** The page among the newest runs alone: what no index has is asked of those that were looked at, or as many would be looked for. */
class NewestTaggedQuery extends ListQuery {
  constructor(
    filters: RunListFilters,
    wanted: WantedStatuses | null,
    private readonly lookedAt = LOOKED_AT_FOR_TAGS,
  ) {
    super(filters, wanted);
  }

  found(): string {
    return `SELECT s.created_at, s.id FROM ${this.looked()}`;
  }

  /** The rows `e` of those of the newest that fit. */
  looked(): string {
    const depth = this.conditions.add(this.lookedAt, 'bigint');
    const newest = `SELECT n.created_at, n.id FROM (${this.sources(depth)}) n ${this.order('n')} LIMIT ${depth}`;
    const { conditions } = this;
    return `(${newest}) s
      CROSS JOIN LATERAL (SELECT r.* FROM durable.workflow_executions r WHERE r.id = s.id LIMIT 1) e
      ${where(conditions.ids('e'), conditions.tagged('e'), conditions.others('e'))}`;
  }

  /** How many rows have one of the statuses. */
  ofStatus(alias: string, statuses: readonly string[]): string {
    return `count(*) FILTER (WHERE ${alias}.status = ANY (${this.conditions.add(statuses, 'text[]')}))::float8`;
  }

  protected override bounds(alias: string): string[] {
    return this.conditions.place(alias);
  }

  /** Not as many of each workflow and queue as of all: only as far as there are so many among the first few of each. */
  protected override history(status: string | null, page: string): string {
    if (!this.merged) return super.history(status, page);
    const firsts = super.history(status, `${this.order('e')} LIMIT ${String(FIRST_OF_EACH)}`);
    const last = `SELECT f.created_at FROM (${firsts}) f ${this.order('f')} LIMIT 1 OFFSET ${String(this.lookedAt - 1)}`;
    const bound =
      this.direction === 'DESC'
        ? `e.created_at >= COALESCE((${last}), '-infinity')`
        : `e.created_at <= COALESCE((${last}), 'infinity')`;
    return super.history(status, page, bound);
  }
}
