import { Cron } from './cron.js';
import type { StoredError } from '../errors/stored-error.js';

export type Overlap = 'allow' | 'skip';
export type CatchUp = 'latest' | 'all' | 'none';

/** A schedule as clients see it. */
export interface StoredSchedule {
  readonly name: string;
  /** Name of the workflow it starts. */
  readonly workflow: string;
  readonly cron: string;
  /** IANA name of the zone that `cron` is read in. */
  readonly timezone: string;
  /** Input of its runs. `undefined`: what is stored cannot be read. */
  readonly input: unknown;
  /** Queue of its runs. */
  readonly queue: string;
  readonly enabled: boolean;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** Age up to which missed times are caught up, ms. */
  readonly catchUpWindow: number;
  /** Most missed times that are caught up where `catchUp` is 'all'. */
  readonly catchUpLimit: number;
  /** True: a `@Schedule()` declares it. False: `client.schedule()` has made it. */
  readonly fromCode: boolean;
  /** Names of the settings that `updateSchedule()` has set: they no longer follow what was declared. */
  readonly overridden: readonly (keyof ScheduleSettings)[];
  /** `null` while it is disabled or removed. */
  readonly nextRunAt: Date | null;
  /** Time of the last run that it started, by `triggerSchedule()` too. */
  readonly lastRunAt: Date | null;
  /** Error of the last start that failed. */
  readonly lastError: StoredError | null;
  readonly lastErrorAt: Date | null;
  /** Starts that have failed since the last that did not. */
  readonly consecutiveFailures: number;
  /** Time at which it was disabled because too many starts had failed. */
  readonly autoDisabledAt: Date | null;
  /** Time since which the code of its workflow no longer declares it. */
  readonly removedAt: Date | null;
}

/** Settings of a schedule, from the code or a client; `updateSchedule()` may change them. */
export interface ScheduleSettings {
  readonly cron: string;
  readonly timezone: string;
  /** Encoded. */
  readonly input: string;
  /** Null: the workflow's. */
  readonly queue: string | null;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** ms */
  readonly catchUpWindow: number;
  readonly catchUpLimit: number;
}

/** A schedule as a decorator or a client declares it. */
export interface ScheduleDeclaration {
  readonly name: string;
  readonly workflow: string;
  /** Counts only when the schedule is first stored; afterwards the database's value wins. */
  readonly enabled: boolean;
  readonly settings: ScheduleSettings;
}

/** A schedule as it is stored. Times in ms of database time. */
export interface ScheduleState {
  readonly name: string;
  /** Tells it from a later one of the same name. */
  readonly id: string;
  readonly workflow: string;
  readonly fromCode: boolean;
  /** Settings in force. */
  readonly settings: ScheduleSettings;
  /** Settings as declared. */
  readonly declared: ScheduleSettings;
  /** The settings that `updateSchedule()` has set, which no longer follow what is declared. */
  readonly overridden: readonly (keyof ScheduleSettings)[];
  readonly enabled: boolean;
  readonly nextRunAt: number | null;
  readonly lastRunAt: number | null;
  /** Encoded StoredError. */
  readonly lastError: string | null;
  readonly lastErrorAt: number | null;
  readonly consecutiveFailures: number;
  readonly autoDisabledAt: number | null;
  readonly removedAt: number | null;
  /** Runs that it has started and that may be unfinished; kept whole only where `overlap` is 'skip'. */
  readonly openRuns: readonly string[];
}

/** So many starts that fail in a row disable a schedule. */
export const MOST_FAILURES = 10;

export function newSchedule(
  { name, workflow, enabled, settings }: ScheduleDeclaration,
  { id, fromCode, now }: { id: string; fromCode: boolean; now: number },
): ScheduleState {
  const state: ScheduleState = {
    name,
    id,
    workflow,
    fromCode,
    settings,
    declared: settings,
    overridden: [],
    enabled,
    nextRunAt: null,
    lastRunAt: null,
    lastError: null,
    lastErrorAt: null,
    consecutiveFailures: 0,
    autoDisabledAt: null,
    removedAt: null,
    openRuns: [],
  };
  return timed(state, now);
}

/**
 * The code declares it, again or anew. Its times stay, unless what they come from has changed or it was gone.
 * @param atWorkSince time since which another living process has had the code; null: none has
 */
export function declared(
  before: ScheduleState,
  { workflow, settings }: ScheduleDeclaration,
  now: number,
  atWorkSince: number | null,
): ScheduleState {
  const kept = Object.fromEntries(before.overridden.map((key) => [key, before.settings[key]]));
  const state = {
    ...before,
    workflow,
    fromCode: true,
    declared: settings,
    settings: { ...settings, ...kept },
    removedAt: null,
  };
  if (before.removedAt !== null) return timed(state, now);
  if (!timesDiffer(before, state)) return state;
  // A time that came while somebody was there to fire it, and is not fired yet: a deploy does not take it away.
  const isTheirs = isJustDue(before, now) && atWorkSince !== null && atWorkSince <= (before.nextRunAt ?? now);
  return isTheirs ? state : timed(state, now);
}

/** True where a time has come that is not missed yet. */
export function isJustDue({ nextRunAt }: ScheduleState, now: number): boolean {
  return nextRunAt !== null && nextRunAt <= now && nextRunAt >= now - ON_TIME;
}

/** Its workflow's code no longer declares it. */
export function removed(state: ScheduleState, now: number): ScheduleState {
  return { ...state, removedAt: state.removedAt ?? now, nextRunAt: null };
}

/** `reset` first puts back what is declared. @throws InvalidCronError */
export function updated(
  before: ScheduleState,
  changes: Partial<ScheduleSettings>,
  reset: boolean,
  now: number,
): ScheduleState {
  const keys = Object.keys(changes) as (keyof ScheduleSettings)[];
  const state = {
    ...before,
    settings: { ...(reset ? before.declared : before.settings), ...changes },
    overridden: [...new Set([...(reset ? [] : before.overridden), ...keys])],
  };
  return timesDiffer(before, state) ? timed(state, now) : state;
}

/** Enables it, its failures back to 0. Times missed while disabled are not caught up. */
export function switchedOn(before: ScheduleState, now: number): ScheduleState {
  const state = { ...before, enabled: true, consecutiveFailures: 0, autoDisabledAt: null };
  return before.enabled ? state : timed(state, now);
}

export function switchedOff(state: ScheduleState): ScheduleState {
  return { ...state, enabled: false, nextRunAt: null };
}

/** The state after a run that `triggerSchedule()` started. */
export function triggered(state: ScheduleState, run: string, open: readonly string[], now: number): ScheduleState {
  return { ...state, lastRunAt: now, openRuns: [...open, run] };
}

/** Its due time is past; `runs` were started for it, if any. */
export function fired(
  state: ScheduleState,
  { runs, open, next, now }: { runs: readonly string[]; open: readonly string[]; next: number; now: number },
): ScheduleState {
  if (runs.length === 0) return { ...state, nextRunAt: next, openRuns: open };
  const openRuns = state.settings.overlap === 'skip' ? [...open, ...runs] : runs.slice(-1);
  return { ...state, nextRunAt: next, lastRunAt: now, openRuns, consecutiveFailures: 0 };
}

/** Its due time is past, and no run could be started. */
export function failed(state: ScheduleState, error: string, next: number, now: number): ScheduleState {
  const consecutiveFailures = state.consecutiveFailures + 1;
  const over = consecutiveFailures >= MOST_FAILURES;
  return {
    ...state,
    consecutiveFailures,
    lastError: error,
    lastErrorAt: now,
    enabled: !over,
    autoDisabledAt: over ? now : null,
    nextRunAt: over ? null : next,
  };
}

/**
 * A due time late by no more than this was not missed, ms: the process stood still, another took over, a commit was tried
 * again.
 */
export const ON_TIME = 10_000;

/** Since when some process has been at work on a schedule, and how late it may be without having missed a due time, ms. */
export interface OnDuty {
  readonly since: number;
  readonly onTime: number;
  /** When it began to fire what was due, one after the other. Default: now. */
  readonly firingSince?: number;
}

/**
 * The due times that a schedule is to start runs for now, in order. A time that came while a process was at work and is
 * late by no more than `onTime` is not missed: it gets its run whatever the schedule says of missed ones. The same holds for
 * the time that has waited for others which were due, and were fired first. What came before was missed, and `catchUp` says
 * how much of it is made up for.
 */
export function dueTimes(
  schedule: ScheduleState,
  cron: Cron,
  now: number,
  { since, onTime, firingSince = now }: OnDuty,
): number[] {
  const { nextRunAt, settings } = schedule;
  if (nextRunAt === null || nextRunAt > now) return [];
  const { catchUp, catchUpWindow, catchUpLimit } = settings;
  // A time that had come when the first process came was missed; one of `onTime` ms ago was not.
  const missedUntil = Math.floor(Math.max(since, now - onTime - 1));
  // The stored time counts as it is, also where this process has other rules for the zone than the one that found it.
  const times = (from: number, until: number, limit: number): number[] => {
    const first = nextRunAt >= from && nextRunAt <= until ? [nextRunAt] : [];
    return [...first, ...cron.between(Math.max(nextRunAt + 1, from), until, limit)].slice(-limit);
  };
  const limit = catchUp === 'all' ? catchUpLimit : 1;
  const missed = catchUp === 'none' ? [] : times(now - catchUpWindow, missedUntil, limit);
  const wasOnTime = nextRunAt <= missedUntil && nextRunAt > Math.max(since, firingSince - onTime - 1);
  const waited = wasOnTime && !missed.includes(nextRunAt) ? [nextRunAt] : [];
  return [...waited, ...missed, ...times(missedUntil + 1, now, Infinity)];
}

export function cronOf({ settings: { cron, timezone } }: Pick<ScheduleState, 'settings'>): Cron {
  return new Cron(cron, timezone);
}

function timesDiffer(a: ScheduleState, b: ScheduleState): boolean {
  return a.settings.cron !== b.settings.cron || a.settings.timezone !== b.settings.timezone;
}

/** With its next time counted from now. @throws InvalidCronError also where it has none */
function timed(state: ScheduleState, now: number): ScheduleState {
  const next = cronOf(state).next(now);
  return { ...state, nextRunAt: state.enabled && state.removedAt === null ? next : null };
}
