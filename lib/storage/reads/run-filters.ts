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

  /** On the tags that runs must have, as their index has them; null: none. */
  tagged(alias: string): string | null {
    const { tags = {}, match: { tags: more = [] } = {} } = this.filters;
    const conditions = more.flatMap(({ name, not, values }, at) => {
      if (!isIndexed(not, values)) return [];
      const each = values.map((value, nth) => this.has(alias, `tags${at}.${nth}`, { [name]: value }));
      return [`(${each.join(' OR ')})`];
    });
    if (Object.keys(tags).length > 0) conditions.unshift(this.has(alias, 'tags', tags));
    return conditions.length === 0 ? null : conditions.join(' AND ');
  }

  /** On the workflows and queues that the runs must be of, or not. Of one queue a kind is a workflow: its queue is any. */
  kinds(alias: string): string[] {
    const isOn = (field: string): field is 'workflow' | 'queue' =>
      field === 'workflow' || (field === 'queue' && this.filters.queue === undefined);
    return (this.filters.match?.texts ?? []).flatMap(({ field, not, values }, at) =>
      isOn(field) ? [this.text(`${alias}.${field}`, not, values, at)] : [],
    );
  }

  /** On the time of the start and the cursors, as the indexes that lists go by have them. */
  place(alias: string): string[] {
    const { since, until, before, after, behind, order } = this.filters;
    const created = `${alias}.created_at`;
    const conditions: string[] = [];
    if (since !== undefined) conditions.push(`${created} >= ${this.once('since', since.toISOString(), 'timestamptz')}`);
    if (until !== undefined) conditions.push(`${created} < ${this.once('until', until.toISOString(), 'timestamptz')}`);
    if (before !== undefined) conditions.push(`(${created}, ${alias}.id) < ${this.mark('before', before)}`);
    if (after !== undefined) conditions.push(`(${created}, ${alias}.id) > ${this.mark('after', after)}`);
    if (behind !== undefined) {
      const at = `'epoch'::timestamptz + ${this.once('behindAt', behind.at, 'bigint')} * interval '1 microsecond'`;
      const mark = `(${at}, ${this.once('behind', behind.id, 'uuid')})`;
      conditions.push(`(${created}, ${alias}.id) ${order === 'asc' ? '>' : '<'} ${mark}`);
    }
    return conditions;
  }

  /** These, and those that no index has. */
  bounds(alias: string): string[] {
    return [...this.place(alias), ...this.others(alias)];
  }

  /** What no index has, each run by itself. */
  others(alias: string): string[] {
    // COALESCE hides from the planner what it is about: it would read all runs that fit, to put them in order.
    if (alias === 'e') return this.matched('e').map((condition) => `COALESCE(${condition}, false)`);
    const matched = this.matched('x');
    const own = `SELECT ${matched.join(' AND ')} FROM durable.workflow_executions x WHERE x.id = ${alias}.id`;
    return matched.length > 0 ? [`COALESCE((${own}), false)`] : [];
  }

  /** Which ids runs are looked for by, along their key; null: any. */
  ids(alias: string): string | null {
    const { idFrom, idTo, texts = [] } = this.filters.match ?? {};
    const conditions = texts.flatMap(({ field, not, values }, at) =>
      field === 'id' && !not ? [this.beginsWith(alias, at, values)] : [],
    );
    if (idFrom !== undefined && idTo !== undefined) {
      conditions.unshift(
        `${alias}.id BETWEEN ${this.once('idFrom', idFrom, 'uuid')} AND ${this.once('idTo', idTo, 'uuid')}`,
      );
    }
    return conditions.length === 0 ? null : conditions.join(' AND ');
  }

  /** One of these ids, or of their beginnings, each in hex digits alone. */
  private beginsWith(alias: string, at: number, values: readonly string[]): string {
    const whole = values.filter((value) => value.length === HEX_DIGITS);
    const ranges = values.flatMap((value, nth) => {
      if (value.length === HEX_DIGITS) return [];
      const [from, to] = ['0', 'f'].map((digit) => value.padEnd(HEX_DIGITS, digit));
      return [`${alias}.id BETWEEN ${this.once(`from${at}.${nth}`, from, 'uuid')} AND ${this.once(`to${at}.${nth}`, to, 'uuid')}`]; // prettier-ignore
    });
    if (whole.length > 0) ranges.unshift(`${alias}.id = ANY (${this.once(`ids${at}`, whole, 'uuid[]')})`);
    return `(${ranges.join(' OR ')})`;
  }

  /** On the row of a run. */
  private matched(run: string): string[] {
    const { texts = [], tags = [], tookAtLeast, tookAtMost, retrying, root }: RunMatch = this.filters.match ?? {};
    const queued = (columns: string): string =>
      `(SELECT ${columns} FROM durable.workflow_queue y WHERE y.id = ${run}.id)`;
    const begun = `COALESCE(${run}.started_at, ${queued('y.started_at')})`;
    const took = `COALESCE(${run}.completed_at, durable.clock()) - ${begun}`;
    const length = (name: string, ms: number): string =>
      `${this.once(name, Math.min(ms, LONGEST), 'float8')} * interval '1 ms'`;
    // What has ended has no row in the queue: it is not looked for.
    const open = (columns: string): string => `CASE WHEN ${run}.status = 'active' THEN ${queued(columns)} END`;
    const column = { error: 'error_name', schedule: 'schedule_name', workflow: 'workflow', queue: 'queue' } as const;
    return [
      ...texts.flatMap(({ field, not, values: given }, at) => {
        if (field === 'id' && !not) return [];
        const values = field === 'error' ? given.map(storedErrorName) : given;
        const known = this.once(`text${at}`, values, 'text[]');
        if (field === 'version') {
          const ids = `SELECT d.id FROM durable.workflow_definitions d WHERE d.version::text = ANY (${known})`;
          return [`COALESCE(COALESCE(${open('y.definition_id')}, ${run}.definition_id) = ANY (ARRAY (${ids})), false) = ${not ? 'false' : 'true'}`]; // prettier-ignore
        }
        if (field !== 'id') return [this.text(`${run}.${column[field]}`, not, values, at)];
        return [`NOT EXISTS (SELECT FROM unnest(${known}) AS v WHERE replace(${run}.id::text, '-', '') LIKE v || '%')`];
      }),
      ...tags.flatMap(({ name, not, values }, at) => {
        if (isIndexed(not, values)) return [];
        const key = this.once(`tagName${at}`, name, 'text');
        return `COALESCE(${run}.tags ->> ${key}, '') ${not ? '<> ALL' : '= ANY'} (${this.once(`tag${at}`, values, 'text[]')})`;
      }),
      ...(tookAtLeast === undefined ? [] : [`${took} > ${length('tookAtLeast', tookAtLeast)}`]),
      ...(tookAtMost === undefined ? [] : [`${took} < ${length('tookAtMost', tookAtMost)}`]),
      ...(retrying === undefined
        ? []
        : [
            `COALESCE(${open(`y.because = 'retry' AND y.state = 'sleeping'`)}, false) = ${this.once('retrying', retrying, 'boolean')}`,
          ]),
      ...(root === undefined ? [] : [`(${run}.parent_id IS NULL) = ${this.once('root', root, 'boolean')}`]),
    ];
  }

  private text(column: string, not: boolean, values: readonly string[], at: number): string {
    return `COALESCE(${column}, '') ${not ? '<> ALL' : '= ANY'} (${this.once(`text${at}`, values, 'text[]')})`;
  }

  private has(alias: string, name: string, tags: Readonly<Record<string, string>>): string {
    return `${alias}.tags @> ${this.once(name, JSON.stringify(tags), 'jsonb')}`;
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

/** The part of filters that the index of tags, and the key, have. */
export function tagsOf({ tags, match: { tags: more, texts, idFrom, idTo } = {} }: RunListFilters): RunListFilters {
  const match = {
    tags: more?.filter(({ not, values }) => isIndexed(not, values)),
    texts: texts?.filter(({ field, not }) => field === 'id' && !not),
    idFrom,
    idTo,
  };
  return { tags, match };
}

const HEX_DIGITS = 32;
/** Longer than any run, ms: an interval has an end. */
const LONGEST = 1e15;

/** A run without a tag has none that the index of tags knows. */
function isIndexed(not: boolean, values: readonly string[]): boolean {
  return !not && values.length > 0 && !values.includes('');
}

export function where(...conditions: readonly (string | null | readonly string[])[]): string {
  const all = conditions.flat().filter((condition) => condition !== null);
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}

/** The name of an error as its column has it, which is taken from its JSON: quotes and backslashes are escaped there. */
export function storedErrorName(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}
