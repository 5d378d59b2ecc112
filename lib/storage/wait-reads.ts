import { decode } from '../core/codec.js';
import { stepNameOf } from '../core/definition-path.js';
import type {
  PendingEvent,
  PendingEventFilters,
  PendingInput,
  PendingInputFilters,
  PendingStatus,
} from '../core/pending.js';
import type { Redaction } from '../core/redact.js';
import type { WaitSpec, WaitState } from '../core/wait-spec.js';
import { inSchema, sql } from './sql.js';
import type { Query } from './transaction.js';

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
    const { workflow, executionId, timeoutBefore, limit = 50 } = filters;
    const list = new Conditions();
    const newest = list.state(filters.status);
    list.add(workflow, (p) => `e.workflow = ${p}::text`);
    list.add(executionId, (p) => `w.run_id = ${p}::uuid`);
    list.add(timeoutBefore?.toISOString(), (p) => `w.due_at < ${p}::timestamptz`);
    const rows = await this.query<InputRow>(
      `SELECT w.id, w.run_id, e.workflow, w.path, w.names[1] AS name, w.state, w.due_at, w.created_at, w.spec, w.closed_at,
         CASE WHEN w.state = 'done' THEN w.result END AS response
       FROM durable.waits w
       JOIN durable.workflow_executions e ON e.id = w.run_id
       WHERE w.kind = 'input' AND ${list.text}
       ORDER BY w.id ${newest ? 'DESC' : 'ASC'} LIMIT ${list.parameter(limit)}`,
      list.parameters,
    );
    return rows.map((row) => toInput(row, this.options.redact));
  }

  async pendingEvents(filters: PendingEventFilters = {}): Promise<PendingEvent[]> {
    const { eventName, limit = 50 } = filters;
    const list = new Conditions();
    const newest = list.state(filters.status);
    list.add(eventName, (p) => `${p}::text = ANY (w.names) AND n.name = ${p}::text`);
    // Of a waitForAny that is done, only what came is of interest; of a waitForAll that is open, what has not come.
    const rows = await this.query<WaitRow>(
      `SELECT w.id, w.run_id, e.workflow, w.path, n.name, w.state, w.due_at, w.created_at
       FROM durable.waits w
       JOIN durable.workflow_executions e ON e.id = w.run_id
       CROSS JOIN LATERAL unnest(w.names) WITH ORDINALITY AS n(name, place)
       WHERE w.kind IN ('event', 'any', 'all') AND ${list.text}
         AND NOT (w.kind = 'any' AND w.state = 'done' AND NOT EXISTS (
           SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id = w.id AND m.name = n.name))
         AND NOT (w.kind = 'all' AND w.state = 'open' AND EXISTS (
           SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id IS NULL AND m.name = n.name))
       ORDER BY w.id ${newest ? 'DESC' : 'ASC'}, n.place LIMIT ${list.parameter(limit)}`,
      list.parameters,
    );
    return rows.map(({ name, ...row }) => ({ ...common(row), eventName: name }));
  }

  /** How many children each of the runs has; one without any is left out. */
  async childCounts(ids: readonly string[]): Promise<Map<string, number>> {
    const { query, schema } = this.options;
    const rows = await query<{ id: string; count: number }>(sql('child-counts', schema), [ids]);
    return new Map(rows.map(({ id, count }) => [id, count]));
  }

  private query<R extends object>(text: string, parameters: readonly unknown[]): Promise<R[]> {
    return this.options.query<R>(inSchema(text, this.options.schema), parameters);
  }
}

/** Conditions of a statement that is put together; no value of a caller's stands in its text. */
class Conditions {
  readonly parameters: unknown[] = [];
  private readonly conditions: string[] = [];

  get text(): string {
    return this.conditions.join(' AND ');
  }

  parameter(value: unknown): string {
    return `$${this.parameters.push(value)}`;
  }

  add(value: unknown, condition: (parameter: string) => string): void {
    if (value !== undefined) this.conditions.push(condition(this.parameter(value)));
  }

  /** Open waits come oldest first, and there is an index of those alone; false is returned. Others come newest first. */
  state(status: PendingStatus | readonly PendingStatus[] = 'pending'): boolean {
    const wanted = typeof status === 'string' ? [status] : status;
    if (wanted.length === 1 && wanted[0] === 'pending') {
      this.conditions.push(`w.state = 'open'`);
      return false;
    }
    this.add(
      wanted.map((one) => STATES[one]),
      (p) => `w.state = ANY (${p}::text[])`,
    );
    return true;
  }
}

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
