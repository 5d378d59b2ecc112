import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.js';
import type { Sample } from './sampler.js';

export interface Taken {
  readonly minutes: number;
  readonly kills: number;
  readonly runs: number;
  /** ms for which finished runs were kept. */
  readonly kept: number;
  readonly samples: readonly Sample[];
  /** Runs that did not complete. */
  readonly failed: readonly string[];
}

/** One figure at the beginning of what counts, and at its end. */
export interface Line {
  readonly name: string;
  readonly key: Figure;
  readonly unit: string;
  readonly early: number;
  readonly late: number;
  /** Of late to early, at most. */
  readonly bar: number;
  readonly holds: boolean;
}

export type Figure = 'memory' | 'tables' | 'indexes' | 'dead' | 'wal';

/** What must stay flat. Dead rows go up and down with each autovacuum. */
export const FIGURES: readonly {
  readonly key: Figure;
  readonly name: string;
  readonly unit: string;
  readonly bar: number;
}[] = [
  { key: 'memory', name: 'memory of a worker process', unit: 'MB', bar: 1.15 },
  { key: 'tables', name: 'tables', unit: 'MB', bar: 1.15 },
  { key: 'indexes', name: 'indexes', unit: 'MB', bar: 1.15 },
  { key: 'dead', name: 'dead rows', unit: '', bar: 1.5 },
  { key: 'wal', name: 'WAL a run', unit: 'kB', bar: 1.15 },
];
/** Of all samples: while what is kept fills up. */
const FILLING = 1 / 4;

/** Medians of the first and of the second half of what counts. */
export function verdictOf({ samples }: Taken): Line[] {
  const counted = samples.slice(Math.ceil(samples.length * FILLING));
  const middle = Math.floor(counted.length / 2);
  return FIGURES.map((figure) => {
    const median = (of: readonly Sample[]): number => {
      const values = of.flatMap((one) => one[figure.key] ?? []).toSorted((a, b) => a - b);
      return values[Math.floor(values.length / 2)] ?? Number.NaN;
    };
    const [early, late] = [median(counted.slice(0, middle)), median(counted.slice(middle))];
    return { ...figure, early, late, holds: late <= early * figure.bar };
  });
}

export function printed(taken: Taken, verdict: readonly Line[]): string {
  const rows = verdict.map(
    ({ name, early, late, unit, bar, holds }) =>
      `  ${name.padEnd(28)} ${shown(early)} → ${shown(late)} ${unit} (× ${(late / early).toFixed(2)}, bar ${bar})${holds ? '' : '  HAS GROWN'}`,
  );
  return [
    `${taken.runs} runs, ${taken.kills} kills, ${taken.failed.length} not completed`,
    ...rows,
    ...taken.failed,
  ].join('\n');
}

/** docs/soak.md, docs/soak.json and the chart. */
export async function write(taken: Taken, verdict: readonly Line[]): Promise<void> {
  const docs = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
  const about = `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`;
  await mkdir(docs('pictures'), { recursive: true });
  await writeFile(docs('pictures/soak.svg'), chart(taken.samples, taken.samples.length * FILLING));
  await writeFile(docs('soak.json'), `${JSON.stringify({ about, ...taken, verdict }, null, 1)}\n`);
  await writeFile(docs('soak.md'), page(taken, verdict, about));
}

function page({ minutes, kills, runs, kept, failed }: Taken, verdict: readonly Line[], about: string): string {
  const rows = verdict.map(
    ({ name, unit, early, late, bar }) =>
      `| ${name}${unit === '' ? '' : `, ${unit}`} | ${shown(early)} | ${shown(late)} | ${(late / early).toFixed(2)} | ≤ ${bar} |`,
  );
  return `# What stays flat

Written by \`npm run test:soak -- --minutes=${minutes} --write\`: three worker processes, two of which were killed with \`kill -9\` in
turns, 20 s after the last one was up again, under a load of runs with retries, waits, children, steps on another queue and transactional steps; finished
runs were kept for ${Math.round(kept / 1_000)} s (\`retention\`). **${runs} runs, ${kills} kills, ${failed.length} runs not completed.**

![Memory, tables, indexes, dead rows and WAL over ${minutes} minutes](pictures/soak.svg)

| median | first half | second half | ratio | bar |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

The first quarter fills what is kept, and does not count; the halves are those of the rest. Memory is that of the worker which was
not killed. Tables and indexes are those of the engine.

Taken on ${about}.
`;
}

function shown(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}
