/** Gives the text of a file of the app, by its path from the app's folder; null: there is none. */
export type ReadFile = (path: string) => string | null;

/** A file that is made or changed. */
export interface Change {
  readonly path: string;
  /** null: it is new. */
  readonly before: string | null;
  readonly after: string;
}

/** The change as lines with `+` and `-`, and two lines around each; a new file has only `+`. */
export function diffLines({ before, after }: Change): string[] {
  const [old, made] = [linesOf(before ?? ''), linesOf(after)];
  const kept = longestCommon(old, made);
  const all: string[] = [];
  let [a, b] = [0, 0];
  for (const [x, y] of [...kept, [old.length, made.length] as const]) {
    while (a < x) all.push(`- ${old[a++] ?? ''}`);
    while (b < y) all.push(`+ ${made[b++] ?? ''}`);
    if (x < old.length) all.push(`  ${old[a++] ?? ''}`);
    b = Math.min(made.length, y + 1);
  }
  return all.filter((_, at) => all.slice(Math.max(0, at - 2), at + 3).some((line) => !line.startsWith(' ')));
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Pairs of lines that stay, by their places. */
function longestCommon(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const length = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      lengths[i]?.fill(length, j, j + 1);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}
