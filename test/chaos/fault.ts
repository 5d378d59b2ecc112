import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../support/random.js';
import type { Verdict } from '../support/faults/verdict.js';
import { missing, type Need } from './needs.js';

/** One fault: how often it is injected, and what must hold. A row of docs/faults.md. */
export interface FaultOptions {
  /** Name of its spec file, by which it is run alone. */
  readonly name: string;
  /** What befalls whom, in some words. */
  readonly title: string;
  /** What must hold, beside nothing lost, doubled or stuck. */
  readonly bar: string;
  /** How it was tried, for the reader of the report. */
  readonly how: string;
  /** What the times are: from when to when. */
  readonly times?: string;
  /** ms that the p99 of the times may be, in a full run: a short one shares its machine. */
  readonly limit?: number;
  readonly needs?: readonly Need[];
  /** Injections at least, in a full and in a short run: a test that did nothing has failed. */
  readonly injections: Sizes;
  /** Runs at least. */
  readonly runs: Sizes;
}

export interface Sizes {
  readonly full: number;
  readonly short: number;
}

export interface Trial {
  /** Of the faults' order and moments. Printed; those that failed are kept and tried again. */
  readonly random: Random;
  readonly short: boolean;
  /** The figure for this run. */
  size(sizes: Sizes): number;
  /** To be done at the end, however it comes; the last first. */
  after(work: () => unknown): void;
}

export interface Found {
  /** How often which fault was injected. */
  readonly injected: Readonly<Record<string, number>>;
  /** Runs that were under way, or came, while it was. */
  readonly runs: number;
  /** The load, in some words. */
  readonly load: string;
  readonly verdict: Verdict;
  /** ms until work went on, of each injection or run. */
  readonly times?: readonly number[];
  /** What else was seen, a sentence each. */
  readonly seen?: readonly string[];
}

const SHORT = process.env['CHAOS_SHORT'] === '1';
const KEPT = new URL('./failed-seeds.json', import.meta.url);
/** Of the harness itself: `work` waits for states, and has bounds of its own where it is asked how long something takes. */
const TIMEOUT = 15 * 60_000;

/** Declares the test of a fault, and one more for each seed with which it has failed before. */
export function fault(options: FaultOptions, work: (trial: Trial) => Promise<Found>): void {
  const { name, title, needs = [] } = options;
  const reasons = needs.flatMap((need) => missing(need) ?? []);
  if (reasons.length > 0) {
    it(`${title}: not tried`, () => {
      console.warn(`${name}: NOT TRIED: ${reasons.join('; ')}`);
      keepRow({ ...rowOf(options), skipped: reasons.join('; ') });
    });
    return;
  }
  for (const seed of seedsOf(name)) {
    it(
      `${title}: nothing is lost, doubled or stuck (CHAOS_SEED=${seed})`,
      () => attempt(options, seed, work).catch((error: unknown) => keepSeed(name, seed, error)),
      TIMEOUT,
    );
  }
}

async function attempt(options: FaultOptions, seed: number, work: (trial: Trial) => Promise<Found>): Promise<void> {
  const size = ({ full, short }: Sizes): number => (SHORT ? short : full);
  const begun = performance.now();
  const ends: (() => unknown)[] = [];
  const trial = { random: new Random(seed), short: SHORT, size, after: (end: () => unknown) => void ends.unshift(end) };
  const found = await work(trial).finally(async () => {
    for (const end of ends) await end();
  });
  const { verdict, times = [] } = found;
  const injected = Object.values(found.injected).reduce((sum, n) => sum + n, 0);
  const row = {
    ...rowOf(options),
    seed,
    injected: found.injected,
    runs: found.runs,
    load: found.load,
    lost: verdict.lost.length,
    doubled: verdict.doubled.length,
    stuck: verdict.stuck.length,
    p50: times.length === 0 ? null : quantile(times, 0.5),
    p99: times.length === 0 ? null : quantile(times, 0.99),
    samples: times.length,
    seen: found.seen ?? [],
    seconds: Math.round((performance.now() - begun) / 1_000),
  };
  // Told before it is judged.
  console.log(JSON.stringify(row));
  expect(verdict).toEqual({ lost: [], doubled: [], stuck: [], broken: [] });
  expect(injected).toBeGreaterThanOrEqual(size(options.injections));
  expect(found.runs).toBeGreaterThanOrEqual(size(options.runs));
  if (options.times !== undefined) expect(times).not.toEqual([]);
  if (!SHORT && options.limit !== undefined) expect(row.p99).toBeLessThanOrEqual(options.limit);
  keepRow(row);
}

/** Nearest rank, in whole ms. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.max(0, Math.ceil(sorted.length * at) - 1)] ?? 0);
}

function rowOf({ name, title, bar, how, times }: FaultOptions): object {
  return { name, title, bar, how, times: times ?? null };
}

/** For run.mjs, which makes the report of all of them. */
function keepRow(row: object): void {
  const folder = process.env['CHAOS_ROWS'];
  const { name } = row as { name: string };
  if (folder !== undefined) writeFileSync(join(folder, `${name}.json`), JSON.stringify(row));
}

function keptSeeds(): Record<string, number[]> {
  return JSON.parse(readFileSync(KEPT, 'utf8')) as Record<string, number[]>;
}

function seedsOf(name: string): number[] {
  const given = process.env['CHAOS_SEED'];
  if (given !== undefined) return [Number(given)];
  return [...(keptSeeds()[name] ?? []), Date.now() % 1_000_000_000];
}

function keepSeed(name: string, seed: number, error: unknown): never {
  const kept = keptSeeds();
  kept[name] = [...new Set([...(kept[name] ?? []), seed])];
  writeFileSync(KEPT, `${JSON.stringify(kept, null, 2)}\n`);
  throw error;
}
