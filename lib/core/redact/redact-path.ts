/** `*`: any one key or index. */
export const ANY = Symbol('*');
/** `**`: any number of levels, none included. */
export const DEEP = Symbol('**');

/** One part of a path; a string is a key, or an index in digits. */
export type PathPart = string | typeof ANY | typeof DEEP;

export type ParsedPath =
  | { readonly ok: true; readonly parts: readonly PathPart[] }
  /** `problem`: what is wrong with it, to stand after its text. */
  | { readonly ok: false; readonly problem: string };

/** `[3]`, `[*]`, `["a.b"]`, `['a.b']`; in quotes a backslash takes the next character as it is. */
const BRACKET = /\[(?:(\d+)|(\*)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\]/sy;
const NAME = /[^.[\]]+/y;

/**
 * The parts of a path such as `customer.card.number`, `items[*].iban`, `["a.b"].c` or `**.secret`. What would never
 * match what it was meant for is a fault: a path that hides nothing looks like one that does.
 */
export function parsePath(path: string): ParsedPath {
  const parts: PathPart[] = [];
  let at = 0;
  while (at < path.length || parts.length === 0) {
    const first = parts.length === 0;
    if (path[at] === '[') {
      const found = matchAt(BRACKET, path, at);
      if (found === null) return { ok: false, problem: bracketProblem(path, at) };
      const [whole, index, any, double, single] = found;
      parts.push(any === undefined ? (index ?? (double ?? single ?? '').replace(/\\(.)/gs, '$1')) : ANY);
      at += whole.length;
      continue;
    }
    if (!first && path[at] !== '.') {
      return { ok: false, problem: path[at] === ']' ? UNBALANCED : 'expected "." or "[" after "]"' };
    }
    if (!first) at += 1;
    const name = matchAt(NAME, path, at)?.[0];
    if (name === undefined) return { ok: false, problem: path[at] === ']' ? UNBALANCED : 'it has an empty segment' };
    const problem = nameProblem(name, first);
    if (problem !== null) return { ok: false, problem };
    const part = name === '*' ? ANY : name === '**' ? DEEP : name;
    // `**.**` says no more than one of them.
    if (part !== DEEP || parts.at(-1) !== DEEP) parts.push(part);
    at += name.length;
  }
  return { ok: true, parts };
}

const UNBALANCED = 'its brackets do not match';

function bracketProblem(path: string, at: number): string {
  return path.includes(']', at) ? 'brackets hold an index, * or a key in quotes' : UNBALANCED;
}

function nameProblem(name: string, first: boolean): string | null {
  if (name.includes('*') && name !== '*' && name !== '**') {
    return '* stands for a whole key; one that has it in its name is quoted: ["a*"]';
  }
  if (/["']/.test(name)) return 'quotes stand in brackets: ["a.b"]';
  if (name.trim() !== name) return 'a key that begins or ends with a space is quoted: [" a"]';
  if (first && name === '$') return 'paths begin at the root without a "$"; a key of that name is quoted: ["$"]';
  return null;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
