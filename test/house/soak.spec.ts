import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measured } from '../ha/report.mjs';
import { chart } from '../soak/chart.js';
import { FIGURES, type Taken, verdictOf } from '../soak/report.js';
import type { Sample } from '../soak/sampler.js';

/** What `npm run test:soak` and `npm run test:ha` make of their figures. */
const FLAT: Sample = { at: 0, runsPerSecond: 40, memory: 200, tables: 8, indexes: 6, dead: 900, wal: 20, open: 30 };

function taken(sampleAt: (share: number) => Sample): Taken {
  const samples = Array.from({ length: 120 }, (_, n) => ({ ...sampleAt(n / 119), at: n * 15 }));
  return { minutes: 30, kills: 80, runs: 70_000, kept: 120_000, samples, failed: [] };
}

function grown(of: Taken): string[] {
  return verdictOf(of).flatMap(({ key, holds }) => (holds ? [] : [key]));
}

it('a soak is flat that goes up while what is kept fills, and to and fro afterwards', () => {
  const filling = (share: number): number => Math.min(1, share * 4);
  expect(grown(taken((share) => ({ ...FLAT, tables: 8 * filling(share) + Math.sin(share * 60) })))).toEqual([]);
});

it.each(FIGURES.map(({ key }) => key))('a soak in which one figure goes on growing is not flat: %s', (key) => {
  expect(grown(taken((share) => ({ ...FLAT, [key]: 10 * (1 + 20 * share) })))).toEqual([key]);
});

it('a soak without any run is not taken for flat', () => {
  expect(grown(taken(() => ({ ...FLAT, runsPerSecond: 0, wal: null })))).toEqual(['wal']);
});

it('the chart has a line for each figure, within its frame', () => {
  const { samples } = taken((share) => ({ ...FLAT, memory: 200 + 50 * share }));
  const svg = chart(samples, samples.length / 4);
  const [, width = '0', height = '0'] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  const lines = [...svg.matchAll(/points="([^"]*)"/g)].map(([, points = '']) => points.split(' '));
  expect(lines).toHaveLength(FIGURES.length);
  for (const point of lines.flat()) {
    const [x = -1, y = -1] = point.split(',').map(Number);
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x).toBeLessThanOrEqual(Number(width));
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThanOrEqual(Number(height));
  }
});

it('the page on high availability shows the figures that were written, and no others', () => {
  const docs = (name: string): string =>
    readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), 'utf8');
  const rows = JSON.parse(docs('high-availability.json')) as unknown[];
  expect(docs('how-to/high-availability.md')).toContain(measured(rows));
});
