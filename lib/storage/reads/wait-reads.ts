import { decode } from '../../core/codec/codec.js';
import { stepNameOf } from '../../core/definition/definition-path.js';
import type {
  PendingEvent,
  PendingEventFilters,
  PendingInput,
  PendingInputFilters,
  PendingStatus,
} from '../../core/input/pending.js';
import type { Redaction } from '../../core/redact/redact.js';
import type { WaitKind, WaitSpec, WaitState } from '../../core/run/wait-spec.js';
import { inSchema, sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

const STATES: Record<PendingStatus, WaitState> = {
  pending: 'open',
  completed: 'done',
  timed_out: 'timed_out',
  cancelled: 'cancelled',
};
const STATUSES: Record<WaitState, PendingStatus> = {
  open: 'pending',
  done: 'completed',
  timed_out: 'timed_out',
  cancelled: 'cancelled',
};

interface WaitRow {
  readonly id: string;
  readonly run_id: string;
  readonly workflow: string;
  readonly path: string;
  readonly name: string;
  readonly state: WaitState;
  readonly due_at: Date | null;
  readonly created_at: Date;
}

interface InputRow extends WaitRow {
  readonly spec: string | null;
  readonly closed_at: Date | null;
  readonly response: string | null;
}

/** What clients read of waits and children. Nothing here locks or waits. */
export class PgWaitReads {
  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      /** What of payloads is not shown. */
      readonly redact: Redaction;
    },
  ) {}

  async pendingInputs(filters: PendingInputFilters = {}): Promise<PendingInput[]> {
    const { workflow, executionId, timeoutBefore } = filters;
    const list = new WaitList(filters);
    list.add(workflow, (p) => `e.workflow = ${p}::text`);
    list.add(executionId, (p) => `w.run_id = ${p}::uuid`);
    list.add(timeoutBefore?.toISOString(), (p) => `w.due_at < ${p}::timestamptz`);
    const rows = await this.query<InputRow>(
      list,
      ['input'],
      `w.names[1] AS name, 1 AS place, w.spec, w.closed_at, CASE WHEN w.state = 'done' THEN w.result END AS response`,
    );
    return rows.map((row) => toInput(row, this.options.redact));
  }

  async pendingEvents(filters: PendingEventFilters = {}): Promise<PendingEvent[]> {
    const list = new WaitList(filters);
    list.add(filters.eventName, (p) => `${p}::text = ANY (w.names) AND n.name = ${p}::text`);
    const rows = await this.query<WaitRow>(
      list,
      ['event', 'any', 'all'],
      'n.name, n.place',
      'CROSS JOIN LATERAL unnest(w.names) WITH ORDINALITY AS n(name, place)',
    );
    return rows.map(({ name, ...row }) => ({ ...common(row), eventName: name }));
  }

  /** How many children each of the runs has; one without any is left out. */
  async childCounts(ids: readonly string[]): Promise<Map<string, number>> {
    const { query, schema } = this.options;
    const rows = await query<{ id: string; count: number }>(sql('child-counts', schema), [ids]);
    return new Map(rows.map(({ id, count }) => [id, count]));
  }

  private async query<R extends object>(
    list: WaitList,
    kinds: readonly WaitKind[],
    columns: string,
    joined = '',
  ): Promise<R[]> {
    if (list.states.length === 0) return [];
    const text = inSchema(list.text(kinds, columns, joined), this.options.schema);
    return this.options.query<R>(text, list.parameters);
  }
}

/**
 * A page of waits, put together from filters; no value of a caller's stands in its text. The index of what is asked for has
 * a stretch for each state and kind, in the order in which it was asked for: as much of each is read as the page may need.
 */
class WaitList {
  readonly parameters: unknown[] = [];
  private readonly conditions: string[] = [];
  readonly states: readonly WaitState[];
  private readonly limit: string;

  constructor({ status = 'pending', limit = 50 }: Pick<PendingInputFilters, 'status' | 'limit'>) {
    this.states = (typeof status === 'string' ? [status] : status).map((one) => STATES[one]);
    this.limit = this.parameter(limit);
  }

  add(value: unknown, condition: (parameter: string) => string): void {
    if (value !== undefined) this.conditions.push(condition(this.parameter(value)));
  }

  /** Open waits come oldest first, others newest first. */
  text(kinds: readonly WaitKind[], columns: string, joined: string): string {
    const newest = this.states.some((state) => state !== 'open');
    const page = `${newest ? 'DESC' : 'ASC'}, place LIMIT ${this.limit}`;
    const stretches = this.states.flatMap((state) =>
      kinds.map((kind) => {
        const conditions = [`w.state = '${state}'`, `w.kind = '${kind}'`, ...this.conditions];
        const one = SHOWN_NAMES[`${kind} ${state}`];
        return `(SELECT w.id, w.run_id, e.workflow, w.path, w.state, w.due_at, w.created_at, ${columns}
          FROM durable.waits w JOIN durable.workflow_executions e ON e.id = w.run_id ${joined}
          WHERE ${[...conditions, ...(one === undefined ? [] : [one])].join(' AND ')} ORDER BY w.id ${page})`;
      }),
    );
    return `SELECT * FROM (${stretches.join(' UNION ALL ')}) AS found ORDER BY id ${page}`;
  }

  private parameter(value: unknown): string {
    return `$${this.parameters.push(value)}`;
  }
}

/** Of a waitForAny that is done, only what came is of interest; of a waitForAll that is open, what has not come. */
const SHOWN_NAMES: Readonly<Record<string, string>> = {
  'any done':
    'EXISTS (SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id = w.id AND m.name = n.name)',
  'all open':
    'NOT EXISTS (SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id IS NULL AND m.name = n.name)',
};

function common(row: Omit<WaitRow, 'name'>): Omit<PendingEvent, 'eventName'> {
  return {
    id: row.id,
    executionId: row.run_id,
    workflow: row.workflow,
    step: stepNameOf(row.path),
    status: STATUSES[row.state],
    timeoutAt: row.due_at,
    createdAt: row.created_at,
  };
}

/** Prompt, fields and choices are the question itself, put to people by the step: they stay. */
function toInput(row: InputRow, redact: Redaction): PendingInput {
  const spec = row.spec === null ? {} : (decode(row.spec) as WaitSpec);
  return {
    ...common(row),
    name: row.name,
    type: spec.type ?? 'free_text',
    prompt: spec.prompt ?? null,
    metadata: spec.metadata === undefined || spec.metadata === null ? null : redact.payload(spec.metadata),
    fields: spec.fields ?? null,
    choices: spec.choices ?? null,
    closedAt: row.closed_at,
    response: row.response === null ? null : redact.payload(decode(row.response)),
  };
}
