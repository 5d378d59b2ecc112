/** Numbers, times and lists as sentences have them. */

const UNITS: readonly (readonly [most: number, ms: number, unit: string])[] = [
  [1_000, 1, 'ms'],
  [120_000, 1_000, 's'],
  [7_200_000, 60_000, 'min'],
  [172_800_000, 3_600_000, 'h'],
  [Infinity, 86_400_000, 'd'],
];

/** `48 s`, `21 min`, `3 h`; below 10 s with a decimal. */
export function spanOf(ms: number): string {
  const span = Math.max(0, ms);
  const [, size, unit] = UNITS.find(([most]) => span < most) ?? [0, 1, 'ms'];
  const n = span / size;
  return `${countOf(unit === 's' && n < 10 ? Math.round(n * 10) / 10 : Math.round(n))} ${unit}`;
}

/** `6 786` */
export function countOf(n: number): string {
  const [whole = '', fraction] = String(n).split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** `1 attempt`, `3 attempts` */
export function manyOf(n: number, one: string): string {
  return `${countOf(n)} ${one}${n === 1 ? '' : 's'}`;
}

/** `2026-01-31 10:04:05 UTC` */
export function momentOf(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A name, as text that does not end where the name has a backtick. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', "'")}\``;
}

/** "`a`, `b` and `c`" */
export function listOfNames(names: readonly string[], conjunction: 'and' | 'or'): string {
  return listOf(names.map(quoted), conjunction);
}

/** "a, b and c" */
export function listOf(all: readonly string[], conjunction: 'and' | 'or'): string {
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} ${conjunction} ${all.at(-1)}`;
}
