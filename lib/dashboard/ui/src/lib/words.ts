import { isEnded } from './tree-node.js';

/** The spaces of the page's texts: figures and units are not torn apart, thousands are told by a thin one. */
const NBSP = '\u00a0';
const THIN = '\u2009';

/** `61 402` */
export function count(n: number): string {
  const [whole = '', rest] = String(Math.abs(n)).split('.');
  const text = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  return `${n < 0 ? '−' : ''}${text}${rest === undefined ? '' : `.${rest}`}`;
}

/** `1 run`, `61 402 runs` */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Of more than so many it is not said how many. */
const COUNTED = 10_000;

/** A count that may have been cut off: at so many, or where it was not looked further. */
export function capped({ n, more }: { n: number; more: boolean }): string {
  if (!more) return count(n);
  return n >= COUNTED ? `more than ${count(n)}` : `at least ${count(n)}`;
}

/** Nothing was found, and it was not looked further: there may be any number. */
export function isUnknown({ n, more }: { n: number; more: boolean }): boolean {
  return n === 0 && more;
}

/** A number that was counted no further than so many. */
export const counted = (n: number): { n: number; more: boolean } => ({ n, more: n >= COUNTED });

/** How much is in a part of the page: `12`, `10 000+`, `0+` where more was not looked at; empty: there is nothing in it. */
export function within({ n, more }: { n: number; more: boolean }): string {
  if (n === 0 && !more) return '';
  return more ? `${count(n)}+` : count(n);
}

/** `38 %`; one digit more below 10, and near the whole. */
export function percent(share: number): string {
  const value = share * 100;
  const digits = value === 0 || value === 100 || (value >= 10 && value < 90) ? 0 : 1;
  return `${value.toFixed(digits)}${NBSP}%`;
}

/** `1.4` `12` `61 402` */
export function figure(value: number): string {
  return Math.abs(value) >= 100 || Number.isInteger(value) ? count(Math.round(value)) : value.toFixed(1);
}

/** `164 B`, `1.2 kB`, `803 MB` */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)}${NBSP}${units[unit] ?? ''}`;
}

/** `8.1 M`, `212 000` */
export function large(n: number): string {
  return n >= 1_000_000 ? `${(n / 1_000_000).toFixed(n < 10_000_000 ? 2 : 1).replace(/0$/, '')}${NBSP}M` : count(n);
}

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

/** `three problems`; figures from ten on. */
export function spelt(n: number, one: string, many = `${one}s`): string {
  return `${NUMBERS[n] ?? count(n)} ${n === 1 ? one : many}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A text in which names stand between backquotes, in parts; every second one is a name. */
export function namesIn(text: string): string[] {
  return text.split('`');
}

/** The text without its backquotes, for titles and names that are read out. */
export function plain(text: string): string {
  return text.replaceAll('`', '');
}

/** Of what worked all the time that it took the time is said once. */
export function saidOnce(sentence: string): string {
  return sentence.replace(/^Completed after (.+); it worked for \1 of them$/, 'Completed after $1');
}

/** The first parts of an id: its time to the millisecond. The first alone is the same for all runs of a minute. */
export function shortId(id: string): string {
  return id.slice(0, 13);
}

/** Why a cancel of a run with this status changed nothing. */
export function unchangedFor(status: string): string {
  return isEnded(status) ? `it had ended as ${status.replace('_', ' ')}` : 'it was being undone already';
}
