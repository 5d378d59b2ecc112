/** ms in a day of 24 hours. */
export const DAY = 86_400_000;

/** Making a format costs about 50 µs, using one about 1 µs. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** True for a time zone that this Node knows. */
export function isTimezone(timezone: string): boolean {
  try {
    formatOf(timezone);
    return true;
  } catch {
    return false;
  }
}

/**
 * The wall clock of a zone at an instant, as the number that `Date.UTC` gives for its fields: wall clocks are then
 * added to and compared like instants, and read with the `getUTC…` methods.
 */
export function wallAt(instant: number, timezone: string): number {
  const fields: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatOf(timezone).formatToParts(instant)) {
    fields[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((instant % 1000) + 1000) % 1000);
}

/**
 * The instant at which a zone's wall clock shows `wall`. Of a time that comes twice (clocks set back) the first or the
 * last; for one that never comes (clocks set forward) the first instant after the gap.
 */
export function instantOf(wall: number, timezone: string, twice: 'first' | 'last' = 'first'): number {
  // Offsets are between -12 and +14 hours, so that these two stand before and after the change, if there is one.
  const before = wallAt(wall - DAY, timezone) - (wall - DAY);
  const after = wallAt(wall + DAY, timezone) - (wall + DAY);
  const found = [wall - before, wall - after].filter((instant) => wallAt(instant, timezone) === wall);
  if (found.length > 0) {
    return twice === 'first' ? Math.min(...found) : Math.max(...found);
  }
  let early = wall - Math.max(before, after);
  let late = wall - Math.min(before, after);
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (wallAt(middle, timezone) < wall) {
      early = middle;
    } else {
      late = middle;
    }
  }
  return late;
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timezone, format);
  }
  return format;
}

/** By how much the zone's wall clock is ahead of UTC at an instant, ms. */
export function offsetAt(instant: number, timezone: string): number {
  return wallAt(instant, timezone) - instant;
}

/** The first instant after `after`, `until` included, at which the offset is another; null: it stays. */
export function offsetChange(after: number, until: number, timezone: string): number | null {
  const offset = offsetAt(after, timezone);
  // No zone changes its clocks twice in a day.
  for (let early = after; early < until; early = Math.min(early + DAY, until)) {
    let late = Math.min(early + DAY, until);
    if (offsetAt(late, timezone) === offset) continue;
    while (late - early > 1) {
      const middle = Math.floor((early + late) / 2);
      if (offsetAt(middle, timezone) === offset) early = middle;
      else late = middle;
    }
    return late;
  }
  return null;
}
