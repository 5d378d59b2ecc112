const NBSP = '\u00a0';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = [
  [DAY, 'd'],
  [HOUR, 'h'],
  [MINUTE, 'min'],
  [SECOND, 's'],
] as const;

/**
 * How long something took: `38 ms`, `1.4 s`, `31 s`, `12 min 4 s`, `1 d 13 h`; at most `most` units, those that are
 * nought are left out.
 */
export function duration(ms: number, most = 2): string {
  const span = Math.max(0, ms);
  if (span < 999.5) return `${Math.round(span)}${NBSP}ms`;
  if (span < 19_950) return `${(span / SECOND).toFixed(1)}${NBSP}s`;
  return inUnits(span, most);
}

/** As `duration`, in whole seconds: for what is still to come, or ticks. */
export function countdown(ms: number, most = 3): string {
  return inUnits(Math.max(0, ms), most);
}

/** In one unit, for narrow places: `22 h`, `3 d`. */
export function roughly(ms: number): string {
  if (ms < SECOND) return duration(ms);
  return inUnits(ms, 1);
}

/** For axes: `2 s`, `4 min`, `1.5 s`. */
export function tickText(ms: number): string {
  if (ms !== 0 && ms < SECOND) return `${round(ms)}${NBSP}ms`;
  for (const [size, unit] of UNITS) {
    if (ms < size) continue;
    return size > SECOND && ms % size !== 0 ? inUnits(ms, 2) : `${round(ms / size)}${NBSP}${unit}`;
  }
  return '0';
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function inUnits(ms: number, most: number): string {
  const first = UNITS.findIndex(([size]) => ms >= size);
  const from = first === -1 ? UNITS.length - 1 : first;
  const taken = UNITS.slice(from, from + most);
  let rest = ms;
  const parts: string[] = [];
  taken.forEach(([size, unit], at) => {
    // The last one is rounded down as well: a countdown that says 3 s has 3 s left at least.
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0 || (at === 0 && taken.length === 1) || parts.length === 0) parts.push(`${n}${NBSP}${unit}`);
  });
  return parts.join(' ');
}

/** `now`, `4 s ago`, `22 min ago`, `2 h ago`, `6 d ago` */
export function ago(ms: number): string {
  return ms < SECOND ? 'now' : `${inUnits(ms, 1)} ago`;
}

/** `in 12 s`, `in 2 h 5 min`; what has passed is `now`. */
export function ahead(ms: number, most = 2): string {
  return ms < SECOND ? 'now' : `in ${inUnits(ms, most)}`;
}

/** ms until a text made of this age changes. */
export function changesIn(age: number): number {
  const span = Math.abs(age);
  return span < 2 * MINUTE ? SECOND : span < 2 * HOUR ? 15 * SECOND : MINUTE;
}

interface Parts {
  year: string;
  month: string;
  day: string;
  weekday: string;
  hour: string;
  minute: string;
  second: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** UTC in place of a zone that this browser does not know: a server may know more of them. */
function formatIn(timeZone: string | undefined): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
  } catch (error) {
    if (timeZone === undefined || timeZone === 'UTC') throw error;
    return formatIn('UTC');
  }
}

/** ` UTC` where a time is not told in the zone that it should be. */
function otherZone(timeZone: string | undefined): string {
  if (timeZone === undefined || timeZone === 'UTC') return '';
  return formats.get(timeZone)?.resolvedOptions().timeZone === 'UTC' && !UTC_NAMES.test(timeZone) ? ' UTC' : '';
}

const UTC_NAMES = /^(etc\/)?(utc|uct|gmt|zulu|universal|greenwich|gmt[+-]?0)$/i;

function partsOf(at: Date, timeZone: string | undefined): Parts {
  const key = timeZone ?? '';
  let format = formats.get(key);
  if (format === undefined) {
    format = formatIn(timeZone);
    formats.set(key, format);
  }
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value])) as unknown as Parts;
}

/** A zone's own name for itself, or the browser's: `Europe/Berlin`. */
export function zoneHere(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `Berlin` of `Europe/Berlin` */
export function placeOf(zone: string): string {
  return zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ');
}

export type Grain = 'minute' | 'second' | 'ms';

/** `02:47:12` */
export function clock(at: Date, grain: Grain = 'second', zone?: string): string {
  const { hour, minute, second } = partsOf(at, zone);
  if (grain === 'minute') return `${hour}:${minute}${otherZone(zone)}`;
  const ms = grain === 'ms' ? `.${String(at.getMilliseconds()).padStart(3, '0')}` : '';
  return `${hour}:${minute}:${second}${ms}${otherZone(zone)}`;
}

/** `Sat 28 Nov`, with the year where it is another than now's. */
export function day(at: Date, now: Date, zone?: string): string {
  const { weekday, day: date, month, year } = partsOf(at, zone);
  return partsOf(now, zone).year === year ? `${weekday} ${date} ${month}` : `${date} ${month} ${year}`;
}

/** `02:47:12` today, else with the day before it. */
export function moment(at: Date, now: Date, grain: Grain = 'second', zone?: string): string {
  const here = partsOf(at, zone);
  const there = partsOf(now, zone);
  const sameDay = here.day === there.day && here.month === there.month && here.year === there.year;
  return sameDay ? clock(at, grain, zone) : `${day(at, now, zone)}, ${clock(at, grain, zone)}`;
}

/** `Fri 12:02` for marks on an axis. */
export function mark(at: Date, zone?: string): string {
  return `${partsOf(at, zone).weekday} ${clock(at, 'minute', zone)}`;
}

/** Exact, in the zone here and in UTC, for titles. */
export function exact(at: Date): string {
  const { weekday, day: date, month, year } = partsOf(at, undefined);
  const here = `${weekday} ${date} ${month} ${year}, ${clock(at, 'ms')} ${zoneHere()}`;
  return `${here}\n${at.toISOString().replace('T', ', ').replace('Z', '')} UTC`;
}

const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;
const SIZES: Record<string, number> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** ms of `24h`, `90s`, `7d`; `null` for anything else. */
export function readDuration(text: string): number | null {
  const [, n, unit] = DURATION.exec(text.trim()) ?? [];
  const size = unit === undefined ? undefined : SIZES[unit];
  return n === undefined || size === undefined ? null : Number(n) * size;
}
