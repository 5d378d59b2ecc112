import { duration } from '../../lib/time.js';
import { count } from '../../lib/words.js';

/** How many runs took how long, in bins of about a fifth more each. */
export function Histogram({ bins, p95 }: { bins: readonly { ms: number; n: number }[]; p95: number | null }) {
  const W = 380;
  const H = 96;
  const most = Math.max(1, ...bins.map(({ n }) => n));
  const step = W / Math.max(1, bins.length);
  const marks =
    bins.length < 4
      ? bins.map((_, i) => i)
      : [0, Math.round(bins.length / 3), Math.round((bins.length * 2) / 3), bins.length - 1];
  const total = bins.reduce((sum, { n }) => sum + n, 0);
  return (
    <svg
      className="chart"
      viewBox={`0 0 ${W} ${H}`}
      width="100%"
      role="img"
      aria-label={`How long ${count(total)} runs took`}
    >
      {bins.map(({ ms, n }, i) => {
        const h = Math.max(1, (n / most) * (H - 22));
        return (
          <rect
            key={ms}
            x={i * step + 1}
            y={H - 18 - h}
            width={Math.max(1, step - 2)}
            height={h}
            rx="1.5"
            fill={p95 !== null && ms >= p95 ? 'var(--wait-f)' : 'var(--done-q)'}
          />
        );
      })}
      {marks.map((i) => (
        <text
          key={i}
          className="ax"
          x={Math.min(W - 2, Math.max(2, (i + 0.5) * step))}
          y={H - 3}
          textAnchor={i === 0 ? 'start' : i === bins.length - 1 ? 'end' : 'middle'}
        >
          {duration(bins[i]?.ms ?? 0, 1)}
        </text>
      ))}
    </svg>
  );
}
