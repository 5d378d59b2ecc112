import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { compilePages } from './compile.js';
import { type Page, parsePage, readPage, readPages, repository } from './pages.js';

const pages = readPages();

/** What relative links lead nowhere, a line each. */
function brokenLinks({ path, links, anchors }: Page): string[] {
  return links.flatMap(({ line, target }) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [to = '', anchor] = target.split('#');
    const file = to === '' ? path : normalize(join(dirname(path), to));
    if (file !== path && !existsSync(join(repository, file))) return [`${path}:${line}: ${target}: there is no ${file}`];
    if (anchor === undefined) return [];
    const there = to === '' ? anchors : readPage(file).anchors;
    return there.has(anchor) ? [] : [`${path}:${line}: ${target}: ${file} has no heading #${anchor}`];
  });
}

describe('README.md and docs/', () => {
  it('have blocks of TypeScript that compile under strict', () => {
    expect(compilePages(pages)).toEqual([]);
  });

  it('have links that lead somewhere', () => {
    expect(pages.flatMap(brokenLinks)).toEqual([]);
  });

  it('have every page in the index', () => {
    const listed = new Set(readPage('docs/index.md').links.map(({ target }) => `docs/${target.split('#')[0]}`));
    const all = pages.map(({ path }) => path).filter((path) => path !== 'README.md' && path !== 'docs/index.md');
    expect(all.filter((path) => !listed.has(path))).toEqual([]);
  });

  it('keep the README short', () => {
    expect(readFileSync(join(repository, 'README.md'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(150);
  });
});

describe('the check itself', () => {
  const page = (text: string): Page => parsePage('docs/made-up.md', text);

  it('names the line of what does not compile, in fragments and in whole files', () => {
    const faults = compilePages([
      page('# A\n\n```ts\nconst ms = days(3);\nconst text: string = ms;\n```\n'),
      page('```ts\n// src/a.ts\nimport { gone } from "./b.js";\n```\n\n```ts\n// src/b.ts\nexport const there = 1;\n```\n'),
    ]);
    expect(faults).toEqual([
      "docs/made-up.md:5: Type 'number' is not assignable to type 'string'.",
      expect.stringMatching(/^docs\/made-up\.md:3: .*"\.\/b\.js"' has no exported member 'gone'/),
    ]);
  });

  it('gives fragments what the setup before them says, and tells a fault in it apart', () => {
    const setup = '<!-- setup\ndeclare const client: DurableClient;\n-->\n';
    const use = '```ts\nawait client.retry("x");\n```\n';
    expect(compilePages([page(`${use}${setup}`)])).toEqual([
      expect.stringMatching(/^docs\/made-up\.md:2: Cannot find name 'client'/),
    ]);
    expect(compilePages([page(`${setup}${use}`)])).toEqual([]);
    expect(compilePages([page('<!-- setup\nlet no: Nothing;\n-->\n```ts\n```\n')])).toEqual([
      "docs/made-up.md:5: (in its setup) Cannot find name 'Nothing'.",
    ]);
  });

  it('finds links to pages and headings that are not there, but not those in code', () => {
    const text = '[a](gone.md) [b](index.md#how-to) [c](index.md#gone) [d](#here) `[e](gone.md)` [f](https://x.y)\n\n# Here';
    expect(brokenLinks(page(text))).toEqual([
      'docs/made-up.md:1: gone.md: there is no docs/gone.md',
      'docs/made-up.md:1: index.md#gone: docs/index.md has no heading #gone',
    ]);
  });
});
