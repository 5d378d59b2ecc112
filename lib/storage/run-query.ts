import type { RunFilters, RunListFilters } from '../core/execution.js';
import { EXECUTION_STATUSES, type ExecutionStatus, isFinished } from '../core/status.js';
import { inSchema } from './sql.js';

/** A statement put together from filters: no value of a caller's stands in its text. */
export interface BuiltQuery {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** What a list shows of a run: no payload. The snapshot is read only where the run stands somewhere. */
const COLUMNS = `
  e.id, e.workflow, e.status AS stored_status, e.queue, e.priority, e.error, e.parent_id, e.retry_of, e.tags, e.round,
  e.scheduled_at, e.created_at, e.updated_at, e.completed_at, e.snapshot,
  coalesce(e.started_at, q.started_at) AS started_at,
  q.state, q.paused, q.compensating, q.started_at IS NOT NULL AS begun,
  CASE WHEN e.status IN ('compensated', 'compensation_failed') OR q.compensating THEN (
    SELECT json_agg(json_build_object('path', u.path, 'status', u.status, 'error', u.error) ORDER BY u.seq)
    FROM durable.step_executions u
    WHERE u.run_id = e.id AND u.round = e.round AND u.type = 'compensate' AND u.retry_at IS NULL
  ) END AS compensations`;

/** Where the runs are looked up: from history, or from the far smaller table of unfinished ones. */
const HISTORY = 'durable.workflow_executions e LEFT JOIN durable.workflow_queue q ON q.id = e.id';
const QUEUE = 'durable.workflow_queue q JOIN durable.workflow_executions e ON e.id = q.id';

/** What the row in the queue says of the status of its run. */
const STATES: Partial<Record<ExecutionStatus, string>> = {
  // `worker_id` says the same as the state, and has an index.
  running: `(q.worker_id IS NOT NULL AND NOT q.compensating)`,
  paused: `(q.paused AND q.worker_id IS NULL)`,
  pending: `(NOT q.paused AND NOT q.compensating AND (q.state IN ('ready', 'blocked') OR (q.state = 'sleeping' AND q.started_at IS NULL)))`,
  waiting: `(NOT q.paused AND NOT q.compensating AND q.state = 'sleeping' AND q.started_at IS NOT NULL)`,
  compensating: `(q.compensating AND NOT (q.paused AND q.worker_id IS NULL))`,
};

interface Source {
  readonly from: string;
  readonly conditions: readonly string[];
}

/** The page of runs that fit, by id. Null: none can. */
export function listQuery(schema: string, filters: RunListFilters): BuiltQuery | null {
  const { limit = 50, offset = 0, order = 'desc' } = filters;
  const parameters: unknown[] = [];
  const sources = sourcesOf(filters, parameters);
  const page = `ORDER BY id ${order === 'asc' ? 'ASC' : 'DESC'} LIMIT`;
  const depth = `$${parameters.push(limit + offset)}::bigint`;
  const parts = sources.map(
    ({ from, conditions }) => `(SELECT ${COLUMNS} FROM ${from} ${where(conditions)} ${page} ${depth})`,
  );
  if (parts.length === 0) return null;
  const window = `$${parameters.push(limit)}::bigint OFFSET $${parameters.push(offset)}::bigint`;
  return {
    text: inSchema(`SELECT * FROM (${parts.join(' UNION ALL ')}) AS runs ${page} ${window}`, schema),
    parameters,
  };
}

/** How many runs fit, as `count`. Null: none can. */
export function countQuery(schema: string, filters: RunFilters): BuiltQuery | null {
  const parameters: unknown[] = [];
  const sources = sourcesOf(filters, parameters);
  const parts = sources.map(({ from, conditions }) => {
    // Counting history takes an index alone, unless the queue is joined for nothing.
    const table = from === HISTORY ? 'durable.workflow_executions e' : from;
    return `(SELECT count(*) FROM ${table} ${where(conditions)})`;
  });
  if (parts.length === 0) return null;
  return { text: inSchema(`SELECT (${parts.join(' + ')})::float8 AS count`, schema), parameters };
}

/** These runs, without payloads. */
export function byIdsQuery(schema: string, ids: readonly string[]): BuiltQuery {
  return {
    text: inSchema(`SELECT ${COLUMNS} FROM ${HISTORY} WHERE e.id = ANY ($1::uuid[])`, schema),
    parameters: [ids],
  };
}

function sourcesOf(filters: RunFilters, parameters: unknown[]): Source[] {
  const common = conditionsOf(filters, parameters);
  if (filters.status === undefined) return [{ from: HISTORY, conditions: common }];
  const wanted = new Set(typeof filters.status === 'string' ? [filters.status] : filters.status);
  if (EXECUTION_STATUSES.every((status) => wanted.has(status))) return [{ from: HISTORY, conditions: common }];

  const sources: Source[] = [];
  const finished = [...wanted].filter(isFinished);
  if (finished.length > 0) {
    const status = `e.status = ANY ($${parameters.push(finished)}::text[])`;
    // All but completed runs have an error, and there is an index of those.
    const error = finished.includes('completed') ? [] : ['e.error IS NOT NULL'];
    sources.push({ from: HISTORY, conditions: [...common, status, ...error] });
  }
  const states = [...wanted].flatMap((status) => STATES[status] ?? []);
  if (states.length > 0) {
    const state = states.length === 1 ? states : [`(${states.join(' OR ')})`];
    sources.push({ from: QUEUE, conditions: [...common, 'q.step_of IS NULL', ...state] });
  }
  return sources;
}

function conditionsOf(filters: RunFilters, parameters: unknown[]): string[] {
  const { workflow, queue, parentId, tags, since, until } = filters;
  const conditions: string[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    if (value !== undefined) conditions.push(condition(`$${parameters.push(value)}`));
  };
  add(workflow, (p) => `e.workflow = ${p}::text`);
  add(queue, (p) => `e.queue = ${p}::text`);
  add(parentId, (p) => `e.parent_id = ${p}::uuid`);
  add(tags && Object.keys(tags).length > 0 ? JSON.stringify(tags) : undefined, (p) => `e.tags @> ${p}::jsonb`);
  add(since?.toISOString(), (p) => `e.created_at >= ${p}::timestamptz`);
  add(until?.toISOString(), (p) => `e.created_at < ${p}::timestamptz`);
  return conditions;
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}
