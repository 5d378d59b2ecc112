import type { WorkflowDefinition } from '../../../../core/definition/definition.js';
import type { DurableEventKind } from '../../../../core/run/events.js';
import type { Execution, StepRecord, WorkflowSummary } from '../../../../core/run/execution.js';
import type { LogEntry } from '../../../../core/run/log-entry.js';
import type { PendingEvent, PendingInput } from '../../../../core/input/pending.js';
import type { StoredSchedule } from '../../../../core/time/schedule.js';
import type { ExecutionStatus } from '../../../../core/run/status.js';
import type { StoredError } from '../../../../core/errors/stored-error.js';

/*
 * What the API answers. The client's types on their way through JSON: dates are ISO strings, payloads are what the codec
 * writes, with its marks.
 */

export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T;

export type Status = ExecutionStatus | 'retrying';
/** ISO 8601 */
export type Iso = string;

/** A page of a list. */
export interface Page<T> {
  items: T[];
  next: string | null;
  prev: string | null;
}

/** A page of runs. Where `lookedTo` is a time it may be short: it was looked so far back, and `next` goes on. */
export interface RunsPage extends Page<RunRow> {
  lookedTo: Iso | null;
}

export interface Count {
  n: number;
  more: boolean;
}

export interface Me {
  actor: string | null;
  actions: string[];
  title: string | null;
  badge: { label: string; tone: 'plain' | 'warn' } | null;
  instance: string;
  readOnly: boolean;
  version: string;
  now: Iso;
  /** ms */
  pollInterval: number;
}

/** Why a run stands where it stands; names stand between backquotes in the texts. */
export interface Standing {
  kind: string;
  /** For a line in a list. */
  text: string;
  title: string;
  detail: string | null;
  until: Iso | null;
}

type Payloads = 'input' | 'data' | 'steps';

export type RunRow = Omit<Wire<Execution>, Payloads> & {
  standing: Standing;
  failedStep: string | null;
  version: number | null;
  /** Counted up to 10 000: then it is that many at least. */
  childCount: number;
};

export interface RestartPoint {
  step: string;
  ok: boolean;
  why?: string;
}

export type Run = RunRow & {
  input: unknown;
  data: unknown;
  graph: WorkflowDefinition | null;
  inputSchema: Schema | null;
  links: { label: string; href: string }[];
  restartPoints: RestartPoint[];
  /** Attempts that have ended, and lines that they have logged. */
  counts: { steps?: Count; logs?: Count };
};

export type StepRow = Omit<Wire<StepRecord>, 'input' | 'output' | 'logs' | 'error'> & {
  seq: number;
  inputSeq: number | null;
  error: StoredError | null;
};

/** A loop of many items, in sums. */
export interface LoopRow {
  seq: number;
  /** `recipients[]` */
  path: string;
  items: number;
  /** With those that failed. */
  done: number;
  failed: number;
  running: number;
  waiting: number;
  /** How many items ended in each 120th of the loop's time. */
  cells: { at: Iso; done: number; failed: number }[];
}

export const isLoop = (row: StepRow | LoopRow): row is LoopRow => 'cells' in row;

export interface LoopItem {
  index: number;
  state: 'completed' | 'failed' | 'running' | 'waiting' | 'pending';
  attempts: number;
  startedAt: Iso | null;
  durationMs: number | null;
  error: StoredError | null;
}

export interface StepPayloads {
  input: unknown;
  output: unknown;
  error: StoredError | null;
  logs: Wire<LogEntry>[];
}

export type LogRow = Wire<LogEntry> & { seq: number };

export interface HistoryItem {
  at: Iso;
  kind: string;
  [field: string]: unknown;
}

export interface Family {
  parents?: RunRow[];
  retryOf?: RunRow | null;
  retries?: RunRow[];
  children: Page<RunRow>;
  counts?: Partial<Record<ExecutionStatus, number>>;
}

export interface Problem {
  kind:
    | 'failures'
    | 'schedule'
    | 'queue'
    | 'unclaimable'
    | 'worker'
    | 'polling'
    | 'rollback'
    | 'migrations'
    | 'transaction';
  /** Warnings are what may become bad. */
  state: 'bad' | 'warn';
  title: string;
  detail: string | null;
  since: Iso | null;
  /** Of failures. */
  lastAt?: Iso;
  n: number | null;
  /** There may be more than `n`. */
  more?: true;
  spark: number[] | null;
  /** What it is about, where there is something. */
  target?: {
    q?: string;
    workflow?: string;
    queue?: string;
    schedule?: string;
    worker?: number;
    runId?: string;
  };
}

/** A figure and what it was in the window before. */
export interface Figure {
  now: number | null;
  before: number | null;
}

export interface Overview {
  problems: Problem[];
  figures: {
    started: Figure;
    completed: Figure;
    failed: Figure;
    /** ms */
    p50: Figure;
    p95: Figure;
    delay50: Figure;
    delay95: Figure;
    unfinished: { total: number; running: number; waiting: number; due: number; paused: number };
    /** Answers that are waited for. */
    inputs: number;
    lastFailureAt: Iso | null;
  };
  series: { at: Iso; completed: number; failed: number; other: number }[];
  latency: {
    at: Iso;
    p50: number | null;
    p95: number | null;
    delay50: number | null;
    delay95: number | null;
  }[];
  /** Whether `failures` are of the newest alone. */
  failuresCut?: boolean;
  failures: {
    workflow: string;
    step: string | null;
    error: string;
    message: string | null;
    n: number;
    lastAt: Iso;
    spark: number[];
  }[];
  queues: Queue[];
  oldestWaits: {
    kind: string;
    name: string;
    runId: string;
    workflow: string;
    since: Iso;
    timeoutAt: Iso | null;
  }[];
  workers: Worker[];
  asOf: Iso;
}

/** Starts over a window; those before `lookedTo` are too many to be looked at, and in no bucket. Null: all are counted. */
export interface Series {
  since: Iso;
  until: Iso;
  lookedTo: Iso | null;
  buckets: { at: Iso; started: number; failed: number }[];
}

export interface Queue {
  name: string;
  paused: boolean;
  pausedAt: Iso | null;
  globalConcurrency: number | null;
  rateLimit: { limit: number; period: number; counts: 'runs' | 'attempts' } | null;
  workers: number;
  running: number;
  pending: number;
  ready: number;
  limited: number;
  waiting: number;
  scheduled: number;
  pausedRuns: number;
  /** ms */
  lag: number;
  late: number;
}

export interface Worker {
  id: number;
  host: string;
  pid: number;
  version: string;
  queues: string[];
  workflows: string[];
  alive: boolean;
  held: number;
  inFlight: {
    executionId: string;
    step: string;
    path: string;
    attempt: number;
    startedAt: Iso;
  }[];
  startedAt: Iso;
  seenAt: Iso;
  expiresAt: Iso;
  capacity: Record<string, number> | null;
  /** Whether it gets notifications; polling else. */
  listening?: boolean;
  /** Workflows whose newest code it lacks. */
  behind?: string[];
}

export interface Version {
  version: number;
  firstSeen: Iso;
  lastSeen: Iso;
  workers: number;
  unfinished: number;
}

export type Workflow = Wire<WorkflowSummary> & {
  succeeded: number | null;
  p50: number | null;
  p95: number | null;
  perMinute: number | null;
  unfinished: number;
  inputSchema: Schema | null;
  versions?: Version[];
  steps?: { path: string; p50: number | null; failRate: number | null }[];
  series?: { at: Iso; completed: number; failed: number }[];
  durations?: { ms: number; n: number }[];
};

export type Input = Wire<PendingInput> & {
  /** What happens when nobody answers in time. */
  onTimeout: 'throws' | 'fails' | 'value';
};
export type WaitedEvent = Wire<PendingEvent>;

/** What was sent last for an event; nulls: nothing, or it cannot be sent again. */
export interface LastPayload {
  sentAt: Iso | null;
  payload: unknown;
}

export type Schedule = Wire<StoredSchedule> & {
  words: string | null;
  next?: Iso[];
  runs?: RunRow[];
};

export interface Preview {
  words: string | null;
  next: Iso[];
}

export interface Check {
  id: string;
  state: 'ok' | 'warn' | 'bad';
  text: string;
  mend?: string | null;
}

export interface Doctor {
  checks: Check[];
  migrations: { current: number; latest: number; pending: string[] } | null;
  tables: { name: string; rows: number; bytes: number; dead?: number }[];
  database: { version: string; schema: string };
}

export interface AuditRow {
  id: string;
  at: Iso;
  actor: string | null;
  action: string;
  targetKind: string | null;
  targetId: string | null;
  outcome: 'done' | 'refused' | 'failed';
  code: string | null;
  details: Record<string, unknown> | null;
  ip: string | null;
}

export interface BulkPreview {
  token: string;
  count: number;
  eligible: number;
  excluded: { why: string; n: number }[];
  sample: { id: string; workflow: string }[];
}

export interface BulkState {
  done: number;
  failed: number;
  total: number;
  state: 'running' | 'done' | 'stopped';
  /** Left as they were: they had changed since the preview. */
  excluded?: { why: string; n: number }[];
  errors: { id: string; code: string; message: string }[];
}

/** What the form of a start is drawn from; more of JSON Schema may be there. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
}

export interface StreamEvent {
  id: string;
  kind: DurableEventKind | 'many' | 'reset' | 'me' | 'bye' | 'queue' | 'bulk';
  data: Record<string, unknown>;
}

export type Definition = WorkflowDefinition;
export type { ExecutionStatus, StoredError };
