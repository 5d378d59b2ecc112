import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  /** Of the first line of its text, from 1. */
  readonly line: number;
  readonly text: string;
  /** What hidden comments before it say is there: see CONTRIBUTING.md. */
  readonly setup: string;
  /** The heading that it stands under, with those above. */
  readonly headings: readonly string[];
  /** The last line of prose before it. */
  readonly before: string;
}

export interface Link {
  readonly line: number;
  readonly target: string;
}

export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** The names of its headings in addresses, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
}

/** README.md and all pages of docs/. */
export function readPages(): Page[] {
  const found = readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' });
  const docs = found.filter((name) => name.endsWith('.md') && !name.includes('node_modules'));
  return ['README.md', ...docs.map((name) => `docs/${name.replaceAll('\\', '/')}`).sort()].map((path) => readPage(path));
}

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(repository, path), 'utf8'));
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*(\S*)/;
const LINK = /\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/g;

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const anchors = new Set<string>();
  const headings: string[] = [];
  const setup: string[] = [];
  let before = '';
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const fence = FENCE.exec(line);
    if (fence !== null) {
      const [, , marks = '', language = ''] = fence;
      const end = lines.findIndex((one, index) => index > at && one.trim() === marks);
      if (end < 0) throw new Error(`${path}:${at + 1}: a block that does not end`);
      const body = lines.slice(at + 1, end).join('\n');
      blocks.push({ language, line: at + 2, text: body, setup: setup.join('\n'), headings: [...headings], before });
      at = end;
      continue;
    }
    if (line.trim() === '<!-- setup') {
      const end = lines.findIndex((one, index) => index > at && one.trim() === '-->');
      if (end < 0) throw new Error(`${path}:${at + 1}: a setup that does not end`);
      setup.push(...lines.slice(at + 1, end));
      at = end;
      continue;
    }
    const heading = /^(#+) (.*)$/.exec(line);
    if (heading !== null) {
      const [, marks = '', title = ''] = heading;
      headings.length = marks.length - 1;
      headings.push(title);
      anchors.add(slug(title));
    }
    if (line.trim() !== '') before = line.trim();
    const prose = line.replaceAll(/`[^`]*`/g, (code) => ' '.repeat(code.length));
    for (const [, target = ''] of prose.matchAll(LINK)) links.push({ line: at + 1, target });
    for (const [, target = ''] of prose.matchAll(/(?:src|srcset|href)="([^"]*)"/g)) links.push({ line: at + 1, target });
  }
  return { path, blocks, links, anchors };
}

/** The file that a TypeScript block is the whole of, by its first line (`// src/app.module.ts`) or a title in its fence. */
export function fileOf({ text }: Block): string | null {
  return /^\/\/ (\S+\.ts)$/.exec(text.split('\n', 1)[0] ?? '')?.[1] ?? null;
}

function slug(title: string): string {
  const plain = title.replaceAll(/`|\*|\[([^\]]*)\]\([^)]*\)/g, (_, text: string | undefined) => text ?? '');
  return plain
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
