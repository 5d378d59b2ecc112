import type { RunListFilters } from '../../core/run/execution.js';
import { inSchema } from '../sql.js';
import { Conditions, where, wantedStatuses } from './run-filters.js';
import { type BuiltQuery, RunQuery } from './run-sources.js';

/** Runs that one look at history goes through at most, where no index has what is looked for. */
export const LOOKED_AT = 10_000;

/** Where such a look ends; null: it goes through all. */
export interface StretchRow {
  readonly whole: boolean;
  /** In `order`, the time that it stops before: whole ms. */
  readonly end: Date | null;
}

/** True where the runs that fit are looked for along all of history, in the order of their starts. */
export function readsHistory(filters: RunListFilters): boolean {
  const conditions = new Conditions(filters);
  if (filters.parentId !== undefined || conditions.ids('e') !== null || conditions.tagged('e') !== null) return false;
  return isInHistory(filters);
}

/** The same of runs with tags, of which as many as are looked at are taken from there. */
export function isInHistory(filters: RunListFilters): boolean {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && !wanted.finished.includes('completed')) return false;
  return filters.match?.retrying !== true && nameOf(filters) === null;
}

/** True where they are checked one by one: to its end if few fit. */
export function walksHistory(filters: RunListFilters): boolean {
  // No index has the status of what completed.
  return readsHistory(filters) && (wantedStatuses(filters) !== null || hasOthers(filters));
}

/**
 * The filters that an index has in the order of starts, of runs of a parent, a schedule or an error that are checked one by one for
 * the others; null: these runs are not, or none has to be.
 */
export function indexedPart(filters: RunListFilters): RunListFilters | null {
  const { parentId, since, until, before, after, behind, order, workflow, queue } = filters;
  const place: RunListFilters = { since, until, before, after, behind, order };
  const isNarrowed = wantedStatuses(filters) !== null || workflow !== undefined || queue !== undefined;
  if (parentId !== undefined) {
    const more = isNarrowed || hasOthers(filters) || new Conditions(filters).tagged('e') !== null;
    return more ? { ...place, parentId } : null;
  }
  const name = nameOf(filters);
  if (name === null || !(isNarrowed || hasOthers({ ...filters, match: without(filters.match, name) }))) return null;
  return { ...place, match: { texts: [name] } };
}

type Named = NonNullable<NonNullable<RunListFilters['match']>['texts']>[number];

/** The name by which such runs are looked for. */
function nameOf({ match: { texts = [] } = {} }: RunListFilters): Named | null {
  return texts.find(({ field, not }) => !not && (field === 'schedule' || field === 'error')) ?? null;
}

function without(match: RunListFilters['match'], name: Named): RunListFilters['match'] {
  return { ...match, texts: match?.texts?.filter((text) => text !== name) };
}

/** True where something is asked of each run that no index has. */
function hasOthers(filters: RunListFilters): boolean {
  const { texts = [], tags = [], tookAtLeast, tookAtMost, retrying, root } = filters.match ?? {};
  const others = texts.some(({ field }) => field !== 'workflow' && field !== 'queue');
  return others || tags.length > 0 || [tookAtLeast, tookAtMost, retrying, root].some((part) => part !== undefined);
}

/** Query for a `StretchRow`: the time within which there are about `most` runs, from where the page begins, counted in the index. */
export function stretchQuery(schema: string, filters: RunListFilters, most: number): BuiltQuery {
  const query = new StretchQuery(filters, wantedStatuses(filters));
  return { text: inSchema(query.stretch(most), schema), parameters: query.parameters };
}

class StretchQuery extends RunQuery {
  /**
   * Tried from the time that half as many runs take on average, or from all where there are no more: half of it as long as
   * there are more than `most`, further while there are less than a quarter as many. No count goes further than `most`. Runs of
   * one millisecond are not parted, and a width grows by one at least: a share of some microseconds may be none. The first and the
   * last run are looked for where the page may be, so that a time without runs is passed at once.
   * Each workflow and queue is counted with a limit of its own, or the planner may join them with all of history.
   */
  stretch(most: number): string {
    const { conditions } = this;
    const back = this.filters.order !== 'asc';
    const kind = this.kind();
    const first = (way: 'ASC' | 'DESC'): string =>
      `(SELECT e.created_at FROM durable.workflow_executions e ${where(kind, conditions.place('e'))} ORDER BY e.created_at ${way} LIMIT 1)`;
    const n = conditions.add(most, 'bigint');
    const end = (width: string): string => (back ? `l.high - ${width}` : `l.low + ${width}`);
    const counted = `CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
      SELECT FROM known k
      CROSS JOIN LATERAL (
        SELECT FROM durable.workflow_executions e
        ${where(kind, `e.created_at BETWEEN ${back ? `${end('w.width')} AND l.high` : `l.low AND ${end('w.width')}`}`)}
        LIMIT ${n} + 1
      ) r
      LIMIT ${n} + 1
    ) s
  ) c`;
    return `${this.ofKinds()}, known AS MATERIALIZED (
  SELECT k.workflow, k.queue FROM kind k ${where(conditions.kinds('k'))}
), ends AS MATERIALIZED (
  SELECT min(o.created_at) AS oldest, max(o.created_at) AS newest
  FROM known k
  CROSS JOIN LATERAL (
    ${first('ASC')}
    UNION ALL
    ${first('DESC')}
  ) o
), look AS MATERIALIZED (
  SELECT n.oldest AS low, n.newest AS high,
    (SELECT CASE WHEN c.reltuples <= ${n} THEN 1 ELSE 0.5 * ${n} / c.reltuples END
     FROM pg_class c WHERE c.oid = 'durable.workflow_executions'::regclass) AS share
  FROM ends n
), tried AS (
  SELECT w.width, c.n, NULL::boolean AS grows
  FROM look l
  CROSS JOIN LATERAL (SELECT GREATEST((l.high - l.low) * l.share, interval '1 ms') AS width) w
  ${counted}
  UNION ALL
  SELECT w.width, c.n, t.n <= ${n}
  FROM tried t
  CROSS JOIN look l
  CROSS JOIN LATERAL (
    SELECT CASE WHEN t.n > ${n} THEN t.width * 0.5
      ELSE GREATEST(t.width * LEAST(64, 0.5 * ${n} / GREATEST(t.n, 1)), t.width + interval '1 ms') END AS width
  ) w
  ${counted}
  WHERE CASE WHEN t.n > ${n} THEN t.grows IS NOT TRUE AND t.width > interval '1 ms'
    ELSE t.grows IS NOT FALSE AND t.n < ${n} / 4 AND t.width < l.high - l.low END
), taken AS (
  SELECT COALESCE(max(t.width) FILTER (WHERE t.n <= ${n}), min(t.width)) AS width FROM tried t
)
SELECT COALESCE(t.width >= l.high - l.low, true) AS whole,
  date_trunc('milliseconds', ${end('t.width')})${back ? '' : ` + interval '1 ms'`} AS "end"
FROM look l
CROSS JOIN taken t`;
  }
}
