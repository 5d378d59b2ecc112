import type { RunFilters, RunListFilters } from '../../core/run/execution.js';
import { Conditions, where, wantedStatuses, type WantedStatuses } from './run-filters.js';
import { inSchema } from '../sql.js';

/** A statement put together from filters: no value of a caller's stands in its text. */
export interface BuiltQuery {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/**
 * Columns of a run in lists: no payloads. Of a large snapshot, as a run of many arms has, the beginning: it names the
 * member that the run stands at.
 */
const SHOWN = `
  e.id, e.workflow, durable.run_status(e.status, q.state, q.paused, q.compensating, q.started_at) AS status, e.queue,
  e.priority, e.error, e.parent_id, e.retry_of, e.tags, e.round, e.scheduled_at, e.created_at, e.updated_at,
  e.completed_at, left(e.snapshot, 8192) AS snapshot, COALESCE(e.started_at, q.started_at) AS started_at,
  q.state = 'running' AND q.paused AS pause_requested, q.started_at IS NOT NULL AS begun,
  (SELECT d.version FROM durable.workflow_definitions d WHERE d.id = COALESCE(q.definition_id, e.definition_id)) AS version,
  CASE WHEN e.status IN ('compensated', 'compensation_failed') OR q.compensating THEN (
    SELECT json_agg(json_build_object('path', u.path, 'status', u.status, 'error', u.error) ORDER BY u.seq)
    FROM durable.step_executions u
    WHERE u.run_id = e.id AND u.round = e.round AND u.type = 'compensate' AND u.retry_at IS NULL
  ) END AS compensations`;

/** Each run of a page is looked up by itself: beside a long history the planner would rather read all of that. */
const OF_PAGE = `
FROM page p
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = p.id LIMIT 1) e
LEFT JOIN LATERAL (SELECT w.* FROM durable.workflow_queue w WHERE w.id = p.id LIMIT 1) q ON true`;

/** What is read with `includeData`, as get-execution.sql says it. */
const PAYLOADS = ', e.input, COALESCE(kept.output, latest.output) AS data';
const PAYLOADS_OF_PAGE = `
LEFT JOIN LATERAL (
  SELECT s.output
  FROM durable.step_executions s
  WHERE e.status <> 'active' AND s.run_id = e.id AND s.seq = e.data_seq
  LIMIT 1
) kept ON true
LEFT JOIN LATERAL (
  SELECT s.output
  FROM durable.step_executions s
  WHERE e.status = 'active'
    AND s.run_id = e.id AND s.status = 'completed' AND s.output IS NOT NULL AND s.round >= e.round
    AND s.type IN ('step', 'decision', 'parallel', 'gather', 'context')
    AND (strpos(s.path, '/') = 0 OR s.seq = e.data_seq)
  ORDER BY s.seq DESC
  LIMIT 1
) latest ON true`;

const STATUS_OF_ROW = 'durable.run_status(e.status, q.state, q.paused, q.compensating, q.started_at)';

/** Newest runs that are looked at for tags before the index of tags is asked, which reads all that have them. */
const LOOKED_AT_FOR_TAGS = 2_000;

/**
 * The page of runs that fit: statements to be tried one after the other, until one gives as many rows as were asked for.
 * None: no run can fit.
 */
export function listQueries(schema: string, filters: RunListFilters): BuiltQuery[] {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return [];
  const page = (build: (query: ListQuery) => string): BuiltQuery => new ListQuery(filters, wanted).page(schema, build);
  if (filters.parentId !== undefined || filters.match?.idFrom !== undefined) return [page((query) => query.matching())];
  if (new Conditions(filters).tags() === null) return [page((query) => query.sources(query.depth()))];
  return [page((query) => query.taggedAmongNewest()), page((query) => query.matching())];
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

/** How many of the runs that fit were started in each of so many equal pieces between `since` and `until`. Null: none can fit. */
export function startsOverQuery(
  schema: string,
  filters: RunFilters & { readonly since: Date; readonly until: Date },
  pieces: number,
): BuiltQuery | null {
  const wanted = wantedStatuses(filters);
  if (wanted !== null && wanted.finished.length + wanted.unfinished.length === 0) return null;
  const query = new ListQuery(filters, wanted);
  const text = `${query.kinds()}SELECT width_bucket(extract(epoch FROM f.created_at)::float8, ${query.over(filters, pieces)}) AS piece,
  count(*)::float8 AS count
FROM (${query.all()}) f
GROUP BY 1`;
  return { text: inSchema(text, schema), parameters: query.parameters };
}

/** These runs, without payloads. */
export function byIdsQuery(schema: string, ids: readonly string[]): BuiltQuery {
  return {
    text: inSchema(`WITH page AS (SELECT u.id FROM unnest($1::uuid[]) AS u(id)) SELECT ${SHOWN} ${OF_PAGE}`, schema),
    parameters: [ids],
  };
}

/**
 * Query for the runs that fit. History is read along one index, which has a stretch for each workflow and queue; runs
 * that did not complete have an index of their own; the unfinished ones are all in the far smaller queue.
 */
class RunQuery {
  protected readonly conditions: Conditions;
  /** Several stretches of history's index are read. */
  private readonly merged: boolean;

  constructor(
    protected readonly filters: RunListFilters,
    private readonly wanted: WantedStatuses | null,
  ) {
    this.conditions = new Conditions(filters);
    this.merged = filters.workflow === undefined || filters.queue === undefined;
  }

  get parameters(): readonly unknown[] {
    return this.conditions.parameters;
  }

  /** The workflows and queues that runs have, as `kind`, stepped through in the index: one look for each. */
  kinds(): string {
    if (!this.merged) return '';
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    const next =
      workflow === null
        ? queue === null
          ? '(e.workflow, e.queue) > (k.workflow, k.queue)'
          : 'e.workflow > k.workflow'
        : `e.workflow = ${workflow} AND e.queue > k.queue`;
    const first = workflow === null ? '' : `WHERE e.workflow = ${workflow}`;
    const one = 'ORDER BY e.workflow, e.queue LIMIT 1';
    return `WITH RECURSIVE kind AS (
  (SELECT e.workflow, e.queue FROM durable.workflow_executions e ${first} ${one})
  UNION ALL
  SELECT n.workflow, n.queue
  FROM kind k
  CROSS JOIN LATERAL (SELECT e.workflow, e.queue FROM durable.workflow_executions e WHERE ${next} ${one}) n
)
`;
  }

  /** The sum that is the number of runs. */
  counted(): string {
    const { wanted } = this;
    if (this.filters.parentId !== undefined || this.conditions.tags() !== null) return `(${this.matching('count(*)')})`;
    if (wanted === null) return this.countedInHistory();
    const parts: string[] = [];
    if (wanted.finished.includes('completed')) {
      // No index has the status, which changes at the end: what completed is what is left of all.
      const others = `e.error_status <> ALL (${this.conditions.add([...wanted.finished, 'active'], 'text[]')})`;
      parts.push(
        `${this.countedInHistory()} - (${this.failed('count(*)', others)}) - (${this.queued('count(*)', null)})`,
      );
    } else if (wanted.finished.length > 0) {
      parts.push(`(${this.failed('count(*)', this.stored(wanted.finished, 'error_status'))})`);
    }
    if (wanted.unfinished.length > 0) parts.push(`(${this.queued('count(*)', wanted.unfinished)})`);
    return parts.join(' + ');
  }

  /** All filters at once, among the runs of a parent or those with tags; the planner knows which index is best. */
  matching(columns = 'e.created_at, e.id'): string {
    const { conditions, wanted } = this;
    const equal = (['workflow', 'queue', 'parentId'] as const).flatMap((filter) => {
      const parameter = conditions.given(filter);
      return parameter === null ? [] : [`e.${filter === 'parentId' ? 'parent_id' : filter} = ${parameter}`];
    });
    const tags = conditions.tags();
    const unfinished = wanted !== null && wanted.unfinished.length > 0;
    const status =
      wanted === null
        ? null
        : unfinished
          ? `${STATUS_OF_ROW} = ANY (${conditions.add([...wanted.finished, ...wanted.unfinished], 'text[]')})`
          : this.stored(wanted.finished);
    return `SELECT ${columns} FROM durable.workflow_executions e
      ${unfinished ? 'LEFT JOIN durable.workflow_queue q ON q.id = e.id' : ''}
      ${where(equal, conditions.ids('e'), tags === null ? null : `e.tags @> ${tags}`, conditions.bounds('e'), status)}`;
  }

  protected sourceTexts(page: (alias: string) => string): string[] {
    const { wanted } = this;
    const columns = (alias: string): string => `${alias}.created_at, ${alias}.id`;
    if (wanted === null) return [this.history(null, page('e'))];
    const texts: string[] = [];
    if (wanted.finished.includes('completed')) texts.push(this.history(this.stored(wanted.finished), page('e')));
    else if (wanted.finished.length > 0) {
      texts.push(`${this.failed(columns('e'), this.stored(wanted.finished, 'error_status'))} ${page('e')}`);
    }
    if (wanted.unfinished.length > 0) texts.push(`${this.queued(columns('q'), wanted.unfinished)} ${page('q')}`);
    return texts;
  }

  private history(status: string | null, page: string): string {
    const inner = `SELECT e.created_at, e.id FROM durable.workflow_executions e ${where(this.kind(), this.conditions.bounds('e'), status)} ${page}`;
    return this.merged ? `SELECT s.created_at, s.id FROM kind k CROSS JOIN LATERAL (${inner}) s` : inner;
  }

  private countedInHistory(): string {
    const { workflow, queue, since, until } = this.filters;
    const all = [workflow, queue, since, until].every((filter) => filter === undefined);
    if (all) return '(SELECT count(*) FROM durable.workflow_executions)';
    const counted = `SELECT count(*) AS n FROM durable.workflow_executions e ${where(this.kind(), this.conditions.bounds('e'))}`;
    return this.merged
      ? `(SELECT COALESCE(sum(s.n), 0) FROM kind k CROSS JOIN LATERAL (${counted}) s)`
      : `(${counted})`;
  }

  /** One stretch of the index: of the workflow and queue that are asked for, else of each that `kind` gives. */
  private kind(): string[] {
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    return [`e.workflow = ${workflow ?? 'k.workflow'}`, `e.queue = ${queue ?? 'k.queue'}`];
  }

  private failed(columns: string, status: string): string {
    const equal = this.equal('e', 'e.workflow = ', '');
    return `SELECT ${columns} FROM durable.workflow_executions e
      ${where('e.error IS NOT NULL', status, equal, this.conditions.bounds('e'))}`;
  }

  private queued(columns: string, statuses: readonly string[] | null): string {
    const equal = this.equal(
      'q',
      'q.definition_id IN (SELECT d.id FROM durable.workflow_definitions d WHERE d.name = ',
      ')',
    );
    const status =
      statuses === null
        ? null
        : `durable.run_status('active', q.state, q.paused, q.compensating, q.started_at) = ANY (${this.conditions.add(statuses, 'text[]')})`;
    // Equal to the status, and indexed.
    const held = statuses?.length === 1 && statuses[0] === 'running' ? 'q.worker_id IS NOT NULL' : null;
    return `SELECT ${columns} FROM durable.workflow_queue q
      ${where('q.step_of IS NULL', held, status, equal, this.conditions.bounds('q'))}`;
  }

  private equal(alias: string, beforeWorkflow: string, afterWorkflow: string): string[] {
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    return [
      ...(workflow === null ? [] : [`${beforeWorkflow}${workflow}${afterWorkflow}`]),
      ...(queue === null ? [] : [`${alias}.queue = ${queue}`]),
    ];
  }

  private stored(statuses: readonly string[], column = 'status'): string {
    return `e.${column} = ANY (${this.conditions.add(statuses, 'text[]')})`;
  }
}

/** A page of runs in the order of their starts. */
class ListQuery extends RunQuery {
  private readonly direction = this.filters.order === 'asc' ? 'ASC' : 'DESC';

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
    return apart.tags() !== null || this.filters.parentId !== undefined || apart.ids('e') !== null;
  }

  /** All that fit, in no order. */
  all(): string {
    return this.isOne()
      ? this.matching()
      : this.sourceTexts(() => '')
          .map((text) => `(${text})`)
          .join(' UNION ALL ');
  }

  /** The bounds and the number of pieces, as width_bucket() takes them. */
  over({ since, until }: { readonly since: Date; readonly until: Date }, pieces: number): string {
    const seconds = (date: Date): string => this.conditions.add(date.getTime() / 1_000, 'float8');
    return `${seconds(since)}, ${seconds(until)}, ${this.conditions.add(pieces, 'integer')}`;
  }

  sources(depth: string): string {
    return this.sourceTexts((alias) => `${this.order(alias)} LIMIT ${depth}`)
      .map((text) => `(${text})`)
      .join(' UNION ALL ');
  }

  taggedAmongNewest(): string {
    const depth = this.conditions.add(LOOKED_AT_FOR_TAGS, 'bigint');
    const newest = `SELECT n.created_at, n.id FROM (${this.sources(depth)}) n ${this.order('n')} LIMIT ${depth}`;
    return `SELECT s.created_at, s.id
      FROM (${newest}) s
      CROSS JOIN LATERAL (SELECT e.tags FROM durable.workflow_executions e WHERE e.id = s.id LIMIT 1) t
      WHERE t.tags @> ${this.conditions.tags()}`;
  }

  private order(alias: string): string {
    return `ORDER BY ${alias}.created_at ${this.direction}, ${alias}.id ${this.direction}`;
  }
}
