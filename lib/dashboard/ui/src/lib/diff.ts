/* What differs between two payloads, as lines of JSON: only what changed, with the objects around it. */

export interface DiffLine {
  readonly kind: 'same' | 'add' | 'del';
  readonly depth: number;
  readonly key: string | null;
  readonly text: string;
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !('$durable' in value);

export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Lines of what is in `after` and not in `before`, and the other way round; empty: they are equal. */
export function diff(before: unknown, after: unknown, depth = 0): DiffLine[] {
  if (same(before, after)) return [];
  if (!isObject(before) || !isObject(after)) {
    return [...whole('del', null, before, depth), ...whole('add', null, after, depth)];
  }
  const lines: DiffLine[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[key];
    const is = after[key];
    if (key in before && key in after) {
      if (same(was, is)) continue;
      if (isObject(was) && isObject(is)) {
        lines.push({ kind: 'same', depth, key, text: '{' }, ...diff(was, is, depth + 1), close(depth));
        continue;
      }
    }
    if (key in before) lines.push(...whole('del', key, was, depth));
    if (key in after) lines.push(...whole('add', key, is, depth));
  }
  return lines;
}

/** What a step changed: `output` is merged into `input` by its keys; `null`: nothing. */
export function changes(input: unknown, output: unknown): DiffLine[] {
  if (output === null || output === undefined) return [];
  if (!isObject(input) || !isObject(output)) return diff(input, output);
  return diff(input, { ...input, ...output });
}

const close = (depth: number): DiffLine => ({ kind: 'same', depth, key: null, text: '}' });

function whole(kind: 'add' | 'del', key: string | null, value: unknown, depth: number): DiffLine[] {
  const rows = (JSON.stringify(value, null, 2) ?? 'undefined').split('\n');
  return rows.map((row, i) => {
    const text = row.trimStart();
    const inner = (row.length - text.length) / 2;
    return { kind, depth: depth + inner, key: i === 0 ? key : null, text };
  });
}
