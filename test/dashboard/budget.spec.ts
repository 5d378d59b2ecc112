import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const UI = join(import.meta.dirname, '../../dist/dashboard/ui');
const kB = 1000;

interface Chunk {
  file: string;
  isEntry?: boolean;
  imports?: string[];
  css?: string[];
}

const built = existsSync(join(UI, 'manifest.json'));
const describeBuilt = built ? describe : describe.skip;
if (!built) test('the budgets of the pages are left out: the pages are not built (npm run build)', () => undefined);

describeBuilt('the pages that are built', () => {
  const manifest = built ? (JSON.parse(readFileSync(join(UI, 'manifest.json'), 'utf8')) as Record<string, Chunk>) : {};
  const size = (file: string): number => gzipSync(readFileSync(join(UI, file)), { level: 9 }).length;
  const named = (part: string): [string, Chunk] => {
    const found = Object.entries(manifest).find(([name]) => name.includes(part));
    if (found === undefined) throw new Error(`${part} is not in the manifest`);
    return found;
  };
  /** With what it imports, without what is there already. */
  const closure = (name: string, known: ReadonlySet<string> = new Set()): Set<string> => {
    const files = new Set<string>();
    const walk = (one: string): void => {
      const chunk = manifest[one];
      if (chunk === undefined || files.has(chunk.file) || known.has(chunk.file)) return;
      files.add(chunk.file);
      for (const other of chunk.imports ?? []) walk(other);
    };
    walk(name);
    return files;
  };
  const total = (files: ReadonlySet<string>): number => [...files].reduce((sum, file) => sum + size(file), 0);
  const entry = Object.entries(manifest).find(([, chunk]) => chunk.isEntry === true)?.[0] ?? '';

  test('the first script takes no more than 170 kB, styles 16 kB, fonts 52 kB', () => {
    expect(total(closure(entry))).toBeLessThanOrEqual(170 * kB);
    expect((manifest[entry]?.css ?? []).reduce((sum, file) => sum + size(file), 0)).toBeLessThanOrEqual(16 * kB);
    const fonts = readdirSync(join(UI, 'assets')).filter((name) => name.endsWith('.woff2'));
    expect(fonts.reduce((sum, name) => sum + readFileSync(join(UI, 'assets', name)).length, 0)).toBeLessThanOrEqual(
      53 * kB,
    );
  });

  test.each([
    ['pages/run/graph-tab', 15],
    ['pages/workflows/workflow.tsx', 20],
    ['pages/doctor', 15],
    ['pages/audit', 15],
  ])('%s adds no more than %d kB', (part, most) => {
    expect(total(closure(named(part)[0], closure(entry)))).toBeLessThanOrEqual(most * kB);
  });

  test('all of it fits into 1.5 MB, each text has its compressed forms beside it, and nothing stands in the page itself', () => {
    const names = readdirSync(join(UI, 'assets'));
    expect(names.reduce((sum, name) => sum + readFileSync(join(UI, 'assets', name)).length, 0)).toBeLessThanOrEqual(
      1500 * kB,
    );
    for (const name of names.filter((one) => /\.(js|css|svg)$/.test(one)))
      expect(names).toEqual(expect.arrayContaining([`${name}.br`, `${name}.gz`]));
    const page = readFileSync(join(UI, 'index.html'), 'utf8');
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?:|="\//);
    expect(page).toMatch(/<base href="\.\/"/);
    expect(page).toMatch(/rel="preload"[^>]*geist-latin/);
  });
});
