import { useEffect, useRef, useState } from 'react';
import { type Axis, cutAxis, ticksOf, trueAxis } from '../../lib/axis.js';
import { type TreeNode } from '../../lib/tree-node.js';
import { spansOf } from '../../lib/tree-walk.js';
import type { Run } from '../../lib/types.js';
import { Logo } from '../../parts/icon.js';

export function wholeAxis(run: Run, tree: readonly TreeNode[], now: number, isTrue: boolean): Axis {
  const spans = spansOf(tree, now);
  const from = Math.min(Date.parse(run.startedAt ?? run.createdAt), ...spans.slice(0, 5000).map(([a]) => a));
  const end = run.completedAt === null ? now : Date.parse(run.completedAt);
  const last = spans.reduce((most, [, b]) => Math.max(most, b), end);
  const to = Math.max(last, from + 1);
  return isTrue ? trueAxis(from, to) : cutAxis(spans, from, to);
}

/** Closer or farther at a place, which stays where it is. */
export function wheel(whole: Axis, axis: Axis, x: number, by: number): readonly [number, number] | null {
  const factor = by < 0 ? 0.8 : 1.25;
  const left = whole.x(axis.from);
  const size = whole.x(axis.to) - left;
  const next = Math.min(100, size * factor);
  if (next >= 99.9) return null;
  const pinned = left + (x / 100) * size;
  const start = Math.max(0, Math.min(100 - next, pinned - (x / 100) * next));
  return [whole.at(start), whole.at(start + next)];
}

export function AxisLane({
  axis,
  ticks,
  narrow,
  laneRef,
  onZoom,
  onWheelZoom,
}: {
  axis: Axis;
  ticks: ReturnType<typeof ticksOf>;
  narrow: boolean;
  laneRef: React.RefObject<HTMLDivElement | null>;
  onZoom: (from: number, to: number) => void;
  onWheelZoom: (x: number, by: number) => void;
}) {
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const share = (x: number): number => {
    const box = laneRef.current?.getBoundingClientRect();
    return box === undefined ? 0 : Math.max(0, Math.min(100, ((x - box.left) / box.width) * 100));
  };
  const onWheel = useRef(onWheelZoom);
  onWheel.current = onWheelZoom;
  useEffect(() => {
    const el = laneRef.current;
    const turn = (event: WheelEvent): void => {
      if (!event.metaKey && !event.ctrlKey) return;
      event.preventDefault();
      onWheel.current(share(event.clientX), event.deltaY);
    };
    const area = el?.closest('.tl');
    area?.addEventListener('wheel', turn as EventListener, { passive: false });
    return () => area?.removeEventListener('wheel', turn as EventListener);
  });
  return (
    <div
      className="lane ax-lane"
      ref={laneRef}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([share(event.clientX), share(event.clientX)]);
      }}
      onPointerMove={(event) => drag !== null && setDrag([drag[0], share(event.clientX)])}
      onPointerUp={() => {
        if (drag !== null && Math.abs(drag[1] - drag[0]) > 1)
          onZoom(axis.at(Math.min(...drag)), axis.at(Math.max(...drag)));
        setDrag(null);
      }}
      onPointerCancel={() => setDrag(null)}
    >
      {ticks.map((tick) => (
        <span
          key={`${tick.kind}${tick.x}`}
          className={tick.kind === 'start' ? 'l' : tick.kind === 'gap' ? 'gap' : ''}
          style={{ left: `${tick.x}%` }}
        >
          {narrow ? tick.short : tick.text}
        </span>
      ))}
      {drag !== null && (
        <i className="zoom" style={{ left: `${Math.min(...drag)}%`, width: `${Math.abs(drag[1] - drag[0])}%` }} />
      )}
    </div>
  );
}

export function Over({ axis, ticks, now }: { axis: Axis; ticks: ReturnType<typeof ticksOf>; now: number | null }) {
  const idle = axis.segments.filter((s) => s.idle);
  return (
    <>
      <div className="tl-over" aria-hidden="true">
        {ticks
          .filter((tick) => tick.kind !== 'gap')
          .map((tick) => (
            <div key={tick.x} className="grid" style={{ left: `${tick.x}%` }} />
          ))}
        {idle.map((s) => (
          <div key={s.from} className="brk" style={{ left: `${s.x}%`, width: `${s.w}%` }} />
        ))}
        {now !== null && now <= axis.to + 1 && <div className="now" style={{ left: `${axis.x(now)}%` }} />}
      </div>
      <div className="tl-cut" aria-hidden="true">
        {idle.map((s) => (
          <i key={s.from} style={{ left: `${s.x + s.w / 2}%` }} />
        ))}
      </div>
    </>
  );
}

const LEGEND = [
  ['done', 'completed'],
  ['run', 'running'],
  ['fail', 'failed attempt'],
  ['back', 'retry delay'],
  ['wait', 'wait'],
  ['undo', 'rollback'],
] as const;

export function Legend({ narrow }: { narrow: boolean }) {
  return (
    <div className="legend" aria-hidden="true">
      {LEGEND.map(([kind, text]) => (
        <span key={kind}>
          <span className="lane">
            <i className={kind} />
          </span>
          {text}
        </span>
      ))}
      {!narrow && (
        <span>
          <Logo width={15} />
          idle time cut out
        </span>
      )}
    </div>
  );
}
