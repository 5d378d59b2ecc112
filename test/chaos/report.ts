import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

const FILE = new URL('../../docs/chaos.md', import.meta.url);

const HEAD = `# What was done to it, and what held

Written by \`npm run test:chaos\`, which fails where the invariants do not hold afterwards (test/support/audit.sql).
`;

/** Puts what a suite has found into docs/chaos.md, in place of what it said there before; with CHAOS_WRITE=1 only. */
export function report(title: string, lines: readonly string[]): void {
  for (const line of lines) console.log(`${title}: ${line}`);
  if (process.env['CHAOS_WRITE'] !== '1') return;
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  const section = `## ${title}\n\n${lines.join('\n\n')}\n\n${date}, ${machine}, \`CHAOS_WRITE=1 npm run test:chaos\`.\n`;
  const sections = new Map(sectionsOf(read()).map((text) => [titleOf(text), text]));
  sections.set(title, section);
  const sorted = [...sections.keys()].toSorted().map((key) => sections.get(key));
  mkdirSync(new URL('.', FILE), { recursive: true });
  writeFileSync(FILE, [HEAD, ...sorted].join('\n'));
}

/** Nearest rank, in whole ms. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * at) - 1)] ?? 0);
}

function read(): string {
  try {
    return readFileSync(FILE, 'utf8');
  } catch {
    return '';
  }
}

function sectionsOf(text: string): string[] {
  return text
    .split(/^(?=## )/m)
    .filter((part) => part.startsWith('## '))
    .map((part) => `${part.trimEnd()}\n`);
}

function titleOf(section: string): string {
  return section.slice(3, section.indexOf('\n'));
}
