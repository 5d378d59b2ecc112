import { encode, isPlainData } from '../core/codec/codec.js';
import { parsedCron } from '../core/time/cron.js';
import type { Violation } from '../core/errors/durable-error.js';
import { days } from '../core/time/duration.js';
import { InvalidCronError, SerializationError } from '../core/errors/errors.js';
import type { CatchUp, Overlap, ScheduleDeclaration, ScheduleSettings } from '../core/time/schedule.js';
import { isTimezone } from '../core/time/zone.js';
import type { WorkflowRef } from '../core/durable-workflow.js';
import type { ScheduleOptions } from '../decorators/types.js';
import { NAME, QUEUE_NAME } from '../core/limits.js';
import { Faults, OptionReader, readOptions } from '../core/option-reader.js';
import type { ScheduleQuery } from '../storage/schedules/schedules.js';
import { givenWorkflow, type Unnamed } from './given-workflow.js';

/** Options of `schedule()`: those of `@Schedule()` but for `cron`. */
export interface CreateScheduleOptions<I extends object = object> extends Omit<ScheduleOptions, 'cron' | 'input'> {
  /** Input of the runs. Default: `{}`. */
  input?: I;
}

/** Changes of `updateSchedule()`; a key that is left out stays as it is. */
export interface ScheduleChanges {
  /** Cron expression. */
  cron?: string;
  /** IANA name of the time zone. */
  timezone?: string;
  /** Input of the runs. */
  input?: object;
  /** Queue of the runs; `null`: the workflow's. */
  queue?: string | null;
  /** Fate of a due time at which a run of the schedule is unfinished. */
  overlap?: Overlap;
  /** Fate of due times that were missed. */
  catchUp?: CatchUp;
  /** ms for which a missed due time may be caught up. */
  catchUpWindow?: number;
  /** Most missed due times that are caught up. */
  catchUpLimit?: number;
  /** `true` first puts everything back to what the decorator or `schedule()` says, and lets it follow the code again. */
  reset?: boolean;
}

/** Filters and page of `listSchedules()`; all that is given must fit. */
export interface ScheduleFilters {
  /** True: the enabled ones; false: the others. */
  readonly enabled?: boolean;
  /** Class or name. */
  readonly workflow?: WorkflowRef;
  /** Queue of the runs. */
  readonly queue?: string;
  /** Most schedules, at most 1000. Default: 100. */
  readonly limit?: number;
  /** Schedules that are passed over first. Default: 0. */
  readonly offset?: number;
}

/** `cron`, `timezone` and `input` apart: their faults are errors of their own. */
export interface ReadSchedule<Name = string> {
  readonly name: Name;
  readonly enabled: boolean;
  readonly timezone: unknown;
  readonly input: unknown;
  readonly settings: Omit<ScheduleSettings, 'cron' | 'timezone' | 'input'>;
}

/** A hundred years. */
const LONGEST_WINDOW = 100 * 365.25 * 86_400_000;
/** Runs in one transaction; and of an expression for every second, the times that are looked up at once. */
const LARGEST_LIMIT = 1_000;
const OVERLAP: readonly Overlap[] = ['allow', 'skip'];
const CATCH_UP: readonly CatchUp[] = ['latest', 'all', 'none'];
const WINDOW = { min: 0, max: LONGEST_WINDOW, unit: 'ms' };
const LIMIT = { min: 1, max: LARGEST_LIMIT };
const PAGE = { min: 1, max: 1_000 };

/** A schedule as a decorator declares it, or what is wrong with it. */
export function readDecorator(
  path: string,
  raw: unknown,
  workflow: string,
): { declaration: ScheduleDeclaration | null; faults: readonly Violation[] } {
  const faults = new Faults();
  const read = OptionReader.of(faults, path, raw);
  if (read === null) return { declaration: null, faults: faults.list };
  const cron = read.take('cron');
  const { name, enabled, timezone, input, settings } = readCommon(read, workflow);
  read.refuseOthers();
  const valid = checkCron(read, cron, timezone);
  const stored = readInput(read, input);
  if (!valid || stored === null || faults.list.length > 0) return { declaration: null, faults: faults.list };
  const all = { ...settings, cron: String(cron), timezone: String(timezone), input: stored };
  return { declaration: { name, workflow, enabled, settings: all }, faults: [] };
}

/** @throws InvalidInputError with everything that is wrong */
export function readCreate(options: unknown): ReadSchedule<string | null> {
  return readOptions('The options of schedule()', options, (read) => readCommon(read, null));
}

/** @throws InvalidInputError with everything that is wrong */
export function readChanges(raw: unknown): { changes: ScheduleChanges; reset: boolean } {
  return readOptions('The changes of updateSchedule()', raw, (read) => {
    const has = (key: string): boolean => read.take(key) !== undefined;
    const found = {
      cron: read.take('cron'),
      timezone: read.take('timezone'),
      input: read.take('input'),
      queue: read.take('queue') === null ? null : read.text('queue', undefined, QUEUE_NAME),
      overlap: has('overlap') ? read.oneOf('overlap', 'allow', OVERLAP) : undefined,
      catchUp: has('catchUp') ? read.oneOf('catchUp', 'latest', CATCH_UP) : undefined,
      catchUpWindow: read.integer('catchUpWindow', undefined, WINDOW),
      catchUpLimit: read.integer('catchUpLimit', undefined, LIMIT),
    };
    if (has('enabled')) read.fault('enabled', 'is set by enableSchedule() and disableSchedule()');
    const changes = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
    return { changes, reset: read.boolean('reset', false) };
  });
}

/** The input; undefined: the schedule's own. @throws InvalidInputError with everything that is wrong */
export function readTrigger(options: unknown): unknown {
  return readOptions('The options of triggerSchedule()', options, (read) => read.take('input'));
}

/** @internal @throws InvalidInputError with everything that is wrong */
export function readScheduleFilters(raw: unknown): Unnamed<ScheduleQuery> {
  return readOptions('The filters of listSchedules()', raw, (read) => {
    return {
      enabled: read.boolean('enabled', null),
      ...givenWorkflow(read),
      queue: read.text('queue', null, QUEUE_NAME),
      limit: read.integer('limit', 100, PAGE),
      offset: read.integer('offset', 0, { min: 0, max: Number.MAX_SAFE_INTEGER - PAGE.max }),
    };
  });
}

function readCommon<Name extends string | null>(read: OptionReader, workflow: Name): ReadSchedule<Name | string> {
  const { timezone = 'UTC', input = {} } = { timezone: read.take('timezone'), input: read.take('input') };
  return {
    name: read.text('name', workflow, NAME),
    enabled: read.boolean('enabled', true),
    timezone,
    input,
    settings: {
      queue: read.text('queue', null, QUEUE_NAME),
      overlap: read.oneOf('overlap', 'allow', OVERLAP),
      catchUp: read.oneOf('catchUp', 'latest', CATCH_UP),
      catchUpWindow: read.integer('catchUpWindow', days(1), WINDOW),
      catchUpLimit: read.integer('catchUpLimit', 100, LIMIT),
    },
  };
}

function checkCron(read: OptionReader, cron: unknown, timezone: unknown): boolean {
  const known = typeof timezone === 'string' && timezone !== '' && isTimezone(timezone);
  let valid = true;
  for (const [key, zone] of known
    ? [['cron', timezone] as const]
    : ([
        ['timezone', timezone],
        ['cron', 'UTC'],
      ] as const)) {
    try {
      parsedCron(cron as string, zone as string);
    } catch (error) {
      if (!(error instanceof InvalidCronError)) throw error;
      valid = false;
      read.fault(key, error.message);
    }
  }
  return valid;
}

function readInput(read: OptionReader, input: unknown): string | null {
  if (!isPlainData(input)) {
    read.expected('input', 'an object', input);
    return null;
  }
  try {
    return encode(input, { what: 'input' });
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    read.fault('input', error.message);
    return null;
  }
}
