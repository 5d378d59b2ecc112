import { duration, mark, roughly, tickText } from './time.js';

/*
 * The axis of a timeline. Runs work for seconds and wait for days: stretches in which nothing works are cut out, each to
 * a gap of fixed width that names its length, and what is left grows by the logarithm of its length, so that a short
 * stretch of work stays visible beside a long one.
 */

export interface Segment {
  /** ms since the epoch */
  readonly from: number;
  readonly to: number;
  /** Percent of the width. */
  readonly x: number;
  readonly w: number;
  readonly idle: boolean;
}

export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly segments: readonly Segment[];
  /** Percent of the width at which a time stands. */
  x(at: number): number;
  /** The time at a percentage. */
  at(x: number): number;
}

export type Span = readonly [from: number, to: number];

/** Percent of a gap, and of all gaps together at most. */
const GAP = 9;
const GAPS = 54;
/** Percent that a stretch of work has at least. */
const LEAST = 4;
/** A stretch without work is cut out when it is longer than this, ms, and than this part of the work before it. */
const IDLE = 1000;
const SHARE = 0.6;

/** `spans`: when something worked, each for itself. */
export function cutAxis(spans: readonly Span[], from: number, to: number): Axis {
  const end = Math.max(to, from + 1);
  const busy = merge(spans, from, end);
  const idle: number[] = busy.map(([, until], i) => (busy[i + 1]?.[0] ?? end) - until);
  const first = busy[0];
  const lead = first === undefined ? 0 : first[0] - from;
  const cut = (length: number): boolean => length > IDLE;
  const gaps = idle.filter(cut).length + (cut(lead) ? 1 : 0);
  const gap = gaps === 0 ? 0 : Math.min(GAP, GAPS / gaps);
  const room = 100 - gaps * gap;
  // What is idle and too short to be cut out belongs to the stretch before it.
  const stretches = busy.map(([a, b], i): Span => [
    i === 0 && !cut(lead) ? from : a,
    cut(idle[i] ?? 0) ? b : b + (idle[i] ?? 0),
  ]);
  const weights = stretches.map(([a, b]) => Math.log2(1 + ((b - a) / 1000) * 4) || 0.01);
  const sum = weights.reduce((total, w) => total + w, 0);
  const least = Math.min(LEAST, room / Math.max(1, stretches.length) / 2);
  const wide = weights.map((w) => Math.max(least, (w / sum) * room));
  const scale = room / wide.reduce((total, w) => total + w, 0);
  const segments: Segment[] = [];
  let x = 0;
  const add = (a: number, b: number, w: number, isIdle: boolean): void => {
    segments.push({ from: a, to: b, x, w, idle: isIdle });
    x += w;
  };
  if (cut(lead)) add(from, from + lead, gap, true);
  stretches.forEach(([a, b], i) => {
    add(a, b, (wide[i] ?? 0) * scale, false);
    if (cut(idle[i] ?? 0)) add(b, b + (idle[i] ?? 0), gap, true);
  });
  return axisOf(segments, from, end);
}

/** As long as it took. */
export function trueAxis(from: number, to: number): Axis {
  const end = Math.max(to, from + 1);
  return axisOf([{ from, to: end, x: 0, w: 100, idle: false }], from, end);
}

/** A part of an axis over the whole width. */
export function zoomed(axis: Axis, from: number, to: number): Axis {
  const left = axis.x(from);
  const width = Math.max(0.001, axis.x(to) - left);
  const segments = axis.segments
    .filter((s) => s.to > from && s.from < to)
    .map((s) => {
      const a = Math.max(s.from, from);
      const b = Math.min(s.to, to);
      const x = ((axis.x(a) - left) / width) * 100;
      return { from: a, to: b, x, w: ((axis.x(b) - left) / width) * 100 - x, idle: s.idle };
    });
  return axisOf(segments, from, to);
}

function axisOf(segments: readonly Segment[], from: number, to: number): Axis {
  const place = (at: number): number => {
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at <= (segments[middle]?.to ?? 0)) high = middle;
      else low = middle + 1;
    }
    const s = segments[low];
    if (s === undefined) return 0;
    return s.x + s.w * (s.to === s.from ? 0 : clamp((at - s.from) / (s.to - s.from)));
  };
  const at = (x: number): number => {
    const s = segments.find((one) => x <= one.x + one.w) ?? segments.at(-1);
    return s === undefined ? from : s.from + (s.to - s.from) * clamp(s.w === 0 ? 0 : (x - s.x) / s.w);
  };
  return { from, to, segments, x: place, at };
}

function merge(spans: readonly Span[], from: number, end: number): [number, number][] {
  const busy: [number, number][] = [];
  const sorted = spans
    .map(([a, b]): [number, number] => [Math.max(from, a), Math.min(end, Math.max(a, b))])
    .filter(([a, b]) => b >= from && a <= end)
    .sort((p, q) => p[0] - q[0]);
  for (const [a, b] of sorted) {
    const last = busy.at(-1);
    if (last !== undefined && a - last[1] < (last[1] - last[0]) * SHARE + IDLE) last[1] = Math.max(last[1], b);
    else busy.push([a, b]);
  }
  return busy.length === 0 ? [[from, end]] : busy;
}

const clamp = (share: number): number => Math.max(0, Math.min(1, share));

export interface Tick {
  /** Percent of the width. */
  readonly x: number;
  readonly text: string;
  /** `start` stands to the right of its line, `gap` names what is cut out. */
  readonly kind: 'start' | 'tick' | 'mark' | 'gap';
  /** For narrow places. */
  readonly short: string;
}

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3,
  7200e3, 14400e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3,
];

/** Marks that have room beside each other; `width`: of the axis, px; `start`: how its first mark reads. */
export function ticksOf(axis: Axis, width: number, start: string, zone?: string): Tick[] {
  const taken: [number, number][] = [];
  const ticks: Tick[] = [];
  const px = (x: number): number => (x / 100) * width;
  const add = (tick: Tick): void => {
    const size = tick.text.length * 6.2 + 10;
    const left = tick.kind === 'start' ? px(tick.x) : px(tick.x) - size / 2;
    if (tick.x < 0 || left + size > width + 12) return;
    if (taken.some(([a, b]) => left < b && left + size > a)) return;
    taken.push([left, left + size]);
    ticks.push(tick);
  };
  add({ x: 0, text: start, kind: 'start', short: start });
  for (const s of axis.segments) {
    if (!s.idle) continue;
    const long = duration(s.to - s.from);
    const text = px(s.w) < long.length * 6.2 ? roughly(s.to - s.from) : long;
    add({ x: s.x + s.w / 2, text, kind: 'gap', short: roughly(s.to - s.from) });
  }
  axis.segments.forEach((s, i) => {
    if (s.idle || i === 0) return;
    add({ x: s.x, text: mark(new Date(s.from), zone), kind: 'mark', short: '' });
  });
  const first = axis.segments.find((s) => !s.idle);
  if (first === undefined) return ticks;
  const span = first.to - first.from;
  const step = STEPS.find((one) => (one / span) * px(first.w) >= 64) ?? span;
  for (let t = step; t <= span; t += step) {
    add({ x: axis.x(first.from + t), text: tickText(first.from - axis.from + t), kind: 'tick', short: '' });
  }
  return ticks;
}
