import { didYouMean, EXECUTION_STATUSES, type ExecutionStatus, InvalidInputError, type RunMatch } from '../durable.js';
import { parseDate } from '../http/input.js';

/** One word of a filter: `-status:failed,cancelled`. Without a key it is the beginning of an id. */
export interface FilterTerm {
  readonly key: string;
  readonly not: boolean;
  readonly values: readonly string[];
}

const LONGEST = 2_000;
const MOST_TERMS = 20;
const KEYS = 'status workflow error queue since until parent schedule retrying took root id version'.split(' ');
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What a run must be like; each part that is given must fit. */
export interface RunFilter {
  readonly status?: readonly ExecutionStatus[];
  readonly since?: Date;
  readonly until?: Date;
  readonly parentId?: string;
  readonly workflow?: string;
  readonly queue?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly match: RunMatch;
}

/** The words of a filter as the URL has it. @throws InvalidInputError */
export function parseTerms(text: string): FilterTerm[] {
  if (text.length > LONGEST) throw invalid(`expected at most ${LONGEST} characters, got ${text.length}`);
  const terms = wordsOf(text).map(termOf);
  if (terms.length > MOST_TERMS) throw invalid(`expected at most ${MOST_TERMS} terms, got ${terms.length}`);
  return terms;
}

/**
 * What the words mean. Repeated keys mean and, commas mean or.
 * @param now ms, from which `since:24h` counts back
 * @throws InvalidInputError with everything that is wrong
 */
export function readFilter(text: string, now: number): RunFilter {
  const reader = new FilterReader(now);
  for (const term of parseTerms(text)) reader.add(term);
  return reader.filter();
}

class FilterReader {
  private readonly faults: string[] = [];
  private statuses = new Set<ExecutionStatus>(EXECUTION_STATUSES);
  private readonly match: { -readonly [K in keyof RunMatch]: RunMatch[K] } = {};
  private readonly texts: NonNullable<RunMatch['texts']>[number][] = [];
  private readonly tags: NonNullable<RunMatch['tags']>[number][] = [];
  private readonly one: { workflow?: string; queue?: string; parentId?: string } = {};
  private readonly wholeTags: Record<string, string> = Object.create(null) as Record<string, string>;
  private since: Date | undefined;
  private until: Date | undefined;

  constructor(private readonly now: number) {}

  add(term: FilterTerm): void {
    const { key, not, values } = term;
    if (key.startsWith('tag.') && key.length > 'tag.'.length) return this.addTag(key.slice('tag.'.length), not, values);
    switch (key) {
      case 'status':
        return this.addStatus(not, values);
      case 'workflow':
      case 'queue':
        return this.addText(key, not, values);
      case 'error':
      case 'schedule':
        this.texts.push({ field: key, not, values });
        // Only those have an error, and there is an index of them.
        if (key === 'error' && !not) this.keep(WITH_ERROR);
        return;
      case 'parent':
        return this.addParent(not, values);
      case 'since':
      case 'until':
        return this.addTime(key, not, values);
      case 'took':
        return this.addTook(not, values);
      case 'retrying':
      case 'root':
        return this.addFlag(key, not, values);
      case 'id':
        return this.addId(not, values);
      case 'version':
        return this.addVersion(not, values);
      default:
        this.faults.push(`there is no key "${key}".${didYouMean(key, KEYS)} Known keys: ${KEYS.join(', ')}, tag.NAME`);
    }
  }

  filter(): RunFilter {
    if (this.faults.length > 0)
      throw new InvalidInputError(
        'The filter',
        this.faults.map((message) => ({ path: 'q', message })),
      );
    const status = this.statuses.size === EXECUTION_STATUSES.length ? undefined : [...this.statuses];
    return {
      ...this.one,
      ...(status && { status }),
      ...(this.since && { since: this.since }),
      ...(this.until && { until: this.until }),
      ...(Object.keys(this.wholeTags).length > 0 && { tags: { ...this.wholeTags } }),
      match: {
        ...this.match,
        ...(this.texts.length > 0 && { texts: this.texts }),
        ...(this.tags.length > 0 && { tags: this.tags }),
      },
    };
  }

  private keep(statuses: readonly ExecutionStatus[]): void {
    this.statuses = new Set([...this.statuses].filter((one) => statuses.includes(one)));
  }

  private addStatus(not: boolean, values: readonly string[]): void {
    const known = values.flatMap((value) => {
      const found = EXECUTION_STATUSES.find((one) => one === value);
      if (found === undefined) this.expected('status', EXECUTION_STATUSES.join(', '), value, EXECUTION_STATUSES);
      return found === undefined ? [] : [found];
    });
    this.keep(not ? EXECUTION_STATUSES.filter((one) => !known.includes(one)) : known);
  }

  private addText(key: 'workflow' | 'queue', not: boolean, values: readonly string[]): void {
    const [only] = values;
    if (!not && values.length === 1 && this.one[key] === undefined) this.one[key] = only;
    else this.texts.push({ field: key, not, values });
  }

  private addTag(name: string, not: boolean, values: readonly string[]): void {
    const [only = ''] = values;
    if (!not && values.length === 1 && !Object.hasOwn(this.wholeTags, name)) this.wholeTags[name] = only;
    else this.tags.push({ name, not, values });
  }

  private addParent(not: boolean, values: readonly string[]): void {
    const [id = ''] = values;
    if (values.length !== 1 || not || !UUID.test(id))
      return this.expected('parent', 'the id of a run', values.join(','));
    this.one.parentId = id.toLowerCase();
  }

  private addTime(key: 'since' | 'until', not: boolean, values: readonly string[]): void {
    const [value = ''] = values;
    const ago = duration(value);
    const at = ago === null ? parseDate(value) : new Date(Math.max(0, this.now - ago));
    if (not || values.length !== 1 || at === null)
      return this.expected(key, 'a time, or how long ago: 24h', values.join(','));
    if (key === 'since' && (this.since === undefined || at > this.since)) this.since = at;
    if (key === 'until' && (this.until === undefined || at < this.until)) this.until = at;
  }

  private addTook(not: boolean, values: readonly string[]): void {
    const [value = ''] = values;
    const ms = /^[<>]/.test(value) ? duration(value.slice(1)) : null;
    if (values.length !== 1 || ms === null)
      return this.expected('took', '> or < and a duration: >1h', values.join(','));
    const longer = value.startsWith('>') !== not;
    if (longer) this.match.tookAtLeast = Math.max(this.match.tookAtLeast ?? 0, ms);
    else this.match.tookAtMost = Math.min(this.match.tookAtMost ?? Infinity, ms);
  }

  private addFlag(key: 'retrying' | 'root', not: boolean, values: readonly string[]): void {
    const [value = ''] = values;
    if (values.length !== 1 || !['yes', 'no'].includes(value)) return this.expected(key, 'yes or no', values.join(','));
    const on = (value === 'yes') !== not;
    this.match[key] = on;
    if (key === 'retrying' && on) this.keep(['waiting', 'compensating']);
  }

  private addId(not: boolean, values: readonly string[]): void {
    const plain = values.map((value) => value.toLowerCase().replaceAll('-', ''));
    const bad = plain.findIndex((value) => !/^[0-9a-f]{1,32}$/.test(value));
    if (bad >= 0) {
      this.expected('id', 'the beginning of a run’s id (payloads are not searched: use tags)', values[bad] ?? '');
    } else if (not || values.length > 1 || this.match.idFrom !== undefined) {
      this.texts.push({ field: 'id', not, values: plain });
    } else {
      const [prefix = ''] = plain;
      this.match.idFrom = uuidOf(prefix.padEnd(32, '0'));
      this.match.idTo = uuidOf(prefix.padEnd(32, 'f'));
    }
  }

  private addVersion(not: boolean, values: readonly string[]): void {
    const bad = values.find((value) => !/^\d{1,9}$/.test(value));
    if (bad !== undefined) return this.expected('version', 'a whole number', bad);
    this.texts.push({ field: 'version', not, values });
  }

  private expected(key: string, rule: string, value: string, words: readonly string[] = []): void {
    this.faults.push(`${key}: expected ${rule}, got "${value.slice(0, 100)}".${didYouMean(value, words)}`);
  }
}

const WITH_ERROR = EXECUTION_STATUSES.filter((one) => !['pending', 'completed'].includes(one));
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** ms of `90s`; null: it is no duration. */
export function duration(text: string): number | null {
  const found = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  const unit = UNITS[found?.[2] ?? ''];
  return found === null || unit === undefined ? null : Number(found[1]) * unit;
}

/** Blanks part words, but not within quotes; `\"` is a quote. */
function wordsOf(text: string): { text: string; quoted: boolean[] }[] {
  const words: { text: string; quoted: boolean[] }[] = [];
  let word: { text: string; quoted: boolean[] } | null = null;
  let within = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '"') {
      within = !within;
      word ??= { text: '', quoted: [] };
    } else if (/\s/.test(char) && !within) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      const escaped = within && char === '\\' && /["\\]/.test(text[at + 1] ?? '');
      word ??= { text: '', quoted: [] };
      word.text += escaped ? text[++at] : char;
      word.quoted.push(within);
    }
  }
  if (within) throw invalid('a quote is not closed');
  if (word !== null) words.push(word);
  return words;
}

function termOf({ text, quoted }: { text: string; quoted: boolean[] }): FilterTerm {
  const not = text.startsWith('-') && quoted[0] === false;
  const start = not ? 1 : 0;
  const colon = [...quoted.keys()].find((at) => at >= start && text[at] === ':' && quoted[at] === false) ?? -1;
  const key = colon < 0 ? 'id' : text.slice(start, colon);
  const values: string[] = [''];
  for (let at = colon < 0 ? start : colon + 1; at < text.length; at++) {
    if (text[at] === ',' && quoted[at] === false) values.push('');
    else values.push(`${values.pop() ?? ''}${text[at]}`);
  }
  if (values.some((value) => value === '')) throw invalid(`"${text.slice(0, 100)}" has no value`);
  return { key, not, values };
}

function invalid(message: string): InvalidInputError {
  return new InvalidInputError('The filter', [{ path: 'q', message }]);
}
