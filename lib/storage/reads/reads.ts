import { stepNameOf } from '../../core/definition/definition-path.js';
import { toMermaid } from '../../core/definition/definition-mermaid.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { ExecutionNotFoundError } from '../../core/errors/errors.js';
import type {
  Execution,
  ExecutionCounts,
  InFlight,
  RunFilters,
  RunListFilters,
  RunMark,
  SentEvent,
  StepRecord,
  WorkflowSummary,
  WorkflowVersion,
} from '../../core/run/execution.js';
import type { Redaction } from '../../core/redact/redact.js';
import { type ExecutionStatus, isFinished } from '../../core/run/status.js';
import { AttemptLogs, type LogRow } from './log-rows.js';
import { byIdsQuery, countQuery, oneQuery, type Pieces } from './run-query.js';
import { behindOf, RunPages } from './run-pages.js';
import { RunStarts, type Starts } from './run-starts.js';
import type { BuiltQuery } from './run-sources.js';
import {
  ALL_STEPS,
  type Payloads,
  type RecordRow,
  redactStep,
  type RunRow,
  type StepPage,
  type StepWaitRow,
  toExecution,
  toSteps,
} from './run-rows.js';
import { noCounts, RunTotals } from './totals.js';
import { LOOKED_AT } from './run-stretch.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

export interface ReadsOptions {
  readonly query: Query;
  readonly schema: string;
  /** Attempts of this process, known at once; those of other processes come with their heartbeats. */
  readonly inFlight: (runId?: string) => readonly InFlight[];
  /** Number of this process as a worker: what it has published is older than what it knows. 0: it is none. */
  readonly workerId: () => number;
  /** Redaction of payloads, errors and logs. */
  readonly redact: Redaction;
  /** Runs that one look at history goes through at most. Default: 10 000. */
  readonly lookedAt?: number;
}

/** Some of the runs that fit. */
export interface RunPage {
  readonly runs: Execution[];
  /** Place of each of these. */
  readonly marks: readonly RunMark[];
  /** There are fewer than were asked for since it was not looked further than to this time; null: as many, or there are no more. */
  readonly lookedTo: Date | null;
  /** Where the next page goes on, as `behind`; null: there are fewer than were asked for. */
  readonly next: RunMark | null;
}

/** Ids of some of the runs that fit, and where the next page goes on. */
export interface IdPage {
  readonly ids: string[];
  readonly next: RunMark | null;
}

interface WorkflowRow {
  readonly name: string;
  readonly version: number;
  readonly definition: WorkflowDefinition;
  readonly input_schema: object | null;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly last_run: string | null;
}

/** Reads of clients. Nothing here locks or waits. */
export class PgReads {
  private readonly totals: RunTotals;
  private readonly pages: RunPages;

  constructor(private readonly options: ReadsOptions) {
    this.totals = new RunTotals(options);
    this.pages = new RunPages(options.query, options.schema, options.lookedAt);
  }

  /** A run with its payloads; null: there is none of that id. */
  async getExecution(id: string): Promise<Execution | null> {
    const [row] = await this.query<RunRow & Payloads>(oneQuery(this.options.schema, id));
    if (row === undefined) return null;
    return toExecution(row, row, await this.running([row]), this.options.redact);
  }

  /** Runs, with their payloads where `includeData` says so. @throws ExecutionNotFoundError when there is none that `before` or `after` names */
  async listExecutions(filters: RunListFilters = {}): Promise<Execution[]> {
    return this.found(filters, await this.pages.list(filters));
  }

  /**
   * The same, of what no index has too: so many runs are looked at for a page, which may then have fewer than it could, or none,
   * and says how far it has looked.
   * @throws ExecutionNotFoundError
   */
  async page(filters: RunListFilters): Promise<RunPage> {
    const { rows, lookedTo } = await this.pages.page(filters);
    const marks = rows.map(({ id, at }) => ({ id, at }));
    return { runs: await this.found(filters, rows), marks, lookedTo, next: behindOf(rows, filters) };
  }

  /** The ids of runs, in the order of the list. */
  async listIds(filters: Omit<RunListFilters, 'before' | 'after'>): Promise<IdPage> {
    const rows = await this.pages.ids(filters);
    return { ids: rows.map(({ id }) => id), next: behindOf(rows, filters) };
  }

  private async found({ before, after, includeData = false }: RunListFilters, rows: RunRow[]): Promise<Execution[]> {
    if (rows.length === 0) await this.mustExist(before, after);
    return this.executions(rows, includeData);
  }

  /** The runs that a run has started, in the order of their starts; all, without `limit`. @throws ExecutionNotFoundError */
  async listChildren(id: string, filters: Pick<RunListFilters, 'status' | 'limit' | 'after'>): Promise<Execution[]> {
    const { status, limit = Number.MAX_SAFE_INTEGER, after } = filters;
    const children = await this.listExecutions({ status, after, parentId: id, order: 'asc', limit });
    if (children.length === 0) await this.mustExist(id);
    return children;
  }

  async countExecutions(filters: RunFilters = {}): Promise<number> {
    const built = countQuery(this.options.schema, filters);
    if (built === null) return 0;
    const [row] = await this.query<{ count: number }>(built);
    return row?.count ?? 0;
  }

  /** The runs with these ids that exist, without payloads, in no order. */
  async byIds(ids: readonly string[]): Promise<Execution[]> {
    return ids.length === 0 ? [] : this.executions(await this.query(byIdsQuery(this.options.schema, ids)));
  }

  /** Counts the runs that fit, up to `most`, and as `page()` does among so many of the newest: then there may be more. */
  countUpTo(filters: RunListFilters, most: number): Promise<{ n: number; more: boolean }> {
    return this.pages.countUpTo(filters, most);
  }

  /** How many of the runs that fit were started in each piece, and of these have a status of `failures`. */
  startsOver(filters: RunListFilters, pieces: Pieces, failures: readonly ExecutionStatus[]): Promise<Starts> {
    const { query, schema, lookedAt = LOOKED_AT } = this.options;
    return new RunStarts(query, schema, lookedAt).over(filters, pieces, failures);
  }

  executionCounts(): Promise<ExecutionCounts> {
    return this.totals.all();
  }

  /** The attempts of a run, in order; null: there is none of that id. */
  async getSteps(id: string, page: StepPage = ALL_STEPS): Promise<StepRecord[] | null> {
    const [source] = await this.rows<{ input: string; leased: boolean }>('steps-source', [id]);
    if (source === undefined) return null;
    // The attempts before the records: one that ends in between is then shown as ended, not twice and not left out.
    const running = source.leased ? await this.inFlight([id]) : [];
    const waits = await this.rows<StepWaitRow>('get-step-waits', [id]);
    const records = await this.rows<RecordRow>('get-steps', [id, page.includeData]);
    return toSteps(source.input, records, running, waits, page).map((step) => redactStep(step, this.options.redact));
  }

  /** Log lines of a run, by attempt; null: no run has that id. */
  async getLogs(id: string): Promise<AttemptLogs | null> {
    const rows = await this.rows<LogRow>('get-logs', [id]);
    return rows.length === 0 ? null : new AttemptLogs(rows, this.options.redact);
  }

  async listWorkflows(): Promise<WorkflowSummary[]> {
    const [rows, totals] = await Promise.all([this.rows<WorkflowRow>('list-workflows', []), this.totals.totals()]);
    const ids = rows.flatMap((row) => row.last_run ?? []);
    const runs = ids.length === 0 ? [] : await this.executions(await this.query(byIdsQuery(this.options.schema, ids)));
    const lastRuns = new Map(runs.map((run) => [run.id, run]));
    return rows.map((row) => ({
      name: row.name,
      description: row.definition.description,
      queue: row.definition.queue,
      version: row.version,
      firstSeen: row.first_seen,
      lastSeen: row.last_seen,
      graph: row.definition,
      inputSchema: row.input_schema,
      mermaid: toMermaid(row.definition),
      totals: totals.get(row.name) ?? noCounts(),
      lastRun: lastRuns.get(row.last_run ?? '') ?? null,
    }));
  }

  /** Of these runs those that were retried, each with the id of its last retry. */
  async retried(ids: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.rows<{ id: string; retry: string }>('retried-runs', [ids]);
    return new Map(rows.map(({ id, retry }) => [id, retry]));
  }

  /** The database's time. */
  async now(): Promise<Date> {
    const [row] = await this.rows<{ now: Date }>('clock', []);
    return row?.now ?? new Date();
  }

  /** The mailbox of a run, in the order sent. @throws ExecutionNotFoundError */
  async listEvents(id: string, { unmatched, after, limit }: EventPage): Promise<SentEvent[]> {
    const rows = await this.rows<EventRow>('list-events', [id, unmatched, after, limit]);
    if (rows.length === 0) await this.mustExist(id);
    return rows.map(({ path, sent_at, dedupe_key, ...row }) => ({
      ...row,
      sentAt: sent_at,
      dedupeKey: dedupe_key,
      wait: path === null ? null : { step: stepNameOf(path), path },
    }));
  }

  /** The stored definitions of a workflow, the newest version first. */
  async listVersions(workflow: string): Promise<WorkflowVersion[]> {
    return (await this.versions(workflow)).get(workflow) ?? [];
  }

  /** By workflow, the newest first. @param workflow null: all */
  async versions(workflow: string | null): Promise<Map<string, WorkflowVersion[]>> {
    const found = new Map<string, WorkflowVersion[]>();
    const [rows, open] = await Promise.all([
      this.rows<VersionRow>('list-versions', [workflow]),
      this.totals.unfinished(),
    ]);
    for (const row of rows) {
      const { version, first_seen: firstSeen, last_seen: lastSeen, workers } = row;
      const mine = open.filter((one) => one.workflow === row.name && one.version === version);
      const unfinished = mine.reduce((sum, { n }) => sum + n, 0);
      const list = found.get(row.name) ?? [];
      list.push({ version, firstSeen, lastSeen, unfinished, workers });
      found.set(row.name, list);
    }
    return found;
  }

  /** Of the attempts of each step over some runs. @returns median of those that completed, ms; share of those that failed */
  async stepFigures(ids: readonly string[]): Promise<{ path: string; p50: number | null; failRate: number }[]> {
    if (ids.length === 0) return [];
    const rows = await this.rows<{ path: string; p50: number | null; fail_rate: number }>('step-figures', [
      ids,
      MOST_RECORDS,
    ]);
    return rows.map(({ path, p50, fail_rate: failRate }) => ({ path, p50, failRate }));
  }

  /** The attempts of runs that run now, as far as processes have said. */
  attemptsOf(ids: readonly string[]): Promise<InFlight[]> {
    return this.inFlight(ids);
  }

  private async mustExist(...ids: readonly (string | undefined)[]): Promise<void> {
    for (const id of ids) {
      if (id !== undefined && (await this.rows('run-status', [id])).length === 0) throw new ExecutionNotFoundError(id);
    }
  }

  private async executions(rows: readonly RunRow[], withPayloads = false): Promise<Execution[]> {
    const running = await this.running(rows);
    return rows.map((row) => {
      const payloads = withPayloads ? (row as RunRow & Payloads) : null;
      return toExecution(row, payloads, running, this.options.redact);
    });
  }

  /** The attempts of those of the runs that may have some: not asked for where none is unfinished. */
  private async running(rows: readonly RunRow[]): Promise<InFlight[]> {
    const ids = rows.filter((row) => row.begun && !isFinished(row.status)).map((row) => row.id);
    return ids.length === 0 ? [] : this.inFlight(ids);
  }

  private async inFlight(ids: readonly string[]): Promise<InFlight[]> {
    const published = await this.rows<{ in_flight: string }>('in-flight', [ids, this.options.workerId()]);
    const wanted = new Set(ids);
    const own = ids.length === 1 ? this.options.inFlight(ids[0]) : this.options.inFlight();
    return [...own, ...published.flatMap((row) => parseInFlight(row.in_flight))].filter((one) => wanted.has(one.runId));
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.query<R>({ text: sql(statement, this.options.schema), parameters });
  }

  private query<R extends object>({ text, parameters }: BuiltQuery): Promise<R[]> {
    return this.options.query<R>(text, parameters);
  }
}

/** Page of a mailbox's events. */
export interface EventPage {
  /** Only those that no wait has taken. */
  readonly unmatched: boolean;
  /** Events sent after the one with this id; '0': all. */
  readonly after: string;
  readonly limit: number;
}

interface EventRow {
  readonly id: string;
  readonly name: string;
  readonly sent_at: Date;
  readonly dedupe_key: string | null;
  readonly path: string | null;
}

/** Of a run that are counted in the figures of its steps. */
const MOST_RECORDS = 1_000;

interface VersionRow {
  readonly name: string;
  readonly version: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly workers: number;
}

/** Attempts that another process has published; another version of it may write them in another way. */
function parseInFlight(text: string): InFlight[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(isInFlight) : [];
  } catch {
    return [];
  }
}

function isInFlight(value: unknown): value is InFlight {
  if (typeof value !== 'object' || value === null) return false;
  const { runId, step, path, startedAt } = value as Partial<Record<keyof InFlight, unknown>>;
  return [runId, step, path].every((field) => typeof field === 'string') && typeof startedAt === 'number';
}
