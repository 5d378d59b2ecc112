import { stepNameOf } from '../../core/definition/definition-path.js';
import { endKind, errorOf, eventIds, type EventRecord, redactEvent } from '../../core/run/events.js';
import type { Redaction } from '../../core/redact/redact.js';
import type { FinishedStatus } from '../../core/run/status.js';
import type { WaitKind } from '../../core/run/wait-spec.js';
import { sql } from '../sql.js';
import { type Lender, type Query, queryOf } from '../connection/transaction.js';

/** Pages of history that one statement reads: some 20 ms. */
const PAGES = 4_096;

/** Reads of past events from the tables, for notifications that did not arrive. */
export class PgEventReads {
  private readonly query: Query;

  constructor(
    pool: Lender,
    private readonly schema: string,
    /** Redaction of the errors in events. */
    private readonly redact: Redaction,
  ) {
    this.query = queryOf(pool);
  }

  /** Database time, ms. */
  async now(): Promise<number> {
    const [row] = await this.query<{ now: Date }>(sql('clock', this.schema), []);
    return row?.now.getTime() ?? NaN;
  }

  async workflowsOf(runs: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.query<{ id: string; workflow: string }>(sql('run-workflows', this.schema), [runs]);
    return new Map(rows.map(({ id, workflow }) => [id, workflow]));
  }

  /** Of single runs, each since a time of its own (ms of database time). */
  async ofRuns(runs: readonly { readonly id: string; readonly since: number }[]): Promise<EventRecord[]> {
    const rows = await this.query<EventRow>(sql('run-events', this.schema), [JSON.stringify(runs)]);
    return this.told(rows);
  }

  /**
   * The latest of all runs, from the last so many ms. Reads the whole history, so many pages at a time that each statement
   * is a short one. Runs that change meanwhile may be left out: that is heard of.
   */
  async ofHistory(ms: number, limit: number, pagesAtATime = PAGES): Promise<EventRecord[]> {
    const since = (await this.now()) - ms;
    const [history] = await this.query<{ pages: number }>(sql('history-pages', this.schema), []);
    let rows = await this.query<EventRow>(sql('begun-events', this.schema), [since, limit]);
    for (let end = history?.pages ?? 0; end > 0; end -= pagesAtATime) {
      const stretch = [since, limit, Math.max(0, end - pagesAtATime), end];
      const found = await this.query<EventRow>(sql('history-events', this.schema), stretch);
      rows = [...rows, ...found].toSorted((a, b) => a.at - b.at).slice(-limit);
    }
    return this.told(rows);
  }

  /** Workers that were declared dead in the last so many ms, and for how long each had not been seen. */
  deadSince(ms: number): Promise<{ id: number; unseenMs: number }[]> {
    return this.query<{ id: number; unseenMs: number }>(sql('dead-since', this.schema), [ms]);
  }

  private told(rows: readonly EventRow[]): EventRecord[] {
    return rows.map((row) => redactEvent(eventOf(row), this.redact));
  }
}

interface EventRow {
  readonly run: string;
  readonly workflow: string;
  readonly what:
    | 'started'
    | 'ended'
    | 'waiting'
    | 'paused'
    | 'compensating'
    | 'step'
    | 'step_waiting'
    | 'requested'
    | 'provided'
    | 'received';
  readonly at: number;
  readonly key: string;
  readonly name: string | null;
  readonly path: string | null;
  readonly type: string | null;
  readonly status: string | null;
  readonly round: number | null;
  readonly visit: number | null;
  readonly attempt: number | null;
  readonly duration_ms: number | null;
  readonly retry_at: number | null;
  readonly error: string | null;
  readonly waits: { kind: WaitKind; names: string[] }[] | null;
}

function eventOf(row: EventRow): EventRecord {
  const { run, key, path } = row;
  const of = { executionId: run, workflow: row.workflow, time: row.at };
  const error = errorOf(row.error);
  const step = path === null ? {} : { step: stepNameOf(path), path };
  const at = { ...step, round: row.round ?? 1, visit: row.visit ?? 1, attempt: row.attempt ?? 1 };
  switch (row.what) {
    case 'started':
      return { id: eventIds.started(run), kind: 'workflow_started', ...of };
    case 'ended': {
      const status = row.status as FinishedStatus;
      return { id: eventIds.ended(run, status), kind: endKind(status), ...of, ...error };
    }
    case 'waiting':
    case 'paused':
      return {
        id: eventIds.lease(run, row.what, Number(key)),
        kind: `workflow_${row.what}`,
        ...of,
        ...(row.what === 'paused' ? error : {}),
      };
    case 'compensating': {
      const round = row.round ?? 1;
      return { id: eventIds.compensating(run, round), kind: 'workflow_compensating', ...of, round };
    }
    case 'step': {
      const done = { ...of, ...at, type: row.type ?? '', durationMs: row.duration_ms ?? 0 };
      const id = eventIds.record(run, Number(key));
      if (row.status === 'completed') return { id, kind: 'step_completed', ...done };
      return { id, kind: 'step_failed', ...done, retryAt: row.retry_at, ...error };
    }
    case 'step_waiting':
      return {
        id: eventIds.wait(run, key, 'waiting'),
        kind: 'step_waiting',
        ...of,
        ...at,
        type: row.type ?? '',
        waits: row.waits ?? [],
      };
    case 'requested':
    case 'provided':
      return {
        id: eventIds.wait(run, key, row.what),
        kind: `input_${row.what}`,
        ...of,
        ...step,
        inputId: key,
        inputName: row.name ?? '',
      };
    case 'received':
      return { id: eventIds.received(run, key), kind: 'event_received', ...of, eventName: row.name ?? '' };
  }
}
