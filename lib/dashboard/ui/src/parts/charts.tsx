import { useRef, useState } from 'react';
import { duration, mark, moment } from '../lib/time.js';
import { now } from '../lib/clock.js';
import { count } from '../lib/words.js';

/** Bars in small, the last ones standing out where something rose. */
export function Spark({
  values,
  width = 84,
  height = 18,
  hot,
}: {
  values: readonly number[];
  width?: number;
  height?: number;
  hot?: string;
}) {
  const most = Math.max(1, ...values);
  const step = width / Math.max(1, values.length);
  return (
    <svg className="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {values.map((value, i) => {
        const h = value === 0 ? 1 : Math.max(2, (value / most) * (height - 2));
        return (
          <rect
            key={i}
            x={i * step}
            y={height - h}
            width={Math.max(1, step - 1)}
            height={h}
            rx=".75"
            fill={value === 0 ? 'var(--line-2)' : (hot ?? 'var(--ink-3)')}
          />
        );
      })}
    </svg>
  );
}

/** A round figure at or above. */
export function nice(value: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((n) => n * size >= value) ?? 10) * size;
}

interface Points {
  readonly at: string;
}

/** Marks of time below a chart; about as many as have room. */
function timeMarks(points: readonly Points[], width: number): { i: number; text: string }[] {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return [];
  const span = Date.parse(last.at) - Date.parse(first.at);
  const most = Math.max(2, Math.floor(width / 110));
  const step = Math.max(1, Math.ceil(points.length / most));
  const today = new Date(now());
  return points.flatMap((point, i) =>
    i % step === Math.floor(step / 2)
      ? [
          {
            i,
            text:
              span > 36 * 3_600_000
                ? mark(new Date(point.at))
                : moment(new Date(point.at), today, 'minute').replace(/^.*, /, ''),
          },
        ]
      : [],
  );
}

export interface Ended {
  readonly at: string;
  readonly completed: number;
  readonly failed: number;
  readonly other: number;
}

/** Mirrored bars: what completed above the line, what failed below it on a scale of its own. Dragging chooses a window. */
export function EndedChart({
  series,
  width,
  onWindow,
}: {
  series: readonly Ended[];
  width: number;
  onWindow: (from: string, to: string) => void;
}) {
  const H = 190;
  const L = 38;
  const top = 8;
  const mid = Math.round(H * 0.62);
  const bottom = H - 20;
  const ref = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const n = Math.max(1, series.length);
  const step = (width - L) / n;
  const done = nice(Math.max(1, ...series.map((p) => p.completed)));
  const bad = nice(Math.max(1, ...series.map((p) => p.failed)));
  const up = (v: number): number => (v / done) * (mid - top);
  const down = (v: number): number => (v / bad) * (bottom - mid - 2);
  const index = (x: number): number => {
    const box = ref.current?.getBoundingClientRect();
    if (box === undefined) return 0;
    return Math.max(0, Math.min(n - 1, Math.floor((((x - box.left) / box.width) * width - L) / step)));
  };
  const finish = (): void => {
    if (drag === null) return;
    const [a, b] = [Math.min(...drag), Math.max(...drag)];
    setDrag(null);
    const from = series[a];
    const last = series[b];
    if (from === undefined || last === undefined) return;
    const size = n > 1 ? Date.parse(series[1]?.at ?? '') - Date.parse(series[0]?.at ?? '') : 60_000;
    onWindow(from.at, new Date(Date.parse(last.at) + size).toISOString());
  };
  const totals = series.reduce((sum, p) => [sum[0] + p.completed, sum[1] + p.failed] as const, [0, 0] as readonly [
    number,
    number,
  ]);
  return (
    <svg
      ref={ref}
      className="chart"
      viewBox={`0 0 ${width} ${H}`}
      width={width}
      height={H}
      role="img"
      data-testid="chart-ended"
      aria-label={`Runs that ended: ${count(totals[0])} completed, ${count(totals[1])} failed. Drag to open the runs of a window.`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([index(event.clientX), index(event.clientX)]);
      }}
      onPointerMove={(event) => drag !== null && setDrag([drag[0], index(event.clientX)])}
      onPointerUp={finish}
      onPointerCancel={() => setDrag(null)}
    >
      {[done, done / 2].map((v) => (
        <Rule key={v} y={mid - up(v)} x={L} w={width} text={count(v)} />
      ))}
      {totals[1] > 0 && <Rule y={mid + 1 + down(bad)} x={L} w={width} text={count(bad)} />}
      {drag !== null && (
        <rect
          x={L + Math.min(...drag) * step}
          y={top - 4}
          width={(Math.abs(drag[1] - drag[0]) + 1) * step}
          height={bottom - top + 4}
          fill="var(--active)"
        />
      )}
      {series.map((p, i) => {
        const h = p.completed === 0 ? 0 : Math.max(1.5, up(p.completed));
        const f = p.failed === 0 ? 0 : Math.max(1.5, down(p.failed));
        const x = L + i * step + 1;
        const w = Math.max(1, step - 2);
        return (
          <g key={p.at}>
            {h > 0 && <rect x={x} y={mid - h} width={w} height={h} rx="1.5" fill="var(--done-q)" />}
            {h > 0 && <rect x={x} y={mid - h} width={w} height="1.5" rx=".75" fill="var(--done-f)" />}
            {f > 0 && <rect x={x} y={mid + 1.5} width={w} height={f} rx="1.5" fill="var(--fail-f)" />}
          </g>
        );
      })}
      <line x1={L} x2={width} y1={mid + 0.5} y2={mid + 0.5} stroke="var(--line-3)" />
      {timeMarks(series, width).map(({ i, text }) => (
        <text key={i} className="ax" x={L + (i + 0.5) * step} y={H - 3} textAnchor="middle">
          {text}
        </text>
      ))}
    </svg>
  );
}

function Rule({ y, x, w, text }: { y: number; x: number; w: number; text: string }) {
  return (
    <>
      <line x1={x} x2={w} y1={y} y2={y} stroke="var(--line)" />
      <text className="ax" x={x - 8} y={y + 4} textAnchor="end">
        {text}
      </text>
    </>
  );
}

export interface Latency {
  readonly at: string;
  readonly p50: number | null;
  readonly p95: number | null;
}

const TICKS = [1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 86_400_000, 864_000_000];

/** Median and 95th percentile on a logarithmic scale. */
export function DurationChart({ series, width }: { series: readonly Latency[]; width: number }) {
  const H = 190;
  const L = 48;
  const top = 8;
  const bottom = H - 20;
  const values = series.flatMap(({ p50, p95 }) => [p50, p95].filter((v) => v !== null && v > 0) as number[]);
  const least = Math.max(1, Math.min(...values, Infinity));
  const most = Math.max(...values, least + 1);
  const low = TICKS.findLast((t) => t <= least) ?? 1;
  const high = TICKS.find((t) => t >= most) ?? most;
  const y = (v: number): number =>
    bottom -
    ((Math.log(Math.max(v, low)) - Math.log(low)) / Math.max(0.001, Math.log(high) - Math.log(low))) * (bottom - top);
  const x = (i: number): number => L + (i / Math.max(1, series.length - 1)) * (width - L - 4);
  const path = (of: (p: Latency) => number | null): string => {
    let d = '';
    let pen = 'M';
    series.forEach((p, i) => {
      const v = of(p);
      if (v === null) pen = 'M';
      else {
        d += `${pen}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
        pen = 'L';
      }
    });
    return d;
  };
  const last = series.findLastIndex((p) => p.p50 !== null);
  const end = series[last];
  const said =
    end === undefined ? 'no runs' : `at the end p50 ${duration(end.p50 ?? 0)}, p95 ${duration(end.p95 ?? 0)}`;
  return (
    <svg
      className="chart"
      viewBox={`0 0 ${width} ${H}`}
      width={width}
      height={H}
      role="img"
      data-testid="chart-duration"
      aria-label={`Duration of completed runs: ${said}`}
    >
      {TICKS.filter((t) => t >= low && t <= high).map((t) => (
        <Rule key={t} y={y(t)} x={L} w={width} text={duration(t, 1).replace('.0', '')} />
      ))}
      <path d={path((p) => p.p50)} fill="none" stroke="var(--ink-3)" strokeWidth="1.5" strokeDasharray="3 3" />
      <path d={path((p) => p.p95)} fill="none" stroke="var(--ink)" strokeWidth="1.75" />
      {end !== undefined && end.p50 !== null && <circle cx={x(last)} cy={y(end.p50)} r="2.5" fill="var(--ink-3)" />}
      {end !== undefined && end.p95 !== null && <circle cx={x(last)} cy={y(end.p95)} r="3" fill="var(--ink)" />}
      {timeMarks(series, width).map(({ i, text }) => (
        <text key={i} className="ax" x={x(i)} y={H - 3} textAnchor="middle">
          {text}
        </text>
      ))}
    </svg>
  );
}
