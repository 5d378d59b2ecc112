import { decode } from '../../core/codec/codec.js';
import type { CompensationResult, Execution, InFlight, OnceValue, StepRecord } from '../../core/run/execution.js';
import { stepNameOf } from '../../core/definition/definition-path.js';
import type { Redaction } from '../../core/redact/redact.js';
import { nameOfOnce, pathOfOnce } from '../../core/run/once-path.js';
import { type SequenceState, standingAt } from '../../core/run/run-state.js';
import { type ExecutionStatus, isFinished } from '../../core/run/status.js';
import type { StoredError } from '../../core/errors/stored-error.js';

/** A run as the queries of run-query.ts give it. */
export interface RunRow {
  readonly id: string;
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly queue: string;
  readonly priority: number;
  readonly error: string | null;
  readonly parent_id: string | null;
  readonly retry_of: string | null;
  readonly tags: Record<string, string> | null;
  readonly round: number;
  readonly version: number | null;
  readonly scheduled_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly completed_at: Date | null;
  readonly started_at: Date | null;
  readonly snapshot: string | null;
  /** True: a pause is asked for, and a worker still has the run leased; null: it has ended. */
  readonly pause_requested: boolean | null;
  readonly compensations: readonly UndoneRow[] | null;
  readonly begun: boolean;
}

/** A compensation that has ended. */
export interface UndoneRow {
  readonly path: string;
  readonly status: 'completed' | 'failed';
  readonly error: string | null;
}

/** A wait of a step, or a child that it has called. */
export interface StepWaitRow {
  readonly path: string;
  /** The kind of the step's member. */
  readonly type: string;
  readonly round: number;
  readonly visit: number;
  readonly attempt: number;
  readonly input_seq: number | string;
  readonly input_item: number | null;
  readonly state: string;
  readonly child_id: string | null;
  readonly created_at: Date;
}

export interface RecordRow {
  readonly seq: number | string;
  readonly input_seq: number | string;
  readonly input_item: number | null;
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
  /** Of an attempt that failed, and is made again. */
  readonly retry_at: Date | null;
}

export function toExecution(
  row: RunRow,
  payloads: Payloads | null,
  running: readonly InFlight[],
  redact: Redaction,
): Execution {
  const { status } = row;
  return {
    id: row.id,
    workflow: row.workflow,
    status,
    queue: row.queue,
    priority: row.priority,
    input: payloads === null ? undefined : redact.payload(decode(payloads.input)),
    data: payloads === null ? undefined : redact.payload(decode(payloads.data ?? payloads.input)),
    error: row.error === null ? null : redact.error(decode(row.error) as StoredError),
    currentSteps: currentSteps(row, running),
    parentId: row.parent_id,
    retryOf: row.retry_of,
    tags: row.tags ?? {},
    round: row.round,
    version: row.version,
    pauseRequested: row.pause_requested === true,
    scheduledAt: row.scheduled_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    compensatedAt: status === 'compensated' || status === 'compensation_failed' ? row.completed_at : null,
    compensationResults: (row.compensations ?? []).map((undone) => compensationResult(undone, redact)),
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
  if (isFinished(row.status)) return [];
  const names = running.filter((attempt) => attempt.runId === row.id).map((attempt) => attempt.step);
  if (names.length > 0) return [...new Set(names)];
  return row.snapshot === null ? [] : placesIn(row.snapshot);
}

/**
 * The places in a snapshot that may be of another version of this package. Of one that is cut off, as lists have it:
 * where its main sequence stands.
 */
function placesIn(snapshot: string): string[] {
  try {
    const { root } = JSON.parse(snapshot) as { root?: SequenceState | null };
    return root === undefined || root === null ? [] : [...new Set(standingAt(root))];
  } catch {
    const node = /^\{"round":\d+,"root":\{"node":("(?:[^"\\]|\\.)*")/.exec(snapshot)?.[1];
    return node === undefined ? [] : [JSON.parse(node) as string];
  }
}

function compensationResult({ path, status, error }: UndoneRow, redact: Redaction): CompensationResult {
  const mark = path.lastIndexOf('~');
  const result = { step: stepNameOf(path.slice(0, mark)), compensation: stepNameOf(path), status };
  return error === null ? result : { ...result, error: redact.error(decode(error) as StoredError) };
}

/** Page of a run's attempts. */
export interface StepPage {
  readonly limit: number;
  readonly offset: number;
  /** False: `input` and `output` are left undefined, and `records` have no outputs. */
  readonly includeData: boolean;
}

export const ALL_STEPS: StepPage = { limit: Infinity, offset: 0, includeData: true };

/** The finished attempts in order, then those that wait and those that run now. What is not on the page is not decoded. */
export function toSteps(
  input: string,
  records: readonly RecordRow[],
  running: readonly InFlight[],
  waits: readonly StepWaitRow[],
  { limit, offset, includeData }: StepPage,
): StepRecord[] {
  const data = new RunData(input, records);
  const steps = records.filter((record) => !DATA_ONLY.has(record.type));
  const once = onceByAttempt(records, includeData);
  const withOnce = (step: StepRecord): StepRecord => {
    const values = once.get(identity(step));
    return values === undefined ? step : { ...step, once: values };
  };
  const known = new Set(steps.map(identity));
  const fresh = running.filter((attempt) => {
    const key = identity(attempt);
    return !known.has(key) && known.add(key);
  });
  const waiting = waits.filter((wait) => {
    const key = identity(wait);
    return wait.state === 'open' && !known.has(key) && known.add(key);
  });
  const children = new Map(waits.map((wait) => [visitOf(wait), wait.child_id]));
  const shown = [
    ...steps.map((record) => () => {
      const got = includeData ? data.at(Number(record.input_seq), record.input_item) : undefined;
      const step = fromRecord(record, got, children.get(visitOf(record)) ?? null);
      return includeData ? step : { ...step, output: undefined };
    }),
    ...waiting.map((wait) => () => {
      const got = includeData ? data.at(Number(wait.input_seq), wait.input_item) : undefined;
      return unfinished(wait, 'waiting', wait.created_at, got, wait.child_id);
    }),
    ...fresh
      .toSorted((a, b) => a.startedAt - b.startedAt)
      .map((attempt) => () => {
        const [seq, item] = dataRefOf(attempt.input);
        const got = includeData ? (seq === null ? null : data.at(seq, item)) : undefined;
        return unfinished(attempt, 'running', new Date(attempt.startedAt), got, null);
      }),
  ];
  return shown.slice(offset, offset + limit).map((show) => withOnce(show()));
}

function onceByAttempt(records: readonly RecordRow[], includeData: boolean): Map<string, OnceValue[]> {
  const found = new Map<string, OnceValue[]>();
  for (const record of records) {
    if (record.type !== 'once') continue;
    const key = identity({ ...record, path: pathOfOnce(record.path) });
    const values = found.get(key) ?? [];
    found.set(key, values);
    values.push(onceOf(record, includeData));
  }
  return found;
}

export function onceOf({ path, output }: Pick<RecordRow, 'path' | 'output'>, includeData: boolean): OnceValue {
  return { name: nameOfOnce(path), value: includeData && output !== null ? decode(output) : undefined };
}

/** The data of a run's records. */
class RunData {
  private readonly outputs: ReadonlyMap<number, string | null>;
  /** Item lists of loops: each decoded once, or reading a loop's steps would take the square of its items. */
  private readonly arrays = new Map<number, unknown>();

  constructor(
    private readonly input: string,
    records: readonly RecordRow[],
  ) {
    this.outputs = new Map(records.map((record) => [Number(record.seq), record.output]));
  }

  /** Null: there is no such record, or not with an output. */
  at(seq: number, item: number | null): unknown {
    const text = seq === 0 ? this.input : (this.outputs.get(seq) ?? null);
    if (text === null) return null;
    if (item === null) return decode(text);
    if (!this.arrays.has(seq)) this.arrays.set(seq, decode(text));
    const array = this.arrays.get(seq);
    return Array.isArray(array) ? (array[item] as unknown) : null;
  }
}

/** The step record, redacted. */
export function redactStep(step: StepRecord, redact: Redaction): StepRecord {
  const { input, output, error, once } = step;
  return {
    ...step,
    ...(once !== undefined && { once: once.map((one) => redactOnce(one, redact)) }),
    input: input === undefined ? undefined : redact.payload(input),
    output: output === null || output === undefined ? output : redact.payload(output),
    error: error === null ? null : redact.error(error),
  };
}

/** A value alone has no path: its name stands for it. */
function redactOnce({ name, value }: OnceValue, redact: Redaction): OnceValue {
  return {
    name,
    value: value === undefined ? value : (redact.payload({ [name]: value }) as Record<string, unknown>)[name],
  };
}

export function visitOf({ round, path, visit }: { round: number; path: string; visit: number }): string {
  return `${round} ${visit} ${path}`;
}

export function identity(attempt: { round: number; path: string; visit: number; attempt: number }): string {
  return `${attempt.round} ${attempt.visit} ${attempt.attempt} ${attempt.path}`;
}

export function fromRecord(record: RecordRow, input: unknown, childId: string | null): StepRecord {
  const isCompensation = record.type === 'compensate';
  return {
    step: stepNameOf(record.path),
    path: record.path,
    type: record.type,
    round: record.round,
    visit: record.visit,
    attempt: record.attempt,
    status: record.status,
    input,
    output: record.output === null ? null : decode(record.output),
    error: record.error === null ? null : (decode(record.error) as StoredError),
    startedAt: new Date(record.completed_at.getTime() - record.duration_ms),
    completedAt: record.completed_at,
    durationMs: record.duration_ms,
    isCompensation,
    compensationFor: isCompensation ? stepNameOf(record.path.slice(0, record.path.lastIndexOf('~'))) : null,
    childId,
    ...(record.retry_at !== null && { retryAt: record.retry_at }),
  };
}

/** Reads a reference that a process has published, perhaps of another version. */
export function dataRefOf(ref: unknown): readonly [seq: number | null, item: number | null] {
  if (typeof ref === 'number') return [ref, null];
  const [seq, item]: unknown[] = Array.isArray(ref) ? ref : [];
  return typeof seq === 'number' && typeof item === 'number' ? [seq, item] : [null, null];
}

/** Records that are no attempts, and whose output is data. */
const DATA_ONLY = new Set(['gather', 'context', 'once']);

export function unfinished(
  attempt: { path: string; type: string; round: number; visit: number; attempt: number },
  status: 'waiting' | 'running',
  startedAt: Date,
  input: unknown,
  childId: string | null,
): StepRecord {
  const { path, type, round, visit } = attempt;
  const isCompensation = type === 'compensate';
  return {
    step: stepNameOf(path),
    path,
    type,
    round,
    visit,
    attempt: attempt.attempt,
    status,
    input,
    output: null,
    error: null,
    startedAt,
    completedAt: null,
    durationMs: null,
    isCompensation,
    compensationFor: isCompensation ? stepNameOf(path.slice(0, path.lastIndexOf('~'))) : null,
    childId,
  };
}
