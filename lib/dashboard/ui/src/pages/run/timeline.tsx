import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { type Axis, cutAxis, ticksOf, trueAxis, zoomed } from '../../lib/axis.js';
import { useKeys } from '../../lib/keys.js';
import { clock } from '../../lib/time.js';
import { isEnded, spansOf, type TreeNode } from '../../lib/tree.js';
import type { Run } from '../../lib/types.js';
import { useNarrow } from '../../lib/url.js';
import { Button, Segments } from '../../parts/button.js';
import { Logo } from '../../parts/icon.js';
import { kept } from '../../lib/store.js';
import { type Line, type LoopState, type LoopView, ROW, ROW_NARROW, useLines } from './timeline-rows.js';
import { Facets, MoreItems, TimelineRow } from './timeline-row.js';

const scale = kept<'cut' | 'true'>('scale', 'cut');

interface Props {
  run: Run;
  tree: readonly TreeNode[];
  now: number;
  selected: string | null;
  onSelect: (id: string | null) => void;
}

export function Timeline({ run, tree, now, selected, onSelect }: Props) {
  const how = scale.use();
  const narrow = useNarrow();
  const [open, setOpen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [views, setViews] = useState<ReadonlyMap<string, LoopView>>(new Map());
  const [zoom, setZoom] = useState<readonly [number, number] | null>(null);
  const [at, setAt] = useState<string | null>(selected);
  const lines = useLines(run, tree, open, views, narrow ? ROW_NARROW : ROW);
  const live = !isEnded(run.status);
  const whole = useMemo(() => wholeAxis(run, tree, now, how === 'true'), [run, tree, now, how]);
  const axis = useMemo(() => (zoom === null ? whole : zoomed(whole, ...zoom)), [whole, zoom]);
  const body = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const el = body.current;
    if (el === null) return;
    const watch = new ResizeObserver(([entry]) => entry !== undefined && setWidth(entry.contentRect.width));
    watch.observe(el);
    return () => watch.disconnect();
  }, []);
  const ticks = useMemo(() => ticksOf(axis, width, clock(new Date(axis.from))), [axis, width]);
  const toggle = (id: string, to: boolean): void => setOpen((was) => new Map(was).set(id, to));
  const look = (id: string, view: LoopView): void => setViews((was) => new Map(was).set(id, view));
  useKeys({
    '0': () => setZoom(null),
    '[': () => step(-1),
    ']': () => step(1),
  });
  const nodes = lines.filter((line) => line.kind === 'node');
  const step = (by: number): void => {
    const index = nodes.findIndex((line) => line.flat.node.id === (selected ?? at));
    const next = nodes[Math.max(0, Math.min(nodes.length - 1, index + by))];
    if (next === undefined) return;
    setAt(next.flat.node.id);
    onSelect(next.flat.node.id);
  };
  const allOpen = nodes.every((line) => line.flat.expanded !== false);
  const expandAll = (): void => {
    const next = new Map(open);
    const walk = (all: readonly TreeNode[]): void => {
      for (const node of all) {
        if (node.children.length > 0) next.set(node.id, !allOpen);
        walk(node.children);
      }
    };
    walk(tree);
    setOpen(next);
  };
  return (
    <>
      <div className="tl-bar">
        <Segments
          label="Scale"
          value={how}
          options={[
            ['cut', 'Cut idle time'],
            ['true', 'True scale'],
          ]}
          onChange={(to) => scale.set(to)}
        />
        {nodes.some((line) => line.flat.expanded !== null) && (
          <Button look="bare sm" testId="expand-all" onClick={expandAll}>
            {allOpen ? 'Fold all' : 'Expand all'}
          </Button>
        )}
        {zoom !== null && (
          <Button look="bare sm" hint="0" onClick={() => setZoom(null)}>
            Whole time
          </Button>
        )}
        <span className="grow" />
        {!narrow && (
          <span className="note" aria-hidden="true">
            <kbd>←</kbd> <kbd>→</kbd> fold &nbsp; <kbd>↑</kbd> <kbd>↓</kbd> move
          </span>
        )}
      </div>
      <div className="tl">
        <div className="tl-ax" aria-hidden="true">
          <span />
          <AxisLane
            axis={axis}
            ticks={ticks}
            narrow={narrow}
            laneRef={body}
            onZoom={(from, to) => setZoom([from, to])}
            onWheelZoom={(x, by) => setZoom(wheel(whole, axis, x, by))}
          />
        </div>
        <Over axis={axis} ticks={ticks} now={live ? now : null} />
        <Tree
          lines={lines}
          axis={axis}
          now={now}
          at={at ?? selected}
          selected={selected}
          onAt={setAt}
          onSelect={onSelect}
          onToggle={toggle}
          onView={(node, state) => look(node.id, { state, cursors: [null] })}
          onMore={(node, next) => {
            const view = lines.find((line) => line.kind === 'facets' && line.node === node);
            if (view?.kind === 'facets')
              look(node.id, { state: view.view.state, cursors: [...view.view.cursors, next] });
          }}
        />
      </div>
      <Legend narrow={narrow} />
    </>
  );
}

function wholeAxis(run: Run, tree: readonly TreeNode[], now: number, isTrue: boolean): Axis {
  const spans = spansOf(tree, now);
  const from = Math.min(Date.parse(run.startedAt ?? run.createdAt), ...spans.slice(0, 5000).map(([a]) => a));
  const end = run.completedAt === null ? now : Date.parse(run.completedAt);
  const last = spans.reduce((most, [, b]) => Math.max(most, b), end);
  const to = Math.max(last, from + 1);
  return isTrue ? trueAxis(from, to) : cutAxis(spans, from, to);
}

/** Closer or farther at a place, which stays where it is. */
function wheel(whole: Axis, axis: Axis, x: number, by: number): readonly [number, number] | null {
  const factor = by < 0 ? 0.8 : 1.25;
  const left = whole.x(axis.from);
  const size = whole.x(axis.to) - left;
  const next = Math.min(100, size * factor);
  if (next >= 99.9) return null;
  const pinned = left + (x / 100) * size;
  const start = Math.max(0, Math.min(100 - next, pinned - (x / 100) * next));
  return [whole.at(start), whole.at(start + next)];
}

function AxisLane({
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

function Over({ axis, ticks, now }: { axis: Axis; ticks: ReturnType<typeof ticksOf>; now: number | null }) {
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

interface TreeProps {
  lines: readonly Line[];
  axis: Axis;
  now: number;
  at: string | null;
  selected: string | null;
  onAt: (id: string) => void;
  onSelect: (id: string) => void;
  onToggle: (id: string, to: boolean) => void;
  onView: (node: TreeNode, state: LoopState) => void;
  onMore: (node: TreeNode, next: string) => void;
}

function Tree({ lines, axis, now, at, selected, onAt, onSelect, onToggle, onView, onMore }: TreeProps) {
  const ref = useRef<HTMLDivElement>(null);
  const virtual = useWindowVirtualizer({
    count: lines.length,
    estimateSize: (i) => lines[i]?.height ?? ROW,
    getItemKey: (i) => keyOf(lines[i]),
    overscan: 30,
    scrollMargin: ref.current?.offsetTop ?? 0,
  });
  const nodes = lines.flatMap((line, i) => (line.kind === 'node' ? [{ line, i }] : []));
  const here = nodes.findIndex(({ line }) => line.flat.node.id === at);
  const focusable = here === -1 ? nodes[0]?.line.flat.node.id : at;
  const move = (to: number): void => {
    const next = nodes[Math.max(0, Math.min(nodes.length - 1, to))];
    if (next === undefined) return;
    onAt(next.line.flat.node.id);
    virtual.scrollToIndex(next.i, { align: 'auto' });
    requestAnimationFrame(() =>
      ref.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true }),
    );
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const flat = nodes[Math.max(0, here)]?.line.flat;
    if (flat === undefined) return;
    const { node, expanded, depth } = flat;
    const done = (then: () => void): void => {
      event.preventDefault();
      event.stopPropagation();
      then();
    };
    switch (event.key) {
      case 'ArrowDown':
        return done(() => move(here + 1));
      case 'ArrowUp':
        return done(() => move(here - 1));
      case 'Home':
        return done(() => move(0));
      case 'End':
        return done(() => move(nodes.length - 1));
      case 'ArrowRight':
        return done(() => (expanded === false ? onToggle(node.id, true) : move(here + 1)));
      case 'ArrowLeft':
        return done(() => {
          if (expanded === true) onToggle(node.id, false);
          else move(nodes.findLastIndex(({ line }, i) => i < here && line.flat.depth < depth));
        });
      case 'Enter':
      case ' ':
        return done(() => onSelect(node.id));
      default:
    }
  };
  const items = virtual.getVirtualItems();
  const margin = ref.current?.offsetTop ?? 0;
  const last = items.at(-1);
  return (
    <div ref={ref} role="tree" aria-label="Timeline" data-testid="timeline" onKeyDown={onKeyDown}>
      <div role="none" style={{ height: Math.max(0, (items[0]?.start ?? margin) - margin) }} />
      {items.map((item) => {
        const line = lines[item.index];
        if (line === undefined) return null;
        if (line.kind === 'facets') return <Facets key={item.key} line={line} axis={axis} onView={onView} />;
        if (line.kind === 'more') return <MoreItems key={item.key} line={line} onMore={onMore} />;
        const { id } = line.flat.node;
        return (
          <TimelineRow
            key={item.key}
            flat={line.flat}
            axis={axis}
            now={now}
            selected={id === selected}
            focusable={id === focusable}
            onFocus={onAt}
            onSelect={(chosen) => {
              onAt(chosen);
              onSelect(chosen);
            }}
            onToggle={onToggle}
          />
        );
      })}
      <div
        role="none"
        style={{ height: last === undefined ? 0 : Math.max(0, virtual.getTotalSize() - (last.end - margin)) }}
      />
    </div>
  );
}

function keyOf(line: Line | undefined): string {
  if (line === undefined) return '';
  return line.kind === 'node' ? line.flat.node.id : `${line.kind}:${line.node.id}`;
}

const LEGEND = [
  ['done', 'completed'],
  ['run', 'running'],
  ['fail', 'failed attempt'],
  ['back', 'retry delay'],
  ['wait', 'wait'],
  ['undo', 'rollback'],
] as const;

function Legend({ narrow }: { narrow: boolean }) {
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
