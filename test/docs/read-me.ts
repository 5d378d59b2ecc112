import { type Block, fileOf, type Page } from './pages.js';

/** A request that a line with curl makes. */
export interface Request {
  readonly line: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** What the page says it prints; null: nothing. */
  readonly prints: string | null;
}

/** What a newcomer does who does what the README says, in this order. */
export interface QuickStart {
  readonly files: ReadonlyMap<string, string>;
  readonly install: readonly string[];
  /** Starts the app. */
  readonly start: string;
  readonly requests: readonly Request[];
}

const SHELL = ['sh', 'bash', 'shell', 'console', 'zsh'];

/**
 * Reads a page as a newcomer does: commands stand under a heading with "install" or "quick start", the TypeScript blocks under
 * the quick start are whole files, of the commands before the first `curl` the last one starts the app.
 */
export function readQuickStart({ path, blocks }: Page): QuickStart {
  const under = (block: Block, words: RegExp): boolean => block.headings.some((title) => words.test(title));
  const lines = blocks
    .filter((block) => SHELL.includes(block.language) && under(block, /install|quick start/i))
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => line.trim() !== '');
  const first = lines.findIndex((line) => line.startsWith('curl '));
  const commands = lines.slice(0, first).filter((line) => !line.startsWith('#'));
  const start = commands.pop();
  if (first < 0 || start === undefined) throw new Error(`${path} has no command that starts the app before a curl`);

  const files = new Map<string, string>();
  for (const block of blocks.filter((one) => one.language === 'ts' && under(one, /quick start/i))) {
    const file = fileOf(block) ?? /`([^`\s]+\.ts)`/.exec(block.before)?.[1];
    if (file === undefined) throw new Error(`${path}:${block.line}: which file is this?`);
    files.set(file, `${block.text}\n`);
  }
  const requests = lines.slice(first).flatMap((line, at, all): Request[] => {
    if (!line.startsWith('curl ')) return [];
    const next = all[at + 1] ?? '';
    return [{ ...requestOf(line), prints: next.startsWith('# ') ? next.slice(2) : null }];
  });
  return { files, install: commands, start, requests };
}

/** @throws Error for an option of curl that is not known here */
export function requestOf(line: string): Omit<Request, 'prints'> {
  const [, ...words] = wordsOf(line);
  const headers: Record<string, string> = {};
  let [method, url, body]: [string | null, string, string | null] = [null, '', null];
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (word === '-s') continue;
    if (word === '-X') method = words.shift() ?? '';
    else if (word === '-d') body = words.shift() ?? '';
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: */, 2);
      headers[name.toLowerCase()] = value;
    } else if (word.startsWith('-')) throw new Error(`${word} in: ${line}`);
    else url = word;
  }
  return { line, method: method ?? (body === null ? 'GET' : 'POST'), url, headers, body };
}

/** As a shell takes them apart. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, one?: string, two?: string) => one ?? two ?? ''));
}
