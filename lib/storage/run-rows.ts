import { decode } from '../core/codec.js';
import type { Execution, InFlight, StepRecord } from '../core/execution.js';
import { stepNameOf } from '../core/definition-path.js';
import type { ExecutionStatus } from '../core/status.js';
import type { StoredError } from '../core/stored-error.js';

/** A run as the queries of run-query.ts and get-execution.sql give it. */
export interface RunRow {
  readonly id: string;
  readonly workflow: string;
  readonly stored_status: string;
  readonly queue: string;
  readonly priority: number;
  readonly error: string | null;
  readonly parent_id: string | null;
  readonly retry_of: string | null;
  readonly tags: Record<string, string> | null;
  readonly round: number;
  readonly scheduled_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly completed_at: Date | null;
  readonly started_at: Date | null;
  readonly snapshot: string | null;
  readonly state: 'ready' | 'running' | 'sleeping' | 'blocked' | null;
  readonly paused: boolean | null;
  readonly begun: boolean;
}

export interface RecordRow {
  readonly seq: number | string;
  readonly input_seq: number | string;
  readonly completed_at: Date;
  readonly round: number;
  readonly visit: number;
  readonly attempt: number;
  readonly duration_ms: number;
  readonly type: string;
  readonly status: 'completed' | 'failed';
  readonly path: string;
  readonly output: string | null;
  readonly error: string | null;
}

/** History says 'active' of every unfinished run; what it does now is in its row of the queue. */
export function statusOf(row: Pick<RunRow, 'stored_status' | 'state' | 'paused' | 'begun'>): ExecutionStatus {
  if (row.stored_status !== 'active') return row.stored_status as ExecutionStatus;
  if (row.state === 'running') return 'running';
  if (row.paused === true) return 'paused';
  return row.state === 'sleeping' && row.begun ? 'waiting' : 'pending';
}

export function toExecution(row: RunRow, payloads: Payloads | null, running: readonly InFlight[]): Execution {
  const status = statusOf(row);
  return {
    id: row.id,
    workflow: row.workflow,
    status,
    queue: row.queue,
    priority: row.priority,
    input: payloads === null ? undefined : decode(payloads.input),
    data: payloads === null ? undefined : decode(payloads.data ?? payloads.input),
    error: row.error === null ? null : (decode(row.error) as StoredError),
    currentSteps: currentSteps(row, running),
    parentId: row.parent_id,
    retryOf: row.retry_of,
    tags: row.tags ?? {},
    round: row.round,
    pauseRequested: status === 'running' && row.paused === true,
    scheduledAt: row.scheduled_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    compensatedAt: null,
    compensationResults: [],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export interface Payloads {
  readonly input: string;
  /** Null: the input is the data. */
  readonly data: string | null;
}

/** The steps that run now; where nothing is known to run, the place that the run was suspended at. */
function currentSteps(row: RunRow, running: readonly InFlight[]): string[] {
  if (row.stored_status !== 'active') return [];
  const names = running.filter((attempt) => attempt.runId === row.id).map((attempt) => attempt.step);
  if (names.length > 0) return [...new Set(names)];
  const node = row.snapshot === null ? null : standsAt(row.snapshot);
  return node === null ? [] : [node];
}

/** The node in a snapshot that may be of another version of this package. */
function standsAt(snapshot: string): string | null {
  try {
    const { root } = JSON.parse(snapshot) as { root?: { node?: unknown } | null };
    return typeof root?.node === 'string' ? root.node : null;
  } catch {
    return null;
  }
}

/** The finished attempts in order, then those that run now. */
export function toSteps(input: string, records: readonly RecordRow[], running: readonly InFlight[]): StepRecord[] {
  const outputs = new Map(records.map((record) => [Number(record.seq), record.output]));
  const known = new Set(records.map(identity));
  const fresh = running.filter((attempt) => {
    const key = identity(attempt);
    return !known.has(key) && known.add(key);
  });
  return [
    ...records.map((record) => fromRecord(record, outputs.get(Number(record.input_seq)) ?? input)),
    ...fresh.toSorted((a, b) => a.startedAt - b.startedAt).map((attempt) => fromRunning(attempt, input, records)),
  ];
}

function identity(attempt: { round: number; path: string; visit: number; attempt: number }): string {
  return `${attempt.round} ${attempt.visit} ${attempt.attempt} ${attempt.path}`;
}

function fromRecord(record: RecordRow, input: string): StepRecord {
  return {
    step: stepNameOf(record.path),
    path: record.path,
    type: record.type,
    round: record.round,
    visit: record.visit,
    attempt: record.attempt,
    status: record.status,
    input: decode(input),
    output: record.output === null ? null : decode(record.output),
    error: record.error === null ? null : (decode(record.error) as StoredError),
    startedAt: new Date(record.completed_at.getTime() - record.duration_ms),
    completedAt: record.completed_at,
    durationMs: record.duration_ms,
    isCompensation: false,
    compensationFor: null,
    childId: null,
  };
}

function fromRunning(attempt: InFlight, input: string, records: readonly RecordRow[]): StepRecord {
  const before = records.findLast(
    (record) => record.round === attempt.round && record.status === 'completed' && record.output !== null,
  );
  return {
    step: attempt.step,
    path: attempt.path,
    type: attempt.type,
    round: attempt.round,
    visit: attempt.visit,
    attempt: attempt.attempt,
    status: 'running',
    input: decode(before?.output ?? input),
    output: null,
    error: null,
    startedAt: new Date(attempt.startedAt),
    completedAt: null,
    durationMs: null,
    isCompensation: false,
    compensationFor: null,
    childId: null,
  };
}
