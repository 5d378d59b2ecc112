import { decode } from '../../core/codec/codec.js';
import type { Redaction } from '../../core/redact/redact.js';
import type { CatchUp, Overlap, StoredSchedule, ScheduleSettings, ScheduleState } from '../../core/time/schedule.js';
import type { StoredError } from '../../core/errors/stored-error.js';

/** scheduled_workflows as `SELECT s.*` gives it. */
export interface ScheduleRow {
  readonly name: string;
  readonly id: string;
  readonly workflow: string;
  readonly from_code: boolean;
  readonly cron: string;
  readonly timezone: string;
  readonly input: string;
  readonly queue: string | null;
  readonly overlap: Overlap;
  readonly catch_up: CatchUp;
  readonly catch_up_window: number | string;
  readonly catch_up_limit: number;
  readonly declared: string;
  readonly overridden: (keyof ScheduleSettings)[];
  readonly enabled: boolean;
  readonly next_run_at: Date | null;
  readonly last_run_at: Date | null;
  readonly last_error: string | null;
  readonly last_error_at: Date | null;
  readonly consecutive_failures: number;
  readonly auto_disabled_at: Date | null;
  readonly removed_at: Date | null;
  readonly open_runs: string[];
}

/** @throws Error where what its code declares cannot be read */
export function toState(row: ScheduleRow): ScheduleState {
  const state = readState(row);
  if (typeof state === 'string') throw new Error(`Schedule "${row.name}": ${state}`);
  return state;
}

/** The state, or why it cannot be read. */
export function readState(row: ScheduleRow): ScheduleState | string {
  const declared = declaredOf(row);
  if (declared !== null) return stateOf(row, declared);
  return (
    'what its code declares (`declared` of its row) cannot be read. Start a process that declares it in @Schedule, ' +
    'or delete it with deleteSchedule()'
  );
}

/** The state for code that is about to declare it anew: what it declared before may be unreadable. */
export function stateToDeclare(row: ScheduleRow): ScheduleState {
  const state = stateOf(row, settingsOf(row));
  return { ...state, declared: declaredOf(row) ?? state.settings };
}

function declaredOf(row: ScheduleRow): ScheduleSettings | null {
  try {
    const declared: unknown = JSON.parse(row.declared);
    return typeof declared === 'object' ? (declared as ScheduleSettings | null) : null;
  } catch {
    return null;
  }
}

function settingsOf(row: ScheduleRow): ScheduleSettings {
  return {
    cron: row.cron,
    timezone: row.timezone,
    input: row.input,
    queue: row.queue,
    overlap: row.overlap,
    catchUp: row.catch_up,
    catchUpWindow: Number(row.catch_up_window),
    catchUpLimit: row.catch_up_limit,
  };
}

function stateOf(row: ScheduleRow, declared: ScheduleSettings): ScheduleState {
  return {
    name: row.name,
    id: row.id,
    workflow: row.workflow,
    fromCode: row.from_code,
    settings: settingsOf(row),
    declared,
    overridden: row.overridden,
    enabled: row.enabled,
    nextRunAt: row.next_run_at?.getTime() ?? null,
    lastRunAt: row.last_run_at?.getTime() ?? null,
    lastError: row.last_error,
    lastErrorAt: row.last_error_at?.getTime() ?? null,
    consecutiveFailures: row.consecutive_failures,
    autoDisabledAt: row.auto_disabled_at?.getTime() ?? null,
    removedAt: row.removed_at?.getTime() ?? null,
    openRuns: row.open_runs,
  };
}

/** In the form that insert-schedule.sql takes, and as a list write-schedule.sql. */
export function rowJson(state: ScheduleState): string {
  const { settings } = state;
  return JSON.stringify({
    name: state.name,
    id: state.id,
    workflow: state.workflow,
    from_code: state.fromCode,
    cron: settings.cron,
    timezone: settings.timezone,
    input: settings.input,
    queue: settings.queue,
    overlap: settings.overlap,
    catch_up: settings.catchUp,
    catch_up_window: settings.catchUpWindow,
    catch_up_limit: settings.catchUpLimit,
    declared: JSON.stringify(state.declared),
    overridden: state.overridden,
    enabled: state.enabled,
    next_run_at: state.nextRunAt,
    last_run_at: state.lastRunAt,
    last_error: state.lastError,
    last_error_at: state.lastErrorAt,
    consecutive_failures: state.consecutiveFailures,
    auto_disabled_at: state.autoDisabledAt,
    removed_at: state.removedAt,
    open_runs: state.openRuns,
  });
}

/** As it may be shown. What cannot be read of it is left out: one row that a foreign hand has written hides no other. */
export function toSchedule(
  row: ScheduleRow & { readonly workflow_queue: string | null },
  redact: Redaction,
): StoredSchedule {
  return {
    name: row.name,
    workflow: row.workflow,
    cron: row.cron,
    timezone: row.timezone,
    input: readOr(undefined, () => redact.payload(decode(row.input))),
    queue: row.queue ?? row.workflow_queue ?? 'default',
    enabled: row.enabled,
    overlap: row.overlap,
    catchUp: row.catch_up,
    catchUpWindow: Number(row.catch_up_window),
    catchUpLimit: row.catch_up_limit,
    fromCode: row.from_code,
    overridden: row.overridden,
    nextRunAt: row.next_run_at,
    lastRunAt: row.last_run_at,
    lastError: row.last_error === null ? null : readOr(UNREADABLE_ERROR, () => errorOf(row.last_error, redact)),
    lastErrorAt: row.last_error_at,
    consecutiveFailures: row.consecutive_failures,
    autoDisabledAt: row.auto_disabled_at,
    removedAt: row.removed_at,
  };
}

const UNREADABLE_ERROR: StoredError = { name: 'Error', message: 'The stored error cannot be read.' };

function errorOf(text: string | null, redact: Redaction): StoredError {
  const record: unknown = decode(text ?? 'null');
  return isErrorRecord(record) ? redact.error(record) : UNREADABLE_ERROR;
}

function isErrorRecord(value: unknown): value is StoredError {
  return typeof (value as Partial<StoredError> | null)?.message === 'string';
}

function readOr<T>(instead: T, read: () => T): T {
  try {
    return read();
  } catch {
    return instead;
  }
}
