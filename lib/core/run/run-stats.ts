import { storable } from '../limits.js';

/** Figures of runs over time, as they are added up and read. */

/** Minutes that a row covers, and ms for which such rows are kept. */
export const GRAINS = [
  { grain: 1, kept: 26 * 3_600_000 },
  { grain: 15, kept: 8 * 86_400_000 },
  { grain: 120, kept: 100 * 86_400_000 },
] as const;
export type Grain = (typeof GRAINS)[number]['grain'];

/** Event that a row counts: a first claim, or an end with one status. */
export const BEGAN = 'began';

export interface StatsRow {
  readonly grain: Grain;
  /** ms: its beginning. */
  readonly at: number;
  /** `ALL_WORKFLOWS`: all of them together. */
  readonly workflow: string;
  /** `BEGAN`, or a finished status. */
  readonly outcome: string;
  /** Name of the error; `''`: none. */
  readonly error: string;
  n: number;
  /** ms of all together. */
  ms: number;
  /** Counts by bucket of duration, or of delay of the first claim. */
  readonly durations: Map<number, number>;
  readonly delays: Map<number, number>;
}

/** No workflow has this name. */
export const ALL_WORKFLOWS = '';

/**
 * The rows, and those of all workflows together, in the order of the table's key: whoever looks at all of them reads as many
 * rows as of one.
 */
export function withTotals(rows: readonly StatsRow[]): StatsRow[] {
  const totals = new Map<string, StatsRow>();
  for (const row of rows) {
    const total = { ...row, workflow: ALL_WORKFLOWS, durations: new Map(row.durations), delays: new Map(row.delays) };
    const key = keyOf(total);
    const known = totals.get(key);
    if (known === undefined) totals.set(key, total);
    else addRow(known, row);
  }
  return inOrder(new Map([...totals, ...rows.map((row) => [keyOf(row), row] as const)]));
}

/** Four buckets for each doubling: a quantile is right to 9 %. */
export function bucketOf(ms: number): number {
  return Math.floor(4 * Math.log2(Math.max(1, ms)));
}

/** ms in the middle of a bucket. */
export function middleOf(bucket: number): number {
  return 2 ** ((bucket + 0.5) / 4);
}

/** The quantile of a histogram, ms; null: it is empty. */
export function quantileOf(histogram: ReadonlyMap<number, number>, quantile: number): number | null {
  const all = [...histogram].toSorted(([a], [b]) => a - b);
  const total = all.reduce((sum, [, n]) => sum + n, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, n] of all) {
    seen += n;
    if (seen >= quantile * total) return middleOf(bucket);
  }
  return null;
}

/** Names that a process keeps apart; further ones are added up as one. */
const MOST_WORKFLOWS = 500;
const MOST_ERRORS = 50;
export const OTHER = 'other';
const LONGEST = 200;

/** Adds up what this process is told, until it is taken. */
export class StatsAdder {
  private rows = new Map<string, StatsRow>();
  private readonly names = new Map<string, Set<string>>();

  add(now: number, workflow: string, outcome: string, error: string, ms: number | null, delayMs: number | null): void {
    // The name of an error is what somebody's code has made it: one that cannot be stored would keep all else back for ever.
    const [known, name] = this.known(workflow, storable(error, LONGEST));
    for (const { grain } of GRAINS) {
      const size = grain * 60_000;
      const at = Math.floor(now / size) * size;
      const key = keyOf({ grain, at, workflow: known, outcome, error: name });
      let row = this.rows.get(key);
      if (row === undefined) {
        row = {
          grain,
          at,
          workflow: known,
          outcome,
          error: name,
          n: 0,
          ms: 0,
          durations: new Map(),
          delays: new Map(),
        };
        this.rows.set(key, row);
      }
      row.n++;
      row.ms += Math.round(ms ?? 0);
      if (ms !== null) count(row.durations, bucketOf(ms), 1);
      if (delayMs !== null) count(row.delays, bucketOf(delayMs), 1);
    }
  }

  /** Takes the counts since the last call, in the order of the table's key. */
  take(): StatsRow[] {
    const rows = inOrder(this.rows);
    this.rows = new Map();
    return rows;
  }

  private known(workflow: string, error: string): readonly [workflow: string, error: string] {
    let errors = this.names.get(workflow);
    if (errors === undefined) {
      if (this.names.size >= MOST_WORKFLOWS) return [OTHER, error === '' ? '' : OTHER];
      errors = new Set();
      this.names.set(workflow, errors);
    }
    if (error === '' || errors.has(error)) return [workflow, error];
    if (errors.size >= MOST_ERRORS) return [workflow, OTHER];
    errors.add(error);
    return [workflow, error];
  }
}

function keyOf({ grain, at, workflow, outcome, error }: Omit<StatsRow, 'n' | 'ms' | 'durations' | 'delays'>): string {
  return [grain, at, workflow, outcome, error].join('\n');
}

function inOrder(rows: ReadonlyMap<string, StatsRow>): StatsRow[] {
  return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function addRow(to: StatsRow, { n, ms, durations, delays }: StatsRow): void {
  to.n += n;
  to.ms += ms;
  for (const [bucket, times] of durations) count(to.durations, bucket, times);
  for (const [bucket, times] of delays) count(to.delays, bucket, times);
}

function count(histogram: Map<number, number>, bucket: number, n: number): void {
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + n);
}
