import { BEGAN, type Grain, middleOf, quantileOf, type StatsRow } from '../durable.js';
import type { InputReader } from '../http/input.js';
import { date } from '../http/input.js';

/** A stretch of time that is looked at; all in ms. */
export interface Window {
  readonly since: number;
  readonly until: number;
}

const HOUR = 3_600_000;
const WINDOWS: Readonly<Record<string, number>> = {
  '1h': HOUR,
  '6h': 6 * HOUR,
  '24h': 24 * HOUR,
  '7d': 168 * HOUR,
  '30d': 720 * HOUR,
};
const MINUTE = 60_000;
/** Points of a chart, at most about. */
const POINTS = 120;

export interface AskedWindow {
  readonly length: number;
  readonly since: Date | null;
  readonly until: Date | null;
}

/** `window=24h`, or `since` and `until`. */
export function askedWindow(read: InputReader): AskedWindow {
  const word = read.oneOf('window', '24h', Object.keys(WINDOWS));
  const [since, until] = [date(read, 'since'), date(read, 'until')];
  if (until !== null && since === null) read.fault('since', 'expected since beside until');
  if (since !== null && until !== null && since >= until) read.fault('until', 'expected a time after since');
  return { length: WINDOWS[word] ?? HOUR, since, until };
}

export function windowOf({ length, since, until }: AskedWindow, now: number): Window {
  const end = until?.getTime() ?? now;
  return { since: since?.getTime() ?? end - length, until: end };
}

/** The pieces that the stored figures of a window have: minutes are kept a day, quarters of an hour a week. */
export function grainOf({ since, until }: Window, now: number): Grain {
  // With the window before.
  const oldest = now - (2 * since - until);
  if (oldest <= 26 * HOUR && until - since <= 6 * HOUR) return 1;
  return oldest <= 192 * HOUR && until - since <= 48 * HOUR ? 15 : 120;
}

/** Statuses of runs that failed, whatever became of what they had done. */
export const FAILED = ['failed', 'compensated', 'compensation_failed'] as const;
const failures: ReadonlySet<string> = new Set(FAILED);

/** How many runs. */
export interface Numbers {
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly other: number;
  readonly rollbackFailed: number;
}

export interface Sums extends Numbers {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly delay50: number | null;
  readonly delay95: number | null;
}

export function numbersOf(rows: readonly Pick<StatsRow, 'outcome' | 'n'>[]): Numbers {
  const sums = { started: 0, completed: 0, failed: 0, other: 0, rollbackFailed: 0 };
  for (const { outcome, n } of rows) {
    if (outcome === BEGAN) sums.started += n;
    else if (outcome === 'completed') sums.completed += n;
    else if (failures.has(outcome)) sums.failed += n;
    else sums.other += n;
    if (outcome === 'compensation_failed') sums.rollbackFailed += n;
  }
  return sums;
}

export function sumsOf(rows: readonly StatsRow[]): Sums {
  const [durations, delays] = [new Map<number, number>(), new Map<number, number>()];
  for (const row of rows) {
    if (row.outcome === 'completed') addUp(durations, row.durations);
    addUp(delays, row.delays);
  }
  const whole = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));
  return {
    ...numbersOf(rows),
    p50: whole(quantileOf(durations, 0.5)),
    p95: whole(quantileOf(durations, 0.95)),
    delay50: whole(quantileOf(delays, 0.5)),
    delay95: whole(quantileOf(delays, 0.95)),
  };
}

/** The points of a chart, at most about so many: the beginning of the first, and how far apart they are. */
export function pointsOf({ since, until }: Window, grain: Grain, points = POINTS): { first: number; step: number } {
  const piece = grain * MINUTE;
  const step = Math.max(1, Math.ceil((until - since) / points / piece)) * piece;
  return { first: Math.floor(since / piece) * piece, step };
}

/** One entry for each point of the window, those without runs too. */
export function seriesOf(
  rows: readonly StatsRow[],
  window: Window,
  grain: Grain,
  points = POINTS,
): { at: number; sums: Sums }[] {
  return byPoint(rows, window, grain, points).map(([at, some]) => ({ at, sums: sumsOf(some) }));
}

/** The rows of each point of the window. */
export function byPoint(
  rows: readonly StatsRow[],
  window: Window,
  grain: Grain,
  points: number,
): [number, StatsRow[]][] {
  const { first, step } = pointsOf(window, grain, points);
  const pieces = new Map<number, StatsRow[]>();
  for (let at = first; at < window.until; at += step) pieces.set(at, []);
  for (const row of rows) pieces.get(first + Math.floor((row.at - first) / step) * step)?.push(row);
  return [...pieces];
}

/** How many runs completed in about so many ms, the fastest first. */
export function durationsOf(rows: readonly StatsRow[]): { ms: number; n: number }[] {
  const found = new Map<number, number>();
  for (const { outcome, durations } of rows) if (outcome === 'completed') addUp(found, durations);
  return [...found].toSorted(([a], [b]) => a - b).map(([bucket, n]) => ({ ms: Math.round(middleOf(bucket)), n }));
}

/**
 * Counts of a window in so many equal pieces. What is counted in a longer stretch is divided among the pieces that it
 * covers, so that the sum stays.
 */
export function spread(
  rows: readonly Pick<StatsRow, 'at' | 'n'>[],
  { since, until }: Window,
  grain: Grain,
  pieces: number,
): number[] {
  const counts = Array.from({ length: pieces }, () => 0);
  const width = (until - since) / pieces;
  for (const { at, n } of rows) {
    const [from, to] = [Math.max(at, since), Math.min(at + grain * MINUTE, until)];
    let told = 0;
    for (let piece = Math.floor((from - since) / width); piece < pieces && since + piece * width < to; piece++) {
      const share = Math.round((n * (Math.min(since + (piece + 1) * width, to) - from)) / (to - from));
      counts[piece] = (counts[piece] ?? 0) + share - told;
      told = share;
    }
  }
  return counts;
}

function addUp(into: Map<number, number>, from: ReadonlyMap<number, number>): void {
  for (const [bucket, n] of from) into.set(bucket, (into.get(bucket) ?? 0) + n);
}
