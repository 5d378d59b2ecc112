import { useEffect, useMemo, useRef, useState } from 'react';
import { ticksOf, zoomed } from '../../lib/axis.js';
import { useKeys } from '../../lib/keys.js';
import { clock } from '../../lib/time.js';
import { isEnded, type TreeNode } from '../../lib/tree-node.js';
import type { Run } from '../../lib/types.js';
import { useNarrow } from '../../lib/url.js';
import { Button, Segments } from '../../parts/button.js';
import { kept } from '../../lib/store.js';
import { type LoopView, ROW, ROW_NARROW, useLines } from './timeline-rows.js';
import { wholeAxis, wheel, AxisLane, Over, Legend } from './timeline-axis.js';
import { Tree } from './timeline-tree.js';

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
