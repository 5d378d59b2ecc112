import { decode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import type { Redaction } from '../../core/redact/redact.js';
import type { ExecutionStatus } from '../../core/run/status.js';
import type { Query } from '../connection/transaction.js';
import { sql } from '../sql.js';

/** Facts of a run in lists for people, beside those for all clients. */
export interface RunFacts {
  readonly failedStep: string | null;
  /** Schedule that started it. */
  readonly schedule: string | null;
}

export interface RunCounts {
  readonly steps: { readonly n: number; readonly more: boolean };
  readonly logs: { readonly n: number; readonly more: boolean };
}

/** Attempts that are counted, records whose lines are, which are read as a whole, and records that are looked at for lines. */
const MOST_ATTEMPTS = 10_000;
const MOST_LOGGED = 1_000;
const MOST_LOOKED_AT = 20_000;

export interface GivenEvent {
  readonly name: string;
  readonly sentAt: Date;
  readonly dedupeKey: string | null;
  readonly payload: unknown;
}

interface EventRow {
  readonly name: string;
  readonly sent_at: Date;
  readonly dedupe_key: string | null;
  readonly payload: string;
}

/** Reads for people alone. */
export class PgPeopleReads {
  constructor(
    private readonly query: Query,
    private readonly schema: string,
    /** Redaction of payloads. */
    private readonly redact: Redaction,
  ) {}

  async facts(ids: readonly string[]): Promise<Map<string, RunFacts>> {
    if (ids.length === 0) return new Map();
    const rows = await this.rows<{ id: string; failed_step: string | null } & Omit<RunFacts, 'failedStep'>>(
      'run-facts',
      [ids],
    );
    return new Map(rows.map(({ id, failed_step: failedStep, schedule }) => [id, { failedStep, schedule }]));
  }

  /** How many attempts of a run have ended, and how many lines they have logged; `more`: so many at least. */
  async counts(id: string): Promise<RunCounts> {
    const [row] = await this.rows<{ attempts: number; lines: number; more_lines: boolean }>('run-counts', [
      id,
      MOST_ATTEMPTS,
      MOST_LOGGED,
      MOST_LOOKED_AT,
    ]);
    const { attempts = 0, lines = 0, more_lines: moreLines = false } = row ?? {};
    return {
      steps: { n: Math.min(attempts, MOST_ATTEMPTS), more: attempts > MOST_ATTEMPTS },
      logs: { n: lines, more: moreLines },
    };
  }

  /** The definition that a run runs, and the JSON Schema of its input; null: it is not known. */
  async definition(id: string): Promise<{ graph: WorkflowDefinition; inputSchema: unknown } | null> {
    const [row] = await this.rows<{ definition: WorkflowDefinition; input_schema: unknown }>('run-definition', [id]);
    return row === undefined ? null : { graph: row.definition, inputSchema: row.input_schema };
  }

  /** Of all workflows that are stored. */
  async workflowNames(): Promise<string[]> {
    return (await this.rows<{ name: string }>('workflow-names', [])).map(({ name }) => name);
  }

  /** The JSON Schema of a workflow's input; null: it has none, or is not there. */
  async schemaOf(workflow: string): Promise<unknown> {
    const [row] = await this.rows<{ input_schema: unknown }>('find-definition', [workflow]);
    return row?.input_schema ?? null;
  }

  /** Ids of the runs that are its retries, the first first. */
  async retriesOf(id: string, limit: number): Promise<string[]> {
    return (await this.rows<{ id: string }>('retries-of', [id, limit])).map((row) => row.id);
  }

  /** Ids of the runs that it comes from, the one that nobody has started first; the nearest, if there are more. */
  async parentsOf(id: string, limit: number): Promise<string[]> {
    return (await this.rows<{ id: string }>('run-parents', [id, limit])).map((row) => row.id).toReversed();
  }

  /** How many of its children are in which status, of the first so many. */
  async childStatuses(id: string, most: number): Promise<Partial<Record<ExecutionStatus, number>>> {
    const rows = await this.rows<{ status: ExecutionStatus; n: number }>('child-statuses', [id, most]);
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
  }

  /** Ids of the last runs of schedules, by name, the newest first. */
  async runsOfSchedules(
    schedules: readonly { readonly name: string; readonly workflow: string }[],
    limit: number,
  ): Promise<Map<string, string[]>> {
    if (schedules.length === 0) return new Map();
    const rows = await this.rows<{ name: string; runs: string[] }>('schedule-runs', [
      schedules.map(({ name }) => name),
      schedules.map(({ workflow }) => workflow),
      limit,
    ]);
    return new Map(rows.map(({ name, runs }) => [name, runs]));
  }

  /** What was sent to a run, in the order sent. */
  async givenEvents(id: string, limit: number): Promise<GivenEvent[]> {
    const rows = await this.rows<EventRow>('given-events', [id, limit]);
    return rows.map(({ name, sent_at: sentAt, dedupe_key: dedupeKey, payload }) => ({
      name,
      sentAt,
      dedupeKey,
      payload: this.redact.payload(decode(payload)),
    }));
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.query<R>(sql(statement, this.schema), parameters);
  }
}
