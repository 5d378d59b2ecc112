import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useRef } from 'react';
import { type Axis } from '../../lib/axis.js';
import { type TreeNode } from '../../lib/tree-node.js';
import { type Line, type LoopState, ROW } from './timeline-rows.js';
import { Facets, MoreItems, TimelineRow } from './timeline-row.js';

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

export function Tree({ lines, axis, now, at, selected, onAt, onSelect, onToggle, onView, onMore }: TreeProps) {
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
    // A button of a row does what it says.
    if ((event.key === 'Enter' || event.key === ' ') && event.target instanceof HTMLButtonElement) return;
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
