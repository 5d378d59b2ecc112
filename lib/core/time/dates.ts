import { describe } from '../describe.js';
import { didYouMean } from '../did-you-mean.js';
import { InvalidInputError } from '../errors/errors-execution.js';
import { DAY, instantOf, isTimezone, wallAt } from './zone.js';

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** Name of a weekday, in lower case. */
export type Weekday = (typeof WEEKDAYS)[number];

/** Options of `endOfDay`. */
export interface DayOptions {
  /** IANA name of the time zone. Default: `'UTC'`. */
  timezone?: string;
  /** Time to count from. Default: the clock's. */
  now?: Date;
}

/** Options of `nextBusinessDay` and `nextWeekday`. */
export interface HourOptions extends DayOptions {
  /** Hour of that zone's wall clock, 0 to 23. Default: 9. */
  hour?: number;
}

/**
 * The next Monday to Friday at `hour`: today, if the hour is still to come. An hour that clocks skip is the instant
 * after the gap, one that comes twice is the first.
 * @throws InvalidInputError for a bad hour or timezone
 */
export function nextBusinessDay(options: HourOptions = {}): Date {
  return nextDay('nextBusinessDay', options, (weekday) => weekday >= 1 && weekday <= 5);
}

/**
 * The next such weekday at `hour`: today, if it is one and the hour is still to come. Otherwise as `nextBusinessDay`.
 * @throws InvalidInputError for a bad weekday, hour or timezone
 */
export function nextWeekday(weekday: Weekday, options: HourOptions = {}): Date {
  const wanted = WEEKDAYS.indexOf(weekday);
  if (wanted < 0) {
    const hint = typeof weekday === 'string' ? didYouMean(weekday, WEEKDAYS) : '';
    throw new InvalidInputError('nextWeekday()', [
      { path: 'weekday', message: `expected one of ${WEEKDAYS.join(', ')}, got ${describe(weekday)}.${hint}` },
    ]);
  }
  return nextDay('nextWeekday', options, (day) => day === wanted);
}

/** The last millisecond of today in that zone. @throws InvalidInputError for a bad timezone */
export function endOfDay({ timezone = 'UTC', now = new Date() }: DayOptions = {}): Date {
  check('endOfDay', 0, timezone, now);
  const midnight = dayOf(wallAt(now.getTime(), timezone)) + DAY;
  // The last of two midnights: where clocks are set back at 00:01, the day before comes again for an hour.
  return new Date(instantOf(midnight, timezone, 'last') - 1);
}

function nextDay(fn: string, options: HourOptions, wanted: (weekday: number) => boolean): Date {
  const { hour = 9, timezone = 'UTC', now = new Date() } = options;
  check(fn, hour, timezone, now);
  let day = dayOf(wallAt(now.getTime(), timezone));
  for (; ; day += DAY) {
    if (!wanted(new Date(day).getUTCDay())) {
      continue;
    }
    const instant = instantOf(day + hour * 3_600_000, timezone);
    // A day that a zone skipped whole (Apia, 30 December 2011) leaves the instant on another one.
    if (instant > now.getTime() && dayOf(wallAt(instant, timezone)) === day) {
      return new Date(instant);
    }
  }
}

function dayOf(wall: number): number {
  return Math.floor(wall / DAY) * DAY;
}

function check(fn: string, hour: number, timezone: string, now: Date): void {
  const violations = [];
  if (!Number.isInteger(hour) || hour < 0 || hour > 23) {
    violations.push({ path: 'hour', message: `expected a whole number from 0 to 23, got ${describe(hour)}` });
  }
  if (!isTimezone(timezone)) {
    violations.push({
      path: 'timezone',
      message: `expected an IANA name such as Europe/Berlin, got ${describe(timezone)}`,
    });
  }
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) {
    violations.push({ path: 'now', message: `expected a valid Date, got ${describe(now)}` });
  }
  if (violations.length > 0) {
    throw new InvalidInputError(`${fn}()`, violations);
  }
}
