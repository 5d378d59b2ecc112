/*
 * The language of the filter bar, which is also the URL's `q` and the API's: terms with blanks between them,
 * `key:value`, `key:a,b` for one of several, `-key:value` for all others, values with blanks in double quotes with `\"`
 * for a quote. A word without a key is the beginning of an id.
 */

export const FILTER_KEYS = [
  'status',
  'workflow',
  'error',
  'queue',
  'since',
  'until',
  'parent',
  'schedule',
  'retrying',
  'took',
  'root',
  'id',
  'version',
] as const;

export const STATUSES = [
  'pending',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'compensating',
  'compensated',
  'compensation_failed',
] as const;

export interface Term {
  /** `tag.tenant`; `''` for a word without a key. */
  readonly key: string;
  readonly values: readonly string[];
  readonly negated: boolean;
}

/** A character, and whether it stood between quotes: what does is no blank, comma, colon or minus of the language. */
type Char = readonly [char: string, quoted: boolean];

/** Splits at blanks that are not between quotes. */
function words(text: string): Char[][] {
  const found: Char[][] = [];
  let word: Char[] = [];
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const c = text.charAt(at);
    if (inside && c === '\\' && /["\\]/.test(text.charAt(at + 1))) word.push([text.charAt(++at), true]);
    else if (c === '"') inside = !inside;
    else if (!inside && /\s/.test(c)) {
      if (word.length > 0) found.push(word);
      word = [];
    } else word.push([c, inside]);
  }
  if (word.length > 0) found.push(word);
  return found;
}

const textOf = (chars: readonly Char[]): string => chars.map(([c]) => c).join('');

/** The values of `a,"b c"`. */
function valuesOf(chars: readonly Char[]): string[] {
  const found: string[] = [''];
  for (const [c, isQuoted] of chars) {
    if (c === ',' && !isQuoted) found.push('');
    else found.push(`${found.pop() ?? ''}${c}`);
  }
  return found.filter((v) => v !== '');
}

export function parseFilter(text: string): Term[] {
  return words(text).map((word) => {
    const negated = word.length > 1 && word[0]?.[0] === '-' && !word[0][1];
    const rest = negated ? word.slice(1) : word;
    const colon = rest.findIndex(([c, isQuoted]) => c === ':' && !isQuoted);
    if (colon < 1) return { key: '', values: valuesOf(rest), negated };
    return { key: textOf(rest.slice(0, colon)), values: valuesOf(rest.slice(colon + 1)), negated };
  });
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

export function formatTerm({ key, values, negated }: Term): string {
  const value = values
    .map((one) => (/[\s",\\]/.test(one) || one === '' || (key === '' && /^-|:/.test(one)) ? quoted(one) : one))
    .join(',');
  const name = /[\s":,\\]/.test(key) ? quoted(key) : key;
  return `${negated ? '-' : ''}${key === '' ? value : `${name}:${value}`}`;
}

/** A filter with a value for each key: names hold anything. */
export function filterOf(values: Readonly<Record<string, string | number>>): string {
  return formatFilter(Object.entries(values).map(([key, value]) => ({ key, values: [String(value)], negated: false })));
}

export function formatFilter(terms: readonly Term[]): string {
  return terms.map(formatTerm).join(' ');
}

/** The first value of a key, if it has a term that is not negated. */
export function valueOf(text: string, key: string): string | null {
  return parseFilter(text).find((term) => term.key === key && !term.negated)?.values[0] ?? null;
}

/** With this value for the key, in the place of what it had. */
export function withTerm(text: string, key: string, ...values: string[]): string {
  const terms = parseFilter(text);
  const at = terms.findIndex((term) => term.key === key && !term.negated);
  const term: Term = { key, values, negated: false };
  return formatFilter(at === -1 ? [...terms, term] : terms.map((old, i) => (i === at ? term : old)));
}

export function withoutTerm(text: string, at: number): string {
  return formatFilter(parseFilter(text).filter((_, i) => i !== at));
}

/** Values that need no question: those of keys that have a fixed list. */
export const FIXED_VALUES: Readonly<Record<string, readonly string[]>> = {
  status: STATUSES,
  retrying: ['yes', 'no'],
  root: ['yes', 'no'],
  since: ['1h', '6h', '24h', '7d', '30d'],
  took: ['>10s', '>1m', '>1h', '>1d'],
};

/** Where the server is asked for values. */
export function asksServer(key: string): boolean {
  return ['workflow', 'queue', 'error', 'schedule', 'tag'].includes(key) || key.startsWith('tag.');
}

/** What is being typed: a key, or a value of one. */
export function typing(draft: string): { key: string | null; text: string; negated: boolean } {
  const negated = draft.startsWith('-');
  const rest = negated ? draft.slice(1) : draft;
  const colon = rest.indexOf(':');
  if (colon === -1) return { key: null, text: rest, negated };
  const value = rest.slice(colon + 1);
  return { key: rest.slice(0, colon), text: value.slice(value.lastIndexOf(',') + 1).replaceAll('"', ''), negated };
}

/** Whether a term is one: Enter and blank end it then. */
export function isWhole(draft: string): boolean {
  const { key } = typing(draft);
  const quotes = draft.replaceAll('\\"', '').split('"').length - 1;
  return draft.trim() !== '' && quotes % 2 === 0 && (key === null || !draft.endsWith(':'));
}
