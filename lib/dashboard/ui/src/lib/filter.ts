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

/** Splits at blanks that are not between quotes. */
function words(text: string): string[] {
  const found: string[] = [];
  let word = '';
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const c = text.charAt(at);
    if (inside && c === '\\' && at + 1 < text.length) {
      word += c + text.charAt(++at);
    } else if (c === '"') {
      inside = !inside;
      word += c;
    } else if (!inside && /\s/.test(c)) {
      if (word !== '') found.push(word);
      word = '';
    } else {
      word += c;
    }
  }
  if (word !== '') found.push(word);
  return found;
}

/** The values of `a,"b c"`. */
function valuesOf(text: string): string[] {
  const found: string[] = [];
  let value = '';
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const c = text.charAt(at);
    if (inside && c === '\\' && at + 1 < text.length) value += text.charAt(++at);
    else if (c === '"') inside = !inside;
    else if (!inside && c === ',') {
      found.push(value);
      value = '';
    } else value += c;
  }
  found.push(value);
  return found.filter((v) => v !== '');
}

export function parseFilter(text: string): Term[] {
  return words(text).map((word) => {
    const negated = word.startsWith('-') && word.length > 1;
    const rest = negated ? word.slice(1) : word;
    const [, key, value] = /^([A-Za-z][\w.-]*):(.*)$/s.exec(rest) ?? [];
    if (key === undefined || value === undefined) return { key: '', values: valuesOf(rest), negated };
    return { key, values: valuesOf(value), negated };
  });
}

function quoted(value: string): string {
  return /[\s",\\]/.test(value) || value === '' ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
}

export function formatTerm({ key, values, negated }: Term): string {
  const value = values.map(quoted).join(',');
  return `${negated ? '-' : ''}${key === '' ? value : `${key}:${value}`}`;
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
