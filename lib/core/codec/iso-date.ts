const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/**
 * The Date of an ISO 8601 string, a day (`2026-01-31`) or a time (`2026-01-31T09:00:00.5+02:00`); null: it is none, or
 * there is no such day or time. Without an offset it is UTC, whatever the process's own time zone: the same text must
 * give the same time on every machine. What is finer than a ms is cut off.
 */
export function parseIsoDate(text: string): Date | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const part = (at: number): number => Number(match[at] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  if (hour > 23 || minute > 59 || second > 59) return null;
  const offset = offsetOf(match[8] ?? 'Z');
  if (offset === null) return null;
  const date = new Date(0);
  // Not Date.UTC, for which the years 0 to 99 are 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  date.setUTCHours(hour, minute, second, ms);
  return new Date(date.getTime() - offset);
}

/** ms east of Greenwich; null: there is no such offset. */
function offsetOf(text: string): number | null {
  if (/^z$/i.test(text)) return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(3).replace(':', '') || 0);
  if (hours > 23 || minutes > 59) return null;
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
