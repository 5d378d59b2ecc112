import { type ColumnType, type EntitySchemaColumnOptions, EntitySchema, type ObjectLiteral } from 'typeorm';
import type { FinishedStatus } from '../core/run/status.js';
import type { WaitKind, WaitState } from '../core/run/wait-spec.js';

/** workflow_definitions */
export interface DefinitionRow {
  id: number;
  name: string;
  version: number;
  hash: string;
  definition: unknown;
  inputSchema: object | null;
  firstSeen: Date;
  lastSeen: Date;
}

/** declarations: schedules of workflows and limits of queues as processes bring them. */
export interface DeclarationRow {
  id: number;
  kind: 'schedules' | 'queue';
  subject: string;
  definitionId: number;
  hash: string;
  body: string;
  inForce: boolean;
  lastSeen: Date;
}

/** workflow_executions: the history, one row a run. */
export interface ExecutionRow {
  id: string;
  createdAt: Date;
  updatedAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  dataSeq: number;
  snapshotSeq: number;
  round: number;
  definitionId: number;
  endToken: number | null;
  status: 'active' | FinishedStatus;
  error: string | null;
  failedStep: string | null;
  snapshot: string | null;
  /** Made by the database from `error`, and what follows. */
  errorName: string | null;
  errorStatus: string | null;
  priority: number;
  workflow: string;
  queue: string;
  scheduledAt: Date | null;
  scheduleTime: Date | null;
  scheduleName: string | null;
  parentId: string | null;
  retryOf: string | null;
  idempotencyKey: string | null;
  traceparent: string | null;
  tags: Record<string, string> | null;
  input: string;
}

/** workflow_queue: unfinished runs, and steps that stand in another queue than their run. */
export interface QueueRow {
  id: string;
  stepOf: string | null;
  createdAt: Date;
  /** Infinity: something else than time wakes it. */
  dueAt: Date | number;
  deadlineAt: Date | null;
  startedAt: Date | null;
  progressSeq: number;
  heard: number;
  definitionId: number;
  priority: number;
  token: number;
  workerId: number | null;
  recoveries: number;
  ageingMs: number | null;
  paused: boolean;
  wake: boolean;
  watched: boolean;
  compensating: boolean;
  state: 'ready' | 'running' | 'sleeping' | 'blocked';
  queue: string;
  limitKey: string | null;
  step: string | null;
  because: 'retry' | 'wait' | 'child' | 'step' | null;
  cancel: string | null;
  /** Made by the database from the columns above: the order of claims. */
  rank: number;
}

/** queue_settings */
export interface QueueSettingsRow {
  queue: string;
  pausedAt: Date | null;
  globalConcurrency: number | null;
  rateLimit: number | null;
  ratePeriodMs: number | null;
  rateCounts: 'runs' | 'attempts';
  priorityAgeingMs: number | null;
  updatedAt: Date;
}

/** queue_rates: first claims of rate-limited queues. */
export interface QueueRateRow {
  queue: string;
  endsAt: Date;
  n: number;
}

/** step_executions: the journal, one row a finished attempt or `once`. */
export interface StepRow {
  runId: string;
  seq: number;
  inputSeq: number;
  completedAt: Date;
  retryAt: Date | null;
  token: number;
  round: number;
  visit: number;
  attempt: number;
  durationMs: number;
  inputItem: number | null;
  type: string;
  status: 'completed' | 'failed';
  path: string;
  facts: string | null;
  output: string | null;
  error: string | null;
  logs: string | null;
  afterSeq: number | null;
  nth: number | null;
}

/** waits: what steps wait for, open and closed. */
export interface WaitEntityRow {
  runId: string;
  id: string;
  createdAt: Date;
  closedAt: Date | null;
  dueAt: Date | null;
  ended: number | null;
  inputSeq: number;
  childId: string | null;
  inputItem: number | null;
  round: number;
  visit: number;
  attempt: number;
  active: boolean;
  state: WaitState;
  kind: WaitKind;
  type: string;
  path: string;
  key: string;
  names: string[];
  spec: string | null;
  result: string | null;
}

/** events: the mailbox. */
export interface EventRow {
  runId: string;
  id: number;
  sentAt: Date;
  waitId: string | null;
  unmatched: boolean;
  name: string;
  dedupeKey: string | null;
  request: string | null;
  traceparent: string | null;
  payload: string;
}

/** scheduled_workflows */
export interface ScheduledWorkflowRow {
  name: string;
  id: string;
  workflow: string;
  fromCode: boolean;
  cron: string;
  timezone: string;
  input: string;
  queue: string | null;
  overlap: string;
  catchUp: string;
  catchUpWindow: number;
  catchUpLimit: number;
  declared: string;
  overridden: string[];
  enabled: boolean;
  nextRunAt: Date | null;
  lastRunAt: Date | null;
  lastError: string | null;
  lastErrorAt: Date | null;
  consecutiveFailures: number;
  autoDisabledAt: Date | null;
  removedAt: Date | null;
  openRuns: string[];
  createdAt: Date;
  updatedAt: Date;
}

/** workers: one row a process. */
export interface WorkerRow {
  id: number;
  host: string;
  pid: number;
  processKey: string | null;
  processStart: string | null;
  version: string;
  queues: string[];
  definitions: number[];
  declarations: number[];
  sessionName: string | null;
  startedAt: Date;
  seenAt: Date;
  expiresAt: Date;
  deadAt: Date | null;
  inFlight: string;
  /** Places by queue. */
  capacity: Record<string, number>;
  listening: boolean;
}

/** audit: who did what. */
export interface AuditEntityRow {
  id: string;
  at: Date;
  actor: string | null;
  action: string;
  targetKind: string | null;
  targetId: string | null;
  outcome: 'done' | 'refused' | 'failed';
  code: string | null;
  details: unknown;
  ip: string | null;
}

/** run_stats: figures of ended runs over time. */
export interface RunStatsRow {
  grain: number;
  at: Date;
  workflow: string;
  outcome: FinishedStatus;
  error: string;
  n: number;
  ms: number;
  buckets: number[];
  counts: number[];
  delayBuckets: number[];
  delayCounts: number[];
}

export interface Entities {
  readonly definitions: EntitySchema<DefinitionRow>;
  readonly declarations: EntitySchema<DeclarationRow>;
  readonly executions: EntitySchema<ExecutionRow>;
  readonly queue: EntitySchema<QueueRow>;
  readonly queueSettings: EntitySchema<QueueSettingsRow>;
  readonly queueRates: EntitySchema<QueueRateRow>;
  readonly steps: EntitySchema<StepRow>;
  readonly waits: EntitySchema<WaitEntityRow>;
  readonly events: EntitySchema<EventRow>;
  readonly schedules: EntitySchema<ScheduledWorkflowRow>;
  readonly workers: EntitySchema<WorkerRow>;
  readonly audit: EntitySchema<AuditEntityRow>;
  readonly runStats: EntitySchema<RunStatsRow>;
}

/**
 * The tables as TypeORM entities, for reads. Made for each schema, since its name is an option. The migrations own
 * the tables: `synchronize: false` keeps a host's `synchronize: true` from dropping our partial indexes and CHECKs,
 * which TypeORM cannot describe.
 */
export function createEntities(schema: string): Entities {
  const entity = <Row extends ObjectLiteral>(tableName: string, columns: Columns<Row>) =>
    new EntitySchema<Row>({ name: `${tableName}_${schema}`, tableName, schema, synchronize: false, columns });
  return {
    definitions: entity<DefinitionRow>('workflow_definitions', {
      id: identity,
      name: column('text'),
      version: column('integer'),
      hash: column('text'),
      definition: column('json'),
      inputSchema: optional('json', 'input_schema'),
      firstSeen: column('timestamptz', 'first_seen', { default: () => 'now()' }),
      lastSeen: column('timestamptz', 'last_seen', { default: () => 'now()' }),
    }),
    declarations: entity<DeclarationRow>('declarations', {
      id: identity,
      kind: column('text'),
      subject: column('text'),
      definitionId: column('integer', 'definition_id'),
      hash: column('text'),
      body: column('text'),
      inForce: column('boolean', 'in_force', { default: false }),
      lastSeen: column('timestamptz', 'last_seen', { default: () => 'now()' }),
    }),
    executions: entity<ExecutionRow>('workflow_executions', {
      id: column('uuid', 'id', { primary: true }),
      createdAt: column('timestamptz', 'created_at'),
      updatedAt: column('timestamptz', 'updated_at'),
      startedAt: optional('timestamptz', 'started_at'),
      completedAt: optional('timestamptz', 'completed_at'),
      dataSeq: column('bigint', 'data_seq', { default: 0 }),
      snapshotSeq: column('bigint', 'snapshot_seq', { default: 0 }),
      round: column('integer', 'round', { default: 1 }),
      definitionId: column('integer', 'definition_id'),
      endToken: optional('integer', 'end_token'),
      status: column('text', 'status', { default: 'active' }),
      error: optional('text'),
      failedStep: optional('text', 'failed_step'),
      snapshot: optional('text'),
      errorName: column('text', 'error_name', { nullable: true, insert: false, update: false }),
      errorStatus: column('text', 'error_status', { nullable: true, insert: false, update: false }),
      priority: column('integer'),
      workflow: column('text'),
      queue: column('text'),
      scheduledAt: optional('timestamptz', 'scheduled_at'),
      scheduleTime: optional('timestamptz', 'schedule_time'),
      scheduleName: optional('text', 'schedule_name'),
      parentId: optional('uuid', 'parent_id'),
      retryOf: optional('uuid', 'retry_of'),
      idempotencyKey: optional('text', 'idempotency_key'),
      traceparent: optional('text'),
      tags: optional('jsonb'),
      input: column('text'),
    }),
    queue: entity<QueueRow>('workflow_queue', {
      id: column('uuid', 'id', { primary: true }),
      stepOf: optional('uuid', 'step_of'),
      createdAt: column('timestamptz', 'created_at'),
      dueAt: column('timestamptz', 'due_at'),
      deadlineAt: optional('timestamptz', 'deadline_at'),
      startedAt: optional('timestamptz', 'started_at'),
      progressSeq: column('bigint', 'progress_seq', { default: 0 }),
      heard: column('bigint', 'heard', { default: 0 }),
      definitionId: column('integer', 'definition_id'),
      priority: column('integer'),
      token: column('integer', 'token', { default: 0 }),
      workerId: optional('integer', 'worker_id'),
      recoveries: column('smallint', 'recoveries', { default: 0 }),
      ageingMs: optional('integer', 'ageing_ms'),
      paused: column('boolean', 'paused', { default: false }),
      wake: column('boolean', 'wake', { default: false }),
      watched: column('boolean', 'watched', { default: false }),
      compensating: column('boolean', 'compensating', { default: false }),
      state: column('text'),
      queue: column('text'),
      limitKey: optional('text', 'limit_key'),
      step: optional('text'),
      because: optional('text'),
      cancel: optional('text'),
      rank: column('bigint', 'rank', { insert: false, update: false }),
    }),
    queueSettings: entity<QueueSettingsRow>('queue_settings', {
      queue: column('text', 'queue', { primary: true }),
      pausedAt: optional('timestamptz', 'paused_at'),
      globalConcurrency: optional('integer', 'global_concurrency'),
      rateLimit: optional('integer', 'rate_limit'),
      ratePeriodMs: optional('bigint', 'rate_period_ms'),
      rateCounts: column('text', 'rate_counts', { default: 'runs' }),
      priorityAgeingMs: optional('integer', 'priority_ageing_ms'),
      updatedAt: column('timestamptz', 'updated_at', { default: () => 'now()' }),
    }),
    queueRates: entity<QueueRateRow>('queue_rates', {
      queue: column('text', 'queue', { primary: true }),
      endsAt: column('timestamptz', 'ends_at', { primary: true }),
      n: column('integer'),
    }),
    steps: entity<StepRow>('step_executions', {
      runId: column('uuid', 'run_id', { primary: true }),
      seq: column('bigint', 'seq', { primary: true }),
      inputSeq: column('bigint', 'input_seq'),
      completedAt: column('timestamptz', 'completed_at'),
      retryAt: optional('timestamptz', 'retry_at'),
      token: column('integer'),
      round: column('integer'),
      visit: column('integer'),
      attempt: column('integer'),
      durationMs: column('integer', 'duration_ms'),
      inputItem: optional('integer', 'input_item'),
      type: column('text'),
      status: column('text'),
      path: column('text'),
      facts: optional('text'),
      output: optional('text'),
      error: optional('text'),
      logs: optional('text'),
      afterSeq: optional('bigint', 'after_seq'),
      nth: optional('bigint'),
    }),
    waits: entity<WaitEntityRow>('waits', {
      runId: column('uuid', 'run_id', { primary: true }),
      id: column('uuid', 'id', { primary: true }),
      createdAt: column('timestamptz', 'created_at'),
      closedAt: optional('timestamptz', 'closed_at'),
      dueAt: optional('timestamptz', 'due_at'),
      ended: optional('bigint'),
      inputSeq: column('bigint', 'input_seq'),
      childId: optional('uuid', 'child_id'),
      inputItem: optional('integer', 'input_item'),
      round: column('integer'),
      visit: column('integer'),
      attempt: column('integer'),
      active: column('boolean', 'active', { default: true }),
      state: column('text', 'state', { default: 'open' }),
      kind: column('text'),
      type: column('text'),
      path: column('text'),
      key: column('text'),
      names: column('text', 'names', { array: true, default: '{}' }),
      spec: optional('text'),
      result: optional('text'),
    }),
    events: entity<EventRow>('events', {
      runId: column('uuid', 'run_id', { primary: true }),
      id: column('bigint', 'id', { primary: true }),
      sentAt: column('timestamptz', 'sent_at'),
      waitId: optional('uuid', 'wait_id'),
      unmatched: column('boolean', 'unmatched', { default: false }),
      name: column('text'),
      dedupeKey: optional('text', 'dedupe_key'),
      request: optional('uuid'),
      traceparent: optional('text'),
      payload: column('text'),
    }),
    schedules: entity<ScheduledWorkflowRow>('scheduled_workflows', {
      name: column('text', 'name', { primary: true }),
      id: column('uuid'),
      workflow: column('text'),
      fromCode: column('boolean', 'from_code'),
      cron: column('text'),
      timezone: column('text'),
      input: column('text'),
      queue: optional('text'),
      overlap: column('text'),
      catchUp: column('text', 'catch_up'),
      catchUpWindow: column('bigint', 'catch_up_window'),
      catchUpLimit: column('integer', 'catch_up_limit'),
      declared: column('text'),
      overridden: column('text', 'overridden', { array: true, default: '{}' }),
      enabled: column('boolean'),
      nextRunAt: optional('timestamptz', 'next_run_at'),
      lastRunAt: optional('timestamptz', 'last_run_at'),
      lastError: optional('text', 'last_error'),
      lastErrorAt: optional('timestamptz', 'last_error_at'),
      consecutiveFailures: column('integer', 'consecutive_failures', { default: 0 }),
      autoDisabledAt: optional('timestamptz', 'auto_disabled_at'),
      removedAt: optional('timestamptz', 'removed_at'),
      openRuns: column('uuid', 'open_runs', { array: true, default: '{}' }),
      createdAt: column('timestamptz', 'created_at'),
      updatedAt: column('timestamptz', 'updated_at'),
    }),
    workers: entity<WorkerRow>('workers', {
      id: identity,
      host: column('text'),
      pid: column('integer'),
      processKey: optional('text', 'process_key'),
      processStart: optional('text', 'process_start'),
      version: column('text'),
      queues: column('text', 'queues', { array: true }),
      definitions: column('integer', 'definitions', { array: true }),
      declarations: column('integer', 'declarations', { array: true, default: '{}' }),
      sessionName: optional('text', 'session_name'),
      startedAt: column('timestamptz', 'started_at', { default: () => 'now()' }),
      seenAt: column('timestamptz', 'seen_at', { default: () => 'now()' }),
      expiresAt: column('timestamptz', 'expires_at'),
      deadAt: optional('timestamptz', 'dead_at'),
      inFlight: column('text', 'in_flight', { default: '[]' }),
      capacity: column('json', 'capacity', { default: '{}' }),
      listening: column('boolean', 'listening', { default: false }),
    }),
    audit: entity<AuditEntityRow>('audit', {
      id: column('uuid', 'id', { primary: true }),
      at: column('timestamptz'),
      actor: optional('text'),
      action: column('text'),
      targetKind: optional('text', 'target_kind'),
      targetId: optional('text', 'target_id'),
      outcome: column('text'),
      code: optional('text'),
      details: optional('json'),
      ip: optional('text'),
    }),
    runStats: entity<RunStatsRow>('run_stats', {
      grain: column('smallint', 'grain', { primary: true }),
      at: column('timestamptz', 'at', { primary: true }),
      workflow: column('text', 'workflow', { primary: true }),
      outcome: column('text', 'outcome', { primary: true }),
      error: column('text', 'error', { primary: true }),
      n: column('bigint'),
      ms: column('bigint'),
      buckets: column('smallint', 'buckets', { array: true }),
      counts: column('integer', 'counts', { array: true }),
      delayBuckets: column('smallint', 'delay_buckets', { array: true }),
      delayCounts: column('integer', 'delay_counts', { array: true }),
    }),
  };
}

type Columns<Row> = { [Property in keyof Row]-?: EntitySchemaColumnOptions };

const identity: EntitySchemaColumnOptions = { type: 'integer', primary: true, generated: 'increment' };

/** NOT NULL; without a name the column is called like the property. */
function column(
  type: ColumnType,
  name?: string,
  more: Partial<EntitySchemaColumnOptions> = {},
): EntitySchemaColumnOptions {
  return { type, ...(name === undefined ? {} : { name }), ...more };
}

function optional(type: ColumnType, name?: string): EntitySchemaColumnOptions {
  return column(type, name, { nullable: true });
}
