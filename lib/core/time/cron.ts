import { CronExpressionParser, type CronExpression } from 'cron-parser';
import { describe } from '../describe.js';
import { didYouMean } from '../did-you-mean.js';
import { InvalidCronError } from '../errors/errors-definition.js';
import { textOf } from '../text-of.js';
import { DAY, instantOf, isTimezone, offsetAt, offsetChange, wallAt } from './zone.js';

/** Longest expression. */
export const MAX_CRON_LENGTH = 256;

const HOUR = 3_600_000;
/** First step back of a search from the end of a span, ms. */
const FIRST_LOOK_BACK = 60_000;

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
  '@minutely': '* * * * *',
  '@secondly': '* * * * * *',
  '@weekdays': '0 0 * * 1-5',
  '@weekends': '0 0 * * 0,6',
};

/**
 * The due times of a cron expression in a time zone. All times are ms since 1970.
 *
 * `cron-parser` finds the wall-clock times that the expression names, on a clock that knows no DST; what becomes of them
 * where a zone's clocks are changed is decided here. (By itself it runs a time in the gap as much later as the gap is
 * long, and loses times where clocks change by half an hour.) A time in the gap is due right after the gap, one that
 * comes twice is due the first time. An expression for every hour of the day goes on with the hours as they pass
 * instead: it runs twice where the hour comes twice, and not at all for an hour that is skipped whole.
 */
export class Cron {
  private readonly walls: CronExpression;
  private readonly everyHour: boolean;

  /** @throws InvalidCronError for an expression or a zone that cannot be understood, or a time that never comes */
  constructor(
    readonly expression: string,
    readonly timezone: string,
  ) {
    if (!isZoneName(timezone)) throw new InvalidCronError(textOf(expression), zoneFault(timezone));
    this.walls = parse(expression);
    this.everyHour = this.walls.fields.hour.values.length === 24;
  }

  /** The first due time after an instant. */
  next(after: number): number {
    const from = Math.floor(after);
    return this.everyHour ? this.nextByTheHour(from) : instantOf(this.nextWall(this.lastShown(from)), this.timezone);
  }

  /** The due times from `from` to `until`, both included, in order; of more than `limit` the last ones. */
  between(from: number, until: number, limit: number): number[] {
    // From the end, so that a long span of an expression for every second costs no more than what is wanted.
    for (let back = FIRST_LOOK_BACK; ; back *= 4) {
      const start = Math.max(from, until - back);
      const found: number[] = [];
      for (let due = this.next(start - 1); due <= until; due = this.next(due)) found.push(due);
      if (found.length >= limit || start <= from) return found.slice(-limit);
    }
  }

  /** The next match on a clock without DST. */
  private nextWall(wall: number): number {
    this.walls.reset(new Date(wall));
    return this.walls.next().getTime();
  }

  /** The latest time that the wall clock has shown so far: while an hour comes again, the end of its first coming. */
  private lastShown(instant: number): number {
    const wall = wallAt(instant, this.timezone);
    const before = offsetAt(instant - DAY, this.timezone);
    if (before <= wall - instant) return wall;
    const change = offsetChange(instant - DAY, instant, this.timezone) ?? instant;
    return Math.max(wall, change + before - 1);
  }

  private nextByTheHour(after: number): number {
    let from = after;
    let wall = wallAt(after, this.timezone);
    let offset = wall - after;
    for (;;) {
      const found = this.nextWall(wall) - offset;
      const change = offsetChange(from, found, this.timezone);
      if (change === null) return found;
      const shown = wallAt(change, this.timezone);
      if (this.isSwallowed(change + offset, shown)) return change;
      from = change;
      wall = shown - 1;
      offset = shown - change;
    }
  }

  /** True when a match falls into a gap within an hour (Lord Howe Island's clocks move by half an hour). */
  private isSwallowed(gap: number, end: number): boolean {
    const firstHour = Math.ceil(gap / HOUR) * HOUR;
    const lastHour = Math.floor(end / HOUR) * HOUR;
    return this.matches(gap, Math.min(firstHour, end)) || this.matches(Math.max(lastHour, gap), end);
  }

  private matches(from: number, to: number): boolean {
    return from < to && this.nextWall(from - 1) < to;
  }
}

/** Schedules are fired again and again; one that is changed again and again must not fill the memory. */
const MOST_PARSED = 1_000;
const parsed = new Map<string, Cron>();

/** As `new Cron()`, remembered. @throws InvalidCronError */
export function parsedCron(expression: string, timezone: string): Cron {
  // From a caller in JavaScript it may be anything.
  if (typeof expression !== 'string' || typeof timezone !== 'string') return new Cron(expression, timezone);
  const key = `${timezone}\n${expression}`;
  let cron = parsed.get(key);
  if (cron === undefined) {
    cron = new Cron(expression, timezone);
    if (parsed.size >= MOST_PARSED) parsed.clear();
    parsed.set(key, cron);
  }
  return cron;
}

function parse(expression: unknown): CronExpression {
  const refuse = (why: string): InvalidCronError => new InvalidCronError(textOf(expression), why);
  if (typeof expression !== 'string') throw refuse(`expected a string, got ${describe(expression)}`);
  if (expression.length > MAX_CRON_LENGTH) {
    throw refuse(`it has ${expression.length} characters, ${MAX_CRON_LENGTH} are allowed`);
  }
  const text = expression.trim();
  if (text.startsWith('@')) return parseFields(macro(text, refuse));
  const count = text === '' ? 0 : text.split(/\s+/).length;
  if (count !== 5 && count !== 6) {
    throw refuse(`expected five fields, or six with seconds first, or a macro such as @daily; got ${count}`);
  }
  // Of cron-parser's own, by chance: each process would find other times.
  if (/\bH\b/.test(text)) throw refuse('H is not supported; write the number');
  try {
    const fields = parseFields(text);
    fields.next();
    return fields;
  } catch (error) {
    throw refuse(reasonOf(error));
  }
}

/** The six fields of an expression as they are written, seconds first; null: it cannot be understood. */
export function cronFields(expression: string): string[] | null {
  const text = expression.trim();
  const name = text.toLowerCase();
  const plain = text.startsWith('@') ? (Object.hasOwn(MACROS, name) ? MACROS[name] : undefined) : text;
  const fields = plain?.split(/\s+/) ?? [];
  if (fields.length === 5) return ['0', ...fields];
  return fields.length === 6 ? fields : null;
}

function parseFields(text: string): CronExpression {
  return CronExpressionParser.parse(text, { tz: 'UTC', currentDate: new Date(0) });
}

function macro(text: string, refuse: (why: string) => InvalidCronError): string {
  const name = text.toLowerCase();
  const fields = Object.hasOwn(MACROS, name) ? MACROS[name] : undefined;
  if (fields !== undefined) return fields;
  const names = Object.keys(MACROS);
  throw refuse(`there is no macro of that name.${didYouMean(name, names)} Known: ${names.join(', ')}`);
}

function reasonOf(error: unknown): string {
  const message = textOf(error);
  if (/explicit day of month|loop limit/i.test(message)) return 'such a day never comes';
  return message.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

function isZoneName(timezone: unknown): timezone is string {
  return typeof timezone === 'string' && timezone !== '' && isTimezone(timezone);
}

function zoneFault(timezone: unknown): string {
  const hint = typeof timezone === 'string' ? didYouMean(timezone, Intl.supportedValuesOf('timeZone')) : '';
  return `the timezone is ${describe(timezone)}.${hint} Give an IANA name such as Europe/Berlin`;
}
