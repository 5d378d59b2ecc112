import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { get } from '../../lib/api.js';
import { now } from '../../lib/clock.js';
import { withTerm } from '../../lib/filter.js';
import { seriesSentence, uncountedShare } from '../../lib/series.js';
import { clock, day, mark, moment } from '../../lib/time.js';
import type { Series } from '../../lib/types.js';
import { At } from '../../parts/text.js';

const W = 1000;
const H = 34;

/** Starts over the window with their failures; dragging chooses a window. */
export function Strip({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const { data } = useQuery({
    queryKey: ['count', 'series', q],
    queryFn: ({ signal }) => get<Series>('runs/series', { q }, signal),
    staleTime: 20_000,
    placeholderData: (before) => before,
  });
  const ref = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const buckets = data?.buckets ?? [];
  if (data === undefined || buckets.length === 0) return <div className="strip" aria-hidden="true" />;
  const from = Date.parse(data.since);
  const to = Date.parse(data.until);
  const most = Math.max(1, ...buckets.map((b) => b.started));
  const step = W / buckets.length;
  const share = (x: number): number => {
    const box = ref.current?.getBoundingClientRect();
    return box === undefined ? 0 : Math.max(0, Math.min(1, (x - box.left) / box.width));
  };
  const done = (): void => {
    if (drag === null) return;
    const [a, b] = [Math.min(...drag), Math.max(...drag)];
    setDrag(null);
    if (b - a < 0.005) return;
    const at = (x: number): string =>
      new Date(Math.round((from + (to - from) * x) / 1000) * 1000).toISOString().replace('.000', '');
    onChange(withTerm(withTerm(q, 'since', at(a)), 'until', at(b)));
  };
  const today = new Date(now());
  const label = (x: number): string => {
    const date = new Date(from + (to - from) * x);
    if (x === 1 && to > now() - 60_000) return 'now';
    if (to - from > 36 * 3_600_000) return mark(date);
    const text = clock(date, 'minute');
    return x === 0 && date.toDateString() !== today.toDateString()
      ? `${today.getTime() - from < 48 * 3_600_000 ? 'yesterday' : day(date, today)} ${text}`
      : text;
  };
  const uncounted = uncountedShare(data);
  return (
    <div className="strip">
      <svg
        ref={ref}
        viewBox={`0 0 ${W} ${H}`}
        width="100%"
        height={H}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${seriesSentence(data, (at) => moment(new Date(at), today))} Drag to choose a window.`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag([share(event.clientX), share(event.clientX)]);
        }}
        onPointerMove={(event) => drag !== null && setDrag([drag[0], share(event.clientX)])}
        onPointerUp={done}
        onPointerCancel={() => setDrag(null)}
      >
        {uncounted > 0 && <rect width={uncounted * W} height={H} fill="var(--sunken)" />}
        {buckets.map(({ at, started, failed: bad }, i) => {
          const h = started === 0 ? 0 : Math.max(1.5, (started / most) * (H - 6));
          const f = bad === 0 ? 0 : Math.max(1.5, (bad / most) * (H - 6));
          return (
            <g key={at}>
              <rect
                x={i * step}
                y={H - h}
                width={step * 0.81}
                height={Math.max(0, h - f)}
                fill="var(--mute-f)"
                opacity=".42"
                rx="1"
              />
              {f > 0 && <rect x={i * step} y={H - f} width={step * 0.81} height={f} fill="var(--fail-f)" rx="1" />}
            </g>
          );
        })}
        {drag !== null && (
          <rect
            x={Math.min(...drag) * W}
            y="0"
            width={Math.abs(drag[1] - drag[0]) * W}
            height={H}
            fill="var(--active)"
          />
        )}
      </svg>
      <div className="row note spread tab-n">
        {[0, 0.25, 0.5, 0.75, 1].map((x) => (
          <span key={x}>{label(x)}</span>
        ))}
      </div>
      {data.lookedTo !== null && (
        <div className="row note" data-testid="strip-looked-to">
          Counted back to <At at={data.lookedTo} />: there are too many runs before it for one look. Drag over a shorter
          time, or give since: and until:.
        </div>
      )}
    </div>
  );
}
