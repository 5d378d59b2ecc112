import type { RunFilters, RunListFilters } from '../../core/run/execution.js';
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
    return conditions;
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

export function where(...conditions: readonly (string | null | readonly string[])[]): string {
  const all = conditions.flat().filter((condition) => condition !== null);
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}
