import type { RunFilters, RunListFilters } from '../../core/run/execution.js';
import { Conditions, type WantedStatuses, where, wantedStatuses } from './run-filters.js';
import { type BuiltQuery, RunQuery } from './run-sources.js';
import { inSchema } from '../sql.js';
import { isInHistory } from './run-stretch.js';
import { OF_PAGE, PAYLOADS, PAYLOADS_OF_PAGE, SHOWN, WHOLE } from './run-columns.js';

/** Of each workflow and queue one of so many is enough, where there are many of these, to know a time that those do not go beyond. */
const PARTS = 20;

/** Of the runs of a page all that lists show, or their ids alone. */
export type Columns = 'all' | 'id';

/** The page of runs that fit; with tags all that have them are read. Null: no run can fit. */
export function listQuery(schema: string, filters: RunListFilters, columns: Columns = 'all'): BuiltQuery | null {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return null;
  const query = new ListQuery(filters, wanted);
  return query.page(schema, columns, () => (query.isOne() ? query.matching() : query.sources(query.depth())));
}

/**
 * The same where many may have a tag, by which no index has their order: of the first `most` runs of the other filters, those that
 * have it. Each row says how many were `looked` at, and where none fits there is one without an id.
 */
export function taggedQuery(
  schema: string,
  filters: RunListFilters,
  most: number,
  columns: Columns = 'all',
): BuiltQuery {
  return new NewestTaggedQuery(filters, wantedStatuses(filters), most).lookedPage(schema, columns);
}

/**
 * The same to the `end` of the first `most`, which is the time of the last of these. Runs of one millisecond are not parted: so many
 * again are read, of which those before that time are not looked at.
 */
export function taggedToEndQuery(schema: string, filters: RunListFilters, most: number): BuiltQuery {
  return new NewestTaggedQuery(filters, wantedStatuses(filters), 2 * most).lookedPage(schema, 'all', most);
}

/** How many of the first `most` fit, as `count`. */
export function countTaggedQuery(schema: string, filters: RunListFilters, most: number): BuiltQuery {
  const query = new NewestTaggedQuery(filters, wantedStatuses(filters), most);
  const counted = `SELECT count(*)::float8 AS count FROM ${query.looked()}`;
  return { text: inSchema(`${query.kinds()}${counted}`, schema), parameters: query.parameters };
}

/** Query for a `StretchRow` of runs that are not looked for in history: the time of the first `most` that are looked at. */
export function sourceEndQuery(schema: string, filters: RunListFilters, most: number): BuiltQuery {
  const query = new NewestTaggedQuery(filters, wantedStatuses(filters), most);
  const counted = query.end();
  return { text: inSchema(`${query.kinds()}${counted}`, schema), parameters: query.parameters };
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

/** Start of a run in microseconds, which its Date does not have. */
const MARK = '(extract(epoch FROM p.created_at) * 1000000)::bigint::text AS at';

/** A page of runs in the order of their starts. */
class ListQuery extends RunQuery {
  protected readonly direction = this.filters.order === 'asc' ? 'ASC' : 'DESC';

  page(schema: string, columns: Columns, build: () => string): BuiltQuery {
    const found = build();
    const window = this.window();
    const kinds = this.kinds();
    const text = `${kinds === '' ? 'WITH ' : `${kinds.trimEnd()}, `}page AS MATERIALIZED (
  SELECT f.created_at, f.id FROM (${found}) f ${this.order('f')} ${window}
)
${this.shown(columns)}
${this.order('p')}`;
    return { text: inSchema(text, schema), parameters: this.parameters };
  }

  /** Of each run of `page`, which is `p`. */
  protected shown(columns: Columns): string {
    const { includeData = false } = this.filters;
    if (columns === 'id') return `SELECT p.created_at, p.id, ${MARK} FROM page p`;
    return `SELECT ${SHOWN}, ${MARK}${includeData ? PAYLOADS : ''} ${OF_PAGE}${includeData ? PAYLOADS_OF_PAGE : ''}`;
  }

  protected window(): string {
    const { limit = 50, offset = 0 } = this.filters;
    return `LIMIT ${this.conditions.add(limit, 'bigint')} OFFSET ${this.conditions.add(offset, 'bigint')}`;
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
  /** Asked of those that were looked at too: many may have none of these. */
  private readonly checked: WantedStatuses | null;

  constructor(
    filters: RunListFilters,
    wanted: WantedStatuses | null,
    private readonly lookedAt: number,
  ) {
    super(filters, isInHistory(filters) ? null : wanted);
    this.checked = isInHistory(filters) ? wanted : null;
  }

  /** @param most the end is the time of the last of so many; null: of all that are read, and is not told */
  lookedPage(schema: string, columns: Columns, most: number | null = null): BuiltQuery {
    const first = this.first();
    const cut = most === null ? null : this.upTo('s', '(SELECT z."end" FROM cut z)');
    const fits = this.looked('look', cut);
    const window = this.window();
    const kinds = this.kinds();
    const cuts =
      most === null
        ? ''
        : `, cut AS MATERIALIZED (
  SELECT ${this.last('l.created_at')} AS "end" FROM look l
  ${this.order('l')} LIMIT 1 OFFSET ${this.conditions.add(most - 1, 'bigint')}
)`;
    const text = `${kinds === '' ? 'WITH ' : `${kinds.trimEnd()}, `}look AS MATERIALIZED (
  ${first}
)${cuts}, page AS MATERIALIZED (
  SELECT e.created_at, e.id FROM ${fits} ${this.order('e')} ${window}
)
SELECT r.*, t.looked${most === null ? '' : ', (SELECT z."end" FROM cut z) AS "end"'}
FROM (SELECT count(*)::float8 AS looked FROM look s ${where(cut)}) t
LEFT JOIN (
  ${this.shown(columns)}
) r ON true
${this.order('r')}`;
    return { text: inSchema(text, schema), parameters: this.parameters };
  }

  /** The time of the last of the first runs. */
  end(): string {
    const last = this.last(`${this.isBack ? 'min' : 'max'}(f.created_at)`);
    return `SELECT count(*) < ${this.conditions.add(this.lookedAt, 'bigint')} AS whole, ${last} AS "end" FROM (${this.first()}) f`;
  }

  /** The end of a look whose last run was started then: of whole ms, as those who go on from there can say it. */
  private last(startedAt: string): string {
    return `date_trunc('milliseconds', ${startedAt})${this.isBack ? '' : ` + interval '1 ms'`}`;
  }

  /** Where there is an end, the condition that a run is not behind it. */
  private upTo(alias: string, end: string): string {
    return this.isBack
      ? `${alias}.created_at >= COALESCE(${end}, '-infinity')`
      : `${alias}.created_at < COALESCE(${end}, 'infinity')`;
  }

  private get isBack(): boolean {
    return this.direction === 'DESC';
  }

  /** The first runs of the filters that an index has. */
  private first(): string {
    const depth = this.conditions.add(this.lookedAt, 'bigint');
    const found = this.filters.parentId === undefined ? this.sources(depth) : this.matching();
    return `SELECT n.created_at, n.id FROM (${found}) n ${this.order('n')} LIMIT ${depth}`;
  }

  /**
   * The rows `e` of those of the newest that fit. They are found by one look at the index for all ids: by one for each, thousands
   * take twice as long. No other index is tried: a tag may have most runs.
   */
  looked(first = `(${this.first()})`, bound: string | null = null): string {
    const { conditions } = this;
    const { status, joined } = this.anyStatus(this.checked);
    return `(
        SELECT r.* FROM durable.workflow_executions r
        WHERE r.id = ANY (ARRAY(SELECT s.id FROM ${first} s ${where(bound)})) OFFSET 0
      ) e ${joined}
      ${where(conditions.ids('e'), conditions.tagged('e'), conditions.others('e'), status)}`;
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
    const each = Math.ceil(this.lookedAt / PARTS);
    const firsts = super.history(status, `${this.order('e')} LIMIT ${String(each)}`);
    const last = `SELECT f.created_at FROM (${firsts}) f ${this.order('f')} LIMIT 1 OFFSET ${String(this.lookedAt - 1)}`;
    const bound =
      this.direction === 'DESC'
        ? `e.created_at >= COALESCE((${last}), '-infinity')`
        : `e.created_at <= COALESCE((${last}), 'infinity')`;
    return super.history(status, page, bound);
  }
}
