const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long: `840 ms`, `2.4 s`, `3 min 5 s`, `2 h 10 min`, `12 d 4 h`. */
export function span(ms: number): string {
  const most = Math.max(0, ms);
  if (most < SECOND) return `${Math.round(most)} ms`;
  if (most < 10 * SECOND) return `${Math.floor(most / 100) / 10} s`;
  if (most < MINUTE) return `${Math.floor(most / SECOND)} s`;
  if (most < HOUR) return two(most, MINUTE, 'min', SECOND, 's');
  if (most < DAY) return two(most, HOUR, 'h', MINUTE, 'min');
  return two(most, DAY, 'd', HOUR, 'h');
}

/** In one unit, of which there are two at least from hours on, as in a run's sentence: `3 min ago`, `in 119 min`, `in 2 h`, `now`. */
export function relative(date: Date, now: number): string {
  const ms = now - date.getTime();
  const text = single(Math.abs(ms));
  if (text === '0 s') return 'now';
  return ms >= 0 ? `${text} ago` : `in ${text}`;
}

/** `2026-07-01 14:03:22`, in the zone of this process; with `utc` `2026-07-01T14:03:22.120Z`. */
export function exact(date: Date, utc: boolean): string {
  if (utc) return date.toISOString();
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clockTime(date, false)}`;
}

/** The time of the day, for lines of a log. */
export function clockTime(date: Date, utc: boolean): string {
  if (utc) return date.toISOString();
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':');
}

function single(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < 2 * HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const whole = Math.floor(ms / large);
  const rest = Math.floor((ms % large) / small);
  return rest === 0 ? `${whole} ${largeName}` : `${whole} ${largeName} ${rest} ${smallName}`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
