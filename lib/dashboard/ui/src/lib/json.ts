/*
 * A payload as lines that can be folded. It stays as it came: what the codec marks (`{"$durable":"date","v":…}`) is told
 * by its kind, not revived, so that nothing of it can act.
 */

export type JsonKind = 'string' | 'number' | 'word' | 'mark' | 'open' | 'close';

export interface JsonLine {
  /** Where it stands: `items[0].sku`; `''` is the whole. */
  readonly path: string;
  readonly depth: number;
  readonly key: string | null;
  readonly kind: JsonKind;
  /** As it is written; of what is folded with all that stands for its content. */
  readonly text: string;
  /** Of a mark: its kind, such as `date`. */
  readonly type?: string;
  /** How many it holds; only where something can be folded. */
  readonly size?: number;
  readonly folded?: boolean;
  readonly comma: boolean;
}

const WORDS: Record<string, string> = {
  cut: 'cut off',
  hidden: 'hidden',
};

/** Strings longer than this are cut in the tree. */
export const LONGEST = 500;

export interface Mark {
  readonly kind: string;
  readonly v: unknown;
  readonly fields: Record<string, unknown>;
}

/** What the codec or the API marks an object as. */
export function markOf(value: unknown): Mark | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const fields = value as Record<string, unknown>;
  const kind = fields['$durable'];
  return typeof kind === 'string' ? { kind, v: fields['v'], fields } : null;
}

/** Whether all of it is shown: what is hidden, cut off or redacted would take the place of what it stands for. */
export function isWhole(value: unknown): boolean {
  return !/"\[redacted\]"|"\$durable":"(hidden|cut)"/.test(JSON.stringify(value) ?? '');
}

/** Of an input in which something would be sent that only stands for it. */
export const NOT_WHOLE = 'Has parts that are not shown: write them out';

/** `folded`: whether what stands at a path is folded; `undefined` from it: as it is by its depth. */
export function jsonLines(
  value: unknown,
  folded: (path: string, depth: number, size: number) => boolean,
  limit = Infinity,
): JsonLine[] {
  const lines: JsonLine[] = [];
  walk(lines, value, '', 0, null, false, folded, limit);
  return lines;
}

function walk(
  lines: JsonLine[],
  value: unknown,
  path: string,
  depth: number,
  key: string | null,
  comma: boolean,
  folded: (path: string, depth: number, size: number) => boolean,
  limit: number,
): void {
  if (lines.length >= limit) return;
  const mark = markOf(value);
  if (mark !== null && mark.kind !== 'object') {
    lines.push({ path, depth, key, kind: 'mark', text: markText(mark), type: WORDS[mark.kind] ?? mark.kind, comma });
    return;
  }
  const content = mark === null ? value : mark.v;
  if (typeof content !== 'object' || content === null) {
    lines.push({ path, depth, key, kind: kindOf(content), text: JSON.stringify(content) ?? 'undefined', comma });
    return;
  }
  const list = Array.isArray(content);
  const entries: [string | null, string, unknown][] = list
    ? content.map((item: unknown, i) => [null, `${path}[${i}]`, item])
    : Object.entries(content).map(([name, item]) => [name, step(path, name), item]);
  const [open, shut] = list ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) {
    lines.push({ path, depth, key, kind: 'word', text: `${open}${shut}`, comma });
    return;
  }
  const short = list ? inline(content) : null;
  if (short !== null) {
    lines.push({ path, depth, key, kind: 'word', text: short, comma });
    return;
  }
  const isFolded = folded(path, depth, entries.length);
  const text = isFolded ? `${open} … ${shut}` : open;
  lines.push({
    path,
    depth,
    key,
    kind: 'open',
    text,
    size: entries.length,
    folded: isFolded,
    comma: isFolded && comma,
  });
  if (isFolded) return;
  entries.forEach(([name, at, item], i) => {
    walk(lines, item, at, depth + 1, name, i < entries.length - 1, folded, limit);
  });
  lines.push({ path, depth, key: null, kind: 'close', text: shut, comma });
}

/** Short lists of plain values stand in one line. */
function inline(list: readonly unknown[]): string | null {
  if (list.some((item) => typeof item === 'object' && item !== null)) return null;
  const text = `[${list.map((item) => JSON.stringify(item)).join(', ')}]`;
  return text.length <= 40 ? text : null;
}

function kindOf(value: unknown): JsonKind {
  return typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : 'word';
}

function markText({ kind, v, fields }: Mark): string {
  if (kind === 'cut') return typeof fields['head'] === 'string' ? fields['head'] : '';
  if (kind === 'hidden') return 'You may not see payloads here';
  if (kind === 'undefined') return 'undefined';
  return typeof v === 'string' ? v : (JSON.stringify(v) ?? '');
}

/** The path of a field, written as JavaScript reads it. */
export function step(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** The value that stands at the path of a line. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const [, dotted, index, quoted] of path.matchAll(
    /(?:^|\.)([A-Za-z_$][\w$]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g,
  )) {
    const key = dotted ?? index ?? (JSON.parse(quoted ?? '""') as string);
    const mark = markOf(at);
    const fields = (mark !== null && mark.kind === 'object' ? mark.v : at) as Record<string, unknown> | null;
    at = fields?.[key];
  }
  return at;
}

/** UTF-8 bytes of a payload as it is stored. */
export function sizeOf(value: unknown): number {
  const mark = markOf(value);
  if (mark?.kind === 'cut') return Number(mark.fields['bytes']);
  return new TextEncoder().encode(JSON.stringify(value) ?? '').length;
}
