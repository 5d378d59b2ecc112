import { decode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { stepNameOf } from '../../core/definition/definition-path.js';
import type { InFlight } from '../../core/run/execution.js';
import type { MachineRecord, RecordFacts } from '../../core/run/machine.js';
import type { RunState } from '../../core/run/run-state.js';
import type { ActFacts, AttemptFacts, LoopFacts, QueueFacts, WaitFacts, WorkFacts } from '../../core/standing/facts.js';
import type { ExecutionStatus } from '../../core/run/status.js';
import type { UndoRecord } from '../../core/run/undo-list.js';
import type { WaitKind, WaitSpec } from '../../core/run/wait-spec.js';

export interface StandingRow {
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly pause_requested: boolean | null;
  readonly round: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
  readonly due_at: Date | null;
  readonly deadline_at: Date | null;
  readonly state: string | null;
  readonly error: string | null;
  readonly failed_step: string | null;
  readonly schedule_name: string | null;
  readonly snapshot: string | null;
  readonly definition: WorkflowDefinition | null;
  readonly seen_at: Date | null;
  readonly expires_at: Date | null;
  readonly steps: readonly StepRow[] | null;
  readonly act: ActFacts | null;
  readonly to_be_undone: boolean | null;
  readonly cancelling: ActFacts | null;
  /** Time in ms. */
  readonly in_vain: (ActFacts & { readonly at: number }) | null;
  readonly now: Date;
}

/** A step on another queue. */
export interface StepRow {
  readonly id: string;
  readonly state: string;
  /** A remote step as JSON. */
  readonly step: string;
  /** ms */
  readonly due: number;
}

export interface WaitRow {
  readonly path: string;
  readonly kind: WaitKind;
  readonly names: readonly string[];
  readonly created_at: Date;
  readonly due_at: Date | null;
  readonly spec: string | null;
  readonly child_id: string | null;
  readonly child_workflow: string | null;
  readonly came: readonly string[] | null;
  readonly total: number;
}

export interface QueueRow {
  readonly queue: string;
  readonly workflow: string;
  readonly version: number;
  readonly limit_key: string | null;
  readonly concurrency: { readonly limit: number } | null;
  readonly paused: boolean;
  readonly rate_limit: number | null;
  readonly rate_period_ms: number | null;
  readonly pausing: ActFacts | null;
  readonly leased: number;
  readonly places: number;
  readonly workers: number;
  readonly rate_used: number;
  readonly rate_free_at: Date | null;
  readonly key_taken: number | null;
  readonly key_has: KeyRow | null;
  readonly versions: readonly number[];
  readonly claimable: boolean;
  readonly ahead: number;
}

/** The row that has had a place of a key the longest. */
interface KeyRow {
  readonly run: string;
  readonly state: string;
  readonly paused: boolean;
  /** Its run keeps the place until it has ended. */
  readonly whole: boolean;
}

export interface AttemptRow {
  readonly path: string;
  readonly attempt: number;
  readonly error: string;
}

export interface FailureRow {
  readonly others: number;
  /** There may be more than these. */
  readonly more: boolean;
  readonly since: Date | null;
  readonly retried_as: string | null;
}

export interface UndoRow extends Omit<UndoRecord, 'input' | 'hasOutput'> {
  readonly cut: boolean;
}

export interface LoopRow {
  readonly items: number;
  /** End of its selector. */
  readonly began: Date;
  readonly through: number;
  readonly failed: number;
  /** Null: what was looked at is younger. */
  readonly last_minute: number | null;
  readonly looked: number;
  /** Records that were not looked at; `more`: there are more than these. */
  readonly others: number;
  readonly more: boolean;
}

export interface WorkRow {
  readonly ms: number;
  readonly failed: number;
  readonly failed_items: number;
  readonly more: boolean;
  readonly path: string | null;
  readonly wait_ms: number | null;
}

export interface RecordRow extends Pick<MachineRecord, 'seq' | 'path' | 'type' | 'visit' | 'attempt' | 'status'> {
  readonly has_output: boolean;
  readonly facts: string | null;
  readonly retry_at: number | null;
}

export const MOST_RECORDS = 1_000;
/** Retries whose errors are looked up. */
export const SHOWN_RETRIES = 20;

export function machineRecord({ has_output, retry_at, facts, ...record }: RecordRow): MachineRecord {
  return {
    ...record,
    hasOutput: has_output,
    retryAt: retry_at,
    facts: facts === null ? null : (JSON.parse(facts) as RecordFacts),
  };
}

export function stepOf(row: AttemptRow | null): string | null {
  return row === null ? null : stepNameOf(row.path);
}

/** As it was suspended; null: it never was, or another version of this package has written it. */
export function stateOf(snapshot: string | null): RunState | null {
  if (snapshot === null) return null;
  try {
    const state = JSON.parse(snapshot) as Partial<RunState> | null;
    return typeof state?.root === 'object' && state.root !== null && state.rollback !== undefined
      ? (state as RunState)
      : null;
  } catch {
    return null;
  }
}

/**
 * Attempts that run now, also steps on other queues that a worker has and has not told of yet. What processes have said may
 * be some seconds old: of a run that nobody has leased since, only its leased steps on other queues count.
 */
export function attemptsOf(inFlight: readonly InFlight[], leased: boolean, steps: readonly StepRow[]): AttemptFacts[] {
  const away = new Set(steps.flatMap(({ state, step }) => (state === 'running' ? [remoteStepOf(step).path] : [])));
  const known: AttemptFacts[] = inFlight.flatMap(({ step, path, attempt, startedAt }) =>
    leased || away.has(path) ? [{ step, path, attempt, startedAt: new Date(startedAt) }] : [],
  );
  for (const { state, step } of steps) {
    if (state !== 'running') continue;
    const { path, attempt } = remoteStepOf(step);
    if (known.some((one) => one.path === path)) continue;
    known.push({ step: stepNameOf(path), path, attempt, startedAt: null });
  }
  return known.toSorted((a, b) => (a.startedAt?.getTime() ?? Infinity) - (b.startedAt?.getTime() ?? Infinity));
}

export function remoteStepOf(step: string): { path: string; attempt: number } {
  const { path = '', attempt = 1 } = JSON.parse(step) as { path?: string; attempt?: number };
  return { path, attempt };
}

/** Where not all records were looked at, the others are taken to be like them; where they are too many to be counted, not. */
export function progressOf(path: string, row: LoopRow): LoopFacts {
  const { items, looked, others, more } = row;
  const of = (n: number): number => (more ? n : Math.round((n * (looked + others)) / looked));
  const through = looked === 0 ? 0 : Math.min(items, of(row.through));
  const failed = looked === 0 ? 0 : Math.min(through, of(row.failed));
  const counted = more ? 'at least' : others > 0 ? 'about' : 'all';
  return { path, items, beganAt: row.began, through, failed, counted, lastMinute: more ? null : row.last_minute };
}

export function workOf(row: WorkRow | undefined): WorkFacts {
  const { ms = 0, failed = 0, failed_items = 0, more = false, path = null, wait_ms = null } = row ?? {};
  const longestWait = path === null || wait_ms === null ? null : { step: stepNameOf(path), ms: wait_ms };
  return { ms, longestWait, failedAttempts: failed, failedItems: failed_items, more };
}

export function onTimeoutOf(spec: string | null): WaitFacts['onTimeout'] {
  if (spec === null) return 'throws';
  const { onTimeout, ...rest } = decode(spec) as WaitSpec;
  return onTimeout === 'fail' ? 'fails' : 'timeoutValue' in rest ? 'value' : 'throws';
}

/** Null: the row needs no place of a key. */
export function keyOf({ limit_key, concurrency, key_taken, key_has }: QueueRow): QueueFacts['key'] {
  if (limit_key === null || concurrency === null || key_taken === null) return null;
  const key = { key: keyShown(limit_key), limit: concurrency.limit, taken: key_taken };
  if (key_has === null) return { ...key, first: null };
  const { run, state, paused, whole } = key_has;
  const does = state === 'running' ? 'works' : paused ? 'paused' : state === 'sleeping' ? 'waits' : 'ready';
  return { ...key, first: { run, does, untilEnded: whole } };
}

/** Of `workflow\n=key`; a long key is kept as a digest. */
function keyShown(limitKey: string): string | null {
  const text = limitKey.slice(limitKey.indexOf('\n') + 1);
  return text === '' ? null : text.slice(text.startsWith('=') ? 1 : 0);
}
