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
import type { InputType, WaitKind, WaitSpec, WaitState } from '../../core/run/wait-spec.js';
import type { WaitFacts } from '../../core/standing/facts.js';
import { inSchema, sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { onTimeoutOf } from './standing-rows.js';
import { WaitList, type WaitListOptions, type WaitMark } from './wait-list.js';

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
  readonly due: string | null;
  readonly place: number | string;
  readonly created_at: Date;
}

/** Waits of each kind among which the last payload of an event is looked for. */
const MOST_LOOKED_AT = 100;

/** Waits for events: for one, for the first of several, for all of several. */
export const EVENT_WAIT_KINDS = ['event', 'any', 'all'] as const satisfies readonly WaitKind[];
export type EventWaitKind = (typeof EVENT_WAIT_KINDS)[number];

/** A row of a page, and its place in the list. */
export type Marked<T> = T & { readonly mark: WaitMark };

/** An input, and what happens when nobody answers it in time. */
export type AskedInput = PendingInput & Pick<WaitFacts, 'onTimeout'>;

/** Which waits are shown to people; all that is given must fit. */
export interface AskedFilters extends WaitListOptions {
  readonly workflow?: string | null;
  readonly executionId?: string | null;
  readonly id?: string | null;
  /** Of the input or event. */
  readonly name?: string | null;
  readonly timeoutBefore?: Date | null;
}

interface InputRow extends WaitRow {
  readonly spec: string | null;
  readonly closed_at: Date | null;
  readonly response: string | null;
}

/** Reads of waits and children for clients. Nothing here locks or waits. */
export class PgWaitReads {
  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      /** Redaction of payloads. */
      readonly redact: Redaction;
    },
  ) {}

  async pendingInputs(filters: PendingInputFilters = {}): Promise<PendingInput[]> {
    return (await this.inputs(filters)).map(({ mark: _mark, onTimeout: _does, ...input }) => input);
  }

  async pendingEvents({ eventName, ...page }: PendingEventFilters = {}): Promise<PendingEvent[]> {
    return (await this.events({ ...page, name: eventName })).map(({ mark: _, ...event }) => event);
  }

  /** @param type the inputs of one type; without one any value is taken, which is listed as `free_text` */
  async inputs(filters: AskedFilters, type: InputType | null = null): Promise<Marked<AskedInput>[]> {
    const columns = `w.names[1] AS name, 1 AS place, w.spec, w.closed_at, CASE WHEN w.state = 'done' THEN w.result END AS response`;
    const rows = await this.query<InputRow>(inputList(filters, type), ['input'], columns);
    return rows.map((row) => ({
      ...toInput(row, this.options.redact),
      onTimeout: onTimeoutOf(row.spec),
      mark: markOf(row),
    }));
  }

  /** How many inputs fit, and no more than so many. */
  async countInputs(filters: AskedFilters, type: InputType | null, most: number): Promise<number> {
    const list = inputList({ ...filters, order: 'asked', from: null, limit: most }, type);
    if (list.states.length === 0) return 0;
    const { query, schema } = this.options;
    const [row] = await query<{ count: number }>(
      inSchema(list.counted(['input'], typeof filters.workflow === 'string'), schema),
      list.parameters,
    );
    return row?.count ?? 0;
  }

  /** One row for each event that is waited for. @param kind those of one kind of wait */
  async events(filters: AskedFilters, kind: EventWaitKind | null = null): Promise<Marked<PendingEvent>[]> {
    const list = filtered(filters);
    list.add(filters.name, (p) => `${p}::text = ANY (w.names) AND n.name = ${p}::text`);
    const rows = await this.query<WaitRow>(
      list,
      kind === null ? EVENT_WAIT_KINDS : [kind],
      'n.name, n.place',
      'CROSS JOIN LATERAL unnest(w.names) WITH ORDINALITY AS n(name, place)',
    );
    return rows.map((row) => ({ ...common(row), eventName: row.name, mark: markOf(row) }));
  }

  /**
   * What a run of a workflow was given last for an event of this name; null: none was, or too many waits ago, or a part of it is
   * not shown: nobody could send that.
   */
  async lastPayload(workflow: string, name: string): Promise<{ sentAt: Date; payload: unknown } | null> {
    const { query, schema, redact } = this.options;
    const [row] = await query<{ sent_at: Date; payload: string }>(sql('last-payload', schema), [
      workflow,
      name,
      MOST_LOOKED_AT,
    ]);
    if (row === undefined) return null;
    const payload = decode(row.payload);
    return redact.payload(payload) === payload ? { sentAt: row.sent_at, payload } : null;
  }

  /** Counts the children of each of the runs, up to `most`; one without any is left out. */
  async childCounts(ids: readonly string[], most: number | null = null): Promise<Map<string, number>> {
    const { query, schema } = this.options;
    const rows = await query<{ id: string; count: number }>(sql('child-counts', schema), [ids, most]);
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

function filtered(filters: AskedFilters): WaitList {
  const { workflow, executionId, id, timeoutBefore } = filters;
  const list = new WaitList(filters);
  list.add(workflow, (p) => `e.workflow = ${p}::text`);
  list.add(executionId, (p) => `w.run_id = ${p}::uuid`);
  list.add(id, (p) => `w.id = ${p}::uuid`);
  list.add(timeoutBefore?.toISOString(), (p) => `w.due_at < ${p}::timestamptz`);
  return list;
}

function inputList(filters: AskedFilters, type: InputType | null): WaitList {
  const list = filtered(filters);
  list.add(filters.name, (p) => `w.names[1] = ${p}::text`);
  // The stored question begins with its type; as text, since what else stands in it need not be such that the server reads it.
  list.add(type, (p) => {
    const begins = `COALESCE(starts_with(w.spec, '{"type":"' || ${p}::text || '"'), false)`;
    return type === 'free_text' ? `(${begins} OR NOT COALESCE(starts_with(w.spec, '{"type":"'), false))` : begins;
  });
  return list;
}

function markOf({ id, place, due }: WaitRow): WaitMark {
  return { id, place: Number(place), due };
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
