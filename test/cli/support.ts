import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { runCli } from '../../lib/cli/cli.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Terminal {
  /** Of a terminal; default: a pipe. */
  readonly columns?: number;
  readonly rows?: number;
  /** What is typed. */
  readonly typed?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Called with all that was written so far, after each write. */
  readonly onWrite?: (out: string, err: string) => void;
}

/** Runs a command line in this process, on a terminal or in a pipe. */
export async function cli(argv: readonly string[], terminal: Terminal = {}): Promise<Ran> {
  const { columns, rows, typed, env = {}, cwd = process.cwd(), signal = new AbortController().signal } = terminal;
  const isTTY = columns !== undefined;
  const written = { out: '', err: '' };
  const sink = (to: 'out' | 'err') => ({
    isTTY,
    columns,
    rows,
    write(text: string) {
      written[to] += text;
      terminal.onWrite?.(written.out, written.err);
      return true;
    },
    once() {},
  });
  const stdin = Object.assign(new PassThrough(), { isTTY });
  if (typed !== undefined) stdin.write(typed);
  else stdin.end();
  const code = await runCli(argv, { stdout: sink('out'), stderr: sink('err'), stdin, env, cwd, signal });
  return { code, ...written };
}

/** Command lines on one database. */
export function cliOn(url: string) {
  return (argv: readonly string[], terminal: Terminal = {}): Promise<Ran> =>
    cli(argv, { ...terminal, env: { DATABASE_URL: url, ...terminal.env } });
}

export function json<T = never>({ out }: Ran): T {
  return JSON.parse(out) as T;
}

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const SHORT_ID = /\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}\b/g;
const SPAN = String.raw`\d+(?:\.\d)? (?:ms|s|min|h|d)(?: \d+ (?:s|min|h))?`;

/** The text with ids numbered in order of appearance, and times made one; padding keeps the columns. */
export function normalised(text: string, names: ReadonlyMap<string, string> = new Map()): string {
  const ids = new Map<string, string>();
  const nameOf = (id: string): string => {
    const key = id.slice(0, 18);
    const known = names.get(id) ?? ids.get(key) ?? `run-${ids.size + 1}`;
    ids.set(key, known);
    return known.padEnd(id.length).slice(0, id.length);
  };
  return text
    .replace(ID, nameOf)
    .replace(SHORT_ID, nameOf)
    .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, (time) => '<time>'.padEnd(time.length))
    .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/g, '<time>')
    .replace(/\b\d{2}:\d{2}:\d{2}\b/g, '<clock>')
    .replace(new RegExp(String.raw`\bin ${SPAN}`, 'g'), 'in <span>')
    .replace(new RegExp(String.raw`(?:${SPAN} ago|\bnow\b)`, 'g'), '<ago>')
    .replace(new RegExp(String.raw`\b(after|for) ${SPAN}`, 'g'), '$1 <span>')
    .replace(new RegExp(String.raw` *${SPAN}(?=\s|$|\)|,)`, 'g'), ' <span>')
    .replace(/127\.0\.0\.1:\d+\/\w+/g, '<database>')
    .replace(/(<ago>|<span>) +/g, '$1  ')
    .replace(/(STARTED|NEXT|LAST|ASKED|TIMES OUT) +(?=\S)/g, '$1  ')
    .replace(/ +(?=TOOK)/g, '  ')
    .replace(/[ \t]+$/gm, '');
}

/** Compares with a file in golden/, which `UPDATE_GOLDEN=1` writes anew. */
export function expectGolden(name: string, text: string): void {
  const file = new URL(`./golden/${name}.txt`, import.meta.url);
  if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(file)) {
    if (process.env['CI'] !== undefined) throw new Error(`golden/${name}.txt is missing`);
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
}
