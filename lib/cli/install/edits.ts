/** Adds import lines behind the last one of the file. */
export function addImports(source: string, lines: readonly string[]): string {
  const missing = lines.filter((line) => !source.includes(line));
  if (missing.length === 0) return source;
  const imports = [...source.matchAll(/^import\b[^;]*?['"][^'"]+['"];?[ \t]*$/gm)];
  const last = imports.at(-1);
  const at = last === undefined ? 0 : last.index + last[0].length;
  const text = missing.join('\n');
  return at === 0 ? `${text}\n${source}` : `${source.slice(0, at)}\n${text}${source.slice(at)}`;
}

/**
 * Adds an element to a list of the options of `@Module()`. Null: there is no `@Module({ … })` that can be read, or what stands
 * under the key is no list.
 */
export function addToModule(source: string, key: string, element: string): string | null {
  const module = findCode(source, /@Module\(\s*\{/y, 0, source.length);
  if (module === null) return null;
  const open = module.end - 1;
  const close = closing(source, open);
  if (close === null) return null;
  const found = findCode(
    source,
    new RegExp(String.raw`(?<=[\s,{/])['"]?${key}['"]?\s*:\s*`, 'y'),
    open + 1,
    close,
    true,
  );
  if (found === null) {
    return `${source.slice(0, open + 1)}\n  ${key}: [${element}],${source.slice(open + 1)}`;
  }
  if (source[found.end] !== '[') return null;
  const end = closing(source, found.end);
  if (end === null) return null;
  const last = codeEnd(source, found.end + 1, end);
  const comma = last === found.end + 1 || source[last - 1] === ',' ? '' : ',';
  const comments = source.slice(last, end).trimEnd();
  const isEmpty = last === found.end + 1 && comments === '';
  const added = source.slice(found.end, end).includes('\n')
    ? `${comments}\n    ${element},\n  `
    : `${comments}${isEmpty ? '' : ' '}${element}`;
  return `${source.slice(0, last)}${comma}${added}${source.slice(end)}`;
}

/** `app.enableShutdownHooks()` behind the line that makes the app. Null: that line is not to be found. */
export function addShutdownHooks(source: string): string | null {
  const made = /^([ \t]*)(?:const|let)\s+(\w+)[^=\n]*=\s*await\s+NestFactory\s*\.create\w*[^(]*(?=\()/m.exec(source);
  if (made === null) return null;
  const end = closing(source, made.index + made[0].length);
  if (end === null) return null;
  const after = source[end + 1] === ';' ? end + 2 : end + 1;
  return `${source.slice(0, after)}\n${made[1] ?? ''}${made[2] ?? 'app'}.enableShutdownHooks();${source.slice(after)}`;
}

const PAIRS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** The place of the bracket that closes the one at `open`, past strings and comments. */
function closing(source: string, open: number): number | null {
  const stack: string[] = [];
  for (let at = open; at < source.length; at++) {
    const character = source.charAt(at);
    const skipped = skip(source, at);
    if (skipped !== at) at = skipped - 1;
    else if (character in PAIRS) stack.push(PAIRS[character] ?? '');
    else if (character === stack.at(-1)) {
      stack.pop();
      if (stack.length === 0) return at;
    }
  }
  return null;
}

/**
 * The first place of a sticky pattern between two others that is neither in a string nor in a comment.
 * @param isShallow nor between brackets
 */
function findCode(
  source: string,
  pattern: RegExp,
  from: number,
  to: number,
  isShallow = false,
): { readonly end: number } | null {
  for (let at = from; at < to; at++) {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) return { end: at + found[0].length };
    const skipped = skip(source, at);
    if (skipped !== at) at = skipped - 1;
    else if (isShallow && source.charAt(at) in PAIRS) at = closing(source, at) ?? to;
  }
  return null;
}

/** Where the last code between two places ends: behind it there are only comments. */
function codeEnd(source: string, from: number, to: number): number {
  let end = from;
  for (let at = from; at < to; at++) {
    const skipped = skip(source, at);
    const isComment = skipped !== at && source.charAt(at) === '/';
    if (skipped !== at) at = skipped - 1;
    if (!isComment && source.charAt(at).trim() !== '') end = at + 1;
  }
  return end;
}

/** Where the string or comment that begins here ends; the place itself: none does. */
function skip(source: string, at: number): number {
  const text = /(?:\/\/[^\n]*|\/\*[^]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)/y;
  text.lastIndex = at;
  const found = text.exec(source);
  return found === null ? at : at + found[0].length;
}
