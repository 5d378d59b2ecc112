import type { RunFilters, RunListFilters, RunMatch } from '../../core/run/execution.js';
import { EXECUTION_STATUSES, type ExecutionStatus, isFinished } from '../../core/run/status.js';

/** The statuses that are asked for, by where the runs that have one are; null: any. */
export interface WantedStatuses {
  readonly finished: readonly ExecutionStatus[];
  readonly unfinished: readonly ExecutionStatus[];
}

export function wantedStatuses({ status }: RunFilters): WantedStatuses | null {
  if (status === undefined) return null;
  const wanted = new Set(typeof status === 'string' ? [status] : status);
  if (EXECUTION_STATUSES.every((one) => wanted.has(one))) return null;
  return {
    finished: [...wanted].filter((one) => isFinished(one)),
    unfinished: [...wanted].filter((one) => !isFinished(one)),
  };
}

/** The parameters of one statement, and conditions on them: no value of a caller's stands in its text. */
export class Conditions {
  readonly parameters: unknown[] = [];
  private readonly known = new Map<string, string>();

  constructor(private readonly filters: RunListFilters) {}

  /** A parameter. */
  add(value: unknown, type: string): string {
    return `$${this.parameters.push(value)}::${type}`;
  }

  /** The parameter of a filter; null: it is not set. */
  given(filter: 'workflow' | 'queue' | 'parentId'): string | null {
    const value = this.filters[filter];
    return value === undefined ? null : this.once(filter, value, filter === 'parentId' ? 'uuid' : 'text');
  }

  /** The tags, as JSON; null: none. */
  tags(): string | null {
    const { tags } = this.filters;
    return tags === undefined || Object.keys(tags).length === 0
      ? null
      : this.once('tags', JSON.stringify(tags), 'jsonb');
  }

  /** On the time of the start and the cursors, as the indexes that lists go by have them. */
  bounds(alias: string): string[] {
    const { since, until, before, after } = this.filters;
    const created = `${alias}.created_at`;
    const conditions: string[] = [];
    if (since !== undefined) conditions.push(`${created} >= ${this.once('since', since.toISOString(), 'timestamptz')}`);
    if (until !== undefined) conditions.push(`${created} < ${this.once('until', until.toISOString(), 'timestamptz')}`);
    if (before !== undefined) conditions.push(`(${created}, ${alias}.id) < ${this.mark('before', before)}`);
    if (after !== undefined) conditions.push(`(${created}, ${alias}.id) > ${this.mark('after', after)}`);
    const matched = this.matched();
    // Of one row each, whatever the planner thinks of the whole table.
    if (matched.length > 0) {
      conditions.push(`COALESCE((SELECT ${matched.join(' AND ')} FROM durable.workflow_executions x
        LEFT JOIN durable.workflow_queue y ON y.id = x.id WHERE x.id = ${alias}.id), false)`);
    }
    return conditions;
  }

  /** Between which ids runs are looked for; null: anywhere. */
  ids(alias: string): string | null {
    const { idFrom, idTo } = this.filters.match ?? {};
    if (idFrom === undefined || idTo === undefined) return null;
    return `${alias}.id BETWEEN ${this.once('idFrom', idFrom, 'uuid')} AND ${this.once('idTo', idTo, 'uuid')}`;
  }

  private matched(): string[] {
    const { texts = [], tags = [], tookAtLeast, tookAtMost, retrying, root }: RunMatch = this.filters.match ?? {};
    const took = `(extract(epoch FROM COALESCE(x.completed_at, durable.clock()) - COALESCE(x.started_at, y.started_at)) * 1000)`;
    return [
      ...texts.map(({ field, not, values }, at) => {
        const known = this.once(`text${at}`, values, 'text[]');
        if (field === 'id') {
          const fits = `EXISTS (SELECT FROM unnest(${known}) AS v WHERE replace(x.id::text, '-', '') LIKE v || '%')`;
          return not ? `NOT ${fits}` : fits;
        }
        return `COALESCE(${TEXTS[field]}, '') ${not ? '<> ALL' : '= ANY'} (${known})`;
      }),
      ...tags.map(({ name, not, values }, at) => {
        const key = this.once(`tagName${at}`, name, 'text');
        return `COALESCE(x.tags ->> ${key}, '') ${not ? '<> ALL' : '= ANY'} (${this.once(`tag${at}`, values, 'text[]')})`;
      }),
      ...(tookAtLeast === undefined ? [] : [`${took} > ${this.once('tookAtLeast', tookAtLeast, 'float8')}`]),
      ...(tookAtMost === undefined ? [] : [`${took} < ${this.once('tookAtMost', tookAtMost, 'float8')}`]),
      ...(retrying === undefined
        ? []
        : [
            `COALESCE(y.because = 'retry' AND y.state = 'sleeping', false) = ${this.once('retrying', retrying, 'boolean')}`,
          ]),
      ...(root === undefined ? [] : [`(x.parent_id IS NULL) = ${this.once('root', root, 'boolean')}`]),
    ];
  }

  /** The place of a run in lists; none where there is no such run. */
  private mark(filter: string, id: string): string {
    const parameter = this.once(filter, id, 'uuid');
    const of = (column: string): string =>
      `(SELECT m.${column} FROM durable.workflow_executions m WHERE m.id = ${parameter})`;
    return `(${of('created_at')}, ${of('id')})`;
  }

  private once(name: string, value: unknown, type: string): string {
    let parameter = this.known.get(name);
    if (parameter === undefined) {
      parameter = this.add(value, type);
      this.known.set(name, parameter);
    }
    return parameter;
  }
}

const TEXTS = {
  workflow: 'x.workflow',
  queue: 'x.queue',
  error: 'x.error_name',
  schedule: 'x.schedule_name',
  version:
    '(SELECT d.version::text FROM durable.workflow_definitions d WHERE d.id = COALESCE(y.definition_id, x.definition_id))',
} as const;

export function where(...conditions: readonly (string | null | readonly string[])[]): string {
  const all = conditions.flat().filter((condition) => condition !== null);
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}
