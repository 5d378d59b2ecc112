import { cronFields } from './cron.js';

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const ORDINALS = ['', 'first', 'second', 'third', 'fourth', 'fifth'];
/** Times of day that are written out; more are told as a rule. */
const MOST_TIMES = 4;

/** One part of a field, between commas. */
type Part =
  | { readonly kind: 'every'; readonly step: number }
  | { readonly kind: 'one'; readonly at: number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number; readonly step: number }
  | { readonly kind: 'last'; readonly at: number | null }
  | { readonly kind: 'nth'; readonly at: number; readonly nth: number };

interface Field {
  readonly parts: readonly Part[];
  /** Its values, where it only lists some; null: a rule. */
  readonly list: readonly number[] | null;
  /** True: every value fits. */
  readonly any: boolean;
  /** Width of a field that is a step alone, 1 for all values. */
  readonly step: number | null;
}

/**
 * A cron expression as a sentence without its full stop: `At 07:00 on weekdays`.
 * @returns null for one that cannot be understood, or has a part that this has no words for
 */
export function cronWords(expression: string): string | null {
  const fields = cronFields(expression);
  if (fields === null) return null;
  const [second, minute, hour, day, month, weekday] = fields.map((text, at) => fieldOf(text, LAST[at] ?? 0));
  if (!second || !minute || !hour || !day || !month || !weekday) return null;
  const time = timeWords(second, minute, hour);
  const days = dayWords(day, month, weekday);
  if (days !== '') return `${time} ${days}`;
  return time.startsWith('At ') && (hour.list !== null || hour.step === null) ? `${time} every day` : time;
}

/** The highest value of each field, seconds first. */
const LAST = [59, 59, 23, 31, 12, 6];

function fieldOf(text: string, last: number): Field | null {
  const parts: Part[] = [];
  for (const one of text.split(',')) {
    const part = partOf(one, last);
    if (part === null) return null;
    parts.push(part);
  }
  const [first] = parts;
  const alone = parts.length === 1 && first?.kind === 'every' ? first : null;
  const list = parts.every((part) => part.kind === 'one')
    ? [...new Set(parts.map(({ at }) => at))].toSorted((a, b) => a - b)
    : null;
  return { parts, list, any: alone?.step === 1, step: alone?.step ?? null };
}

function partOf(text: string, most: number): Part | null {
  const steps = /^[*?](?:\/(\d+))?$/.exec(text);
  if (steps) return { kind: 'every', step: Number(steps[1] ?? 1) };
  const range = /^(\w+)-(\w+)(?:\/(\d+))?$/.exec(text);
  if (range) {
    const [from, to] = [valueOf(range[1] ?? ''), valueOf(range[2] ?? '')];
    return from === null || to === null ? null : { kind: 'range', from, to, step: Number(range[3] ?? 1) };
  }
  const from = /^(\w+)\/(\d+)$/.exec(text);
  if (from) {
    const at = valueOf(from[1] ?? '');
    return at === null ? null : { kind: 'range', from: at, to: most, step: Number(from[2]) };
  }
  const nth = /^(\w+)#([1-5])$/.exec(text);
  if (nth) {
    const at = valueOf(nth[1] ?? '');
    return at === null ? null : { kind: 'nth', at: at % 7, nth: Number(nth[2]) };
  }
  const last = /^(\d|[A-Z]{3})?L$/i.exec(text);
  if (last) return { kind: 'last', at: last[1] === undefined ? null : (valueOf(last[1]) ?? 0) % 7 };
  const at = valueOf(text);
  return at === null ? null : { kind: 'one', at };
}

/** A number, or the name of a month (from 1) or of a day (from 0). */
function valueOf(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text);
  const short = (name: string): boolean => name.slice(0, 3).toUpperCase() === text.toUpperCase();
  const month = MONTHS.findIndex(short);
  if (month >= 0) return month + 1;
  const day = DAYS.findIndex(short);
  return day < 0 ? null : day;
}

function timeWords(second: Field, minute: Field, hour: Field): string {
  const [s, m] = [only(second), only(minute)];
  if (s === null) {
    const within = hour.any && minute.any ? '' : ` of ${minuteWords(minute, hour)}`;
    return second.step === null
      ? `At ${valueWords('second', second)}${within}`
      : `${every(second.step, 'second')}${within}`;
  }
  const tail = s === 0 ? '' : ` and ${s} ${s === 1 ? 'second' : 'seconds'}`;
  if (hour.list !== null && minute.list !== null && hour.list.length * minute.list.length <= MOST_TIMES) {
    const minutes = minute.list;
    return `At ${and(hour.list.flatMap((h) => minutes.map((at) => clock(h, at, s))))}`;
  }
  if (m !== null) {
    const past = m === 0 && s === 0 ? '' : `, ${m} ${m === 1 ? 'minute' : 'minutes'}${tail} past`;
    const [range] = hour.parts;
    if (hour.step !== null) return `${every(hour.step, 'hour')}${past}`;
    if (hour.parts.length === 1 && range?.kind === 'range') {
      return `${every(range.step, 'hour')} from ${clock(range.from, m, s)} to ${clock(range.to, m, s)}`;
    }
  }
  const during = hourWords(hour);
  const at = tail === '' ? '' : `, at second ${s}`;
  if (minute.step !== null) return `${every(minute.step, 'minute')}${during}${at}`;
  return `At ${valueWords('minute', minute)} of ${hour.any ? 'every hour' : valueWords('hour', hour)}${at}`;
}

function minuteWords(minute: Field, hour: Field): string {
  const what =
    minute.step === 1
      ? 'every minute'
      : minute.step === null
        ? valueWords('minute', minute)
        : `every ${ordinal(minute.step)} minute`;
  return hour.any ? `${what}${minute.step === null ? ' of every hour' : ''}` : `${what}${hourWords(hour)}`;
}

/** The hours of a schedule that is due several times an hour. */
function hourWords(hour: Field): string {
  const [range] = hour.parts;
  if (hour.any) return '';
  if (hour.parts.length === 1 && range?.kind === 'range' && range.step === 1) {
    return ` from ${clock(range.from, 0, 0)} to ${clock(range.to, 59, 0)}`;
  }
  if (hour.step !== null) return ` of every ${ordinal(hour.step)} hour`;
  return ` of ${valueWords('hour', hour)}`;
}

function dayWords(day: Field, month: Field, weekday: Field): string {
  const [d, m] = [only(day), only(month)];
  if (d !== null && m !== null && weekday.any) return `on ${d} ${MONTHS[m - 1]}`;
  const wanted = [...(day.any ? [] : [monthDays(day)]), ...(weekday.any ? [] : [weekdays(weekday)])];
  const months = month.any ? '' : monthWords(month);
  // With both a day and a weekday, either is enough.
  return [wanted.join(' or '), months].filter((text) => text !== '').join(' ');
}

function monthDays(day: Field): string {
  if (day.step !== null) return `on every ${ordinal(day.step)} day of the month`;
  const [first] = day.parts;
  if (day.parts.length === 1 && first?.kind === 'last') return 'on the last day of the month';
  return `on ${valueWords('day', day)} of the month`;
}

function weekdays({ parts, list, step }: Field): string {
  const days = list?.map((at) => at % 7).toSorted((a, b) => a - b);
  const [first] = parts;
  if (days?.join() === '0,6') return 'on weekends';
  if (days?.join() === '1,2,3,4,5') return 'on weekdays';
  if (step !== null) return `on every ${ordinal(step)} day of the week`;
  if (parts.length === 1 && first?.kind === 'range' && first.step === 1) {
    if (first.from === 1 && first.to === 5) return 'on weekdays';
    return `from ${DAYS[first.from % 7]} to ${DAYS[first.to % 7]}`;
  }
  return `on ${and(parts.map(weekdayOf))}`;
}

function weekdayOf(part: Part): string {
  if (part.kind === 'one') return DAYS[part.at % 7] ?? '';
  if (part.kind === 'nth') return `the ${ORDINALS[part.nth]} ${DAYS[part.at]} of the month`;
  if (part.kind === 'last') return part.at === null ? 'Saturday' : `the last ${DAYS[part.at]} of the month`;
  if (part.kind === 'every') return `every ${ordinal(part.step)} day of the week`;
  const steps = part.step === 1 ? '' : `every ${ordinal(part.step)} day from `;
  return `${steps}${DAYS[part.from % 7]} to ${DAYS[part.to % 7]}`;
}

function monthWords({ parts, step }: Field): string {
  if (step !== null) return `in every ${ordinal(step)} month`;
  const [first] = parts;
  if (parts.length === 1 && first?.kind === 'range' && first.step === 1) {
    return `from ${MONTHS[first.from - 1]} to ${MONTHS[first.to - 1]}`;
  }
  return `in ${and(parts.map((part) => rangeWords(part, 'month', (at) => MONTHS[at - 1] ?? String(at))))}`;
}

/** `minutes 0, 20 and 40`, `hours 8 to 18`. */
function valueWords(unit: string, { parts, list }: Field): string {
  const name = list?.length === 1 ? unit : `${unit}s`;
  return `${name} ${and(parts.map((part) => rangeWords(part, unit, String)))}`;
}

function rangeWords(part: Part, unit: string, name: (at: number) => string): string {
  if (part.kind === 'one' || part.kind === 'nth') return name(part.at);
  if (part.kind === 'last') return 'the last';
  if (part.kind === 'every') return part.step === 1 ? 'all' : `every ${ordinal(part.step)} ${unit}`;
  const range = `${name(part.from)} to ${name(part.to)}`;
  return part.step === 1 ? range : `every ${ordinal(part.step)} from ${range}`;
}

/** The one value that it has; null: it has others, or a rule. */
function only({ list }: Field): number | null {
  return list?.length === 1 ? (list[0] ?? null) : null;
}

function every(step: number, unit: string): string {
  return step === 1 ? `Every ${unit}` : `Every ${step} ${unit}s`;
}

function ordinal(n: number): string {
  const end = n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${end}`;
}

function clock(hour: number, minute: number, second: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(hour)}:${two(minute)}${second === 0 ? '' : `:${two(second)}`}`;
}

function and(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
