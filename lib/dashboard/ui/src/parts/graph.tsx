import { type KeyboardEvent, useMemo, useRef } from 'react';
import { type Layout, layoutOf, type PlacedEdge, type PlacedNode } from '../lib/layout.js';
import type { Definition } from '../lib/types.js';
import { glyphs, type Glyph } from './glyphs.js';
import { statusText, toneOf } from './icon.js';

/** What is known of a member of the graph. */
export interface NodeState {
  readonly status: string;
  /** One line under its name. */
  readonly sub?: string;
  /** Of a loop: shares of its items. */
  readonly progress?: readonly { share: number; fill: string }[];
}

interface Props {
  definition: Definition;
  /** Its own name: `Graph of NAME`. */
  name: string;
  states: ReadonlyMap<string, NodeState>;
  selected: string | null;
  onSelect: (id: string) => void;
  slim: boolean;
  /** Of pixels. */
  zoom: number;
}

const CLASS: Record<string, string> = {
  completed: 'done',
  failed: 'fail',
  running: 'run',
  waiting: 'wait',
  retrying: 'wait',
  compensated: 'undo',
  compensating: 'undo',
  pending: 'todo',
  skipped: 'skip',
};

const isReached = (status: string | undefined): boolean =>
  status !== undefined && status !== 'pending' && status !== 'skipped';

/** The definition from top to bottom; arrows walk from member to member. */
export function Graph({ definition, name, states, selected, onSelect, slim, zoom }: Props) {
  const layout = useMemo(() => layoutOf(definition, slim), [definition, slim]);
  const ref = useRef<SVGSVGElement>(null);
  const order = layout.nodes;
  const focusable = order.some(({ id }) => id === selected) ? selected : order[0]?.id;
  const walk = (event: KeyboardEvent, from: PlacedNode): void => {
    const to = event.key.startsWith('Arrow') ? neighbour(order, from, event.key) : undefined;
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      onSelect(to.id);
      requestAnimationFrame(() => {
        const el = ref.current?.querySelector<SVGGElement>(`[data-node="${CSS.escape(to.id)}"]`);
        el?.focus();
        el?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      });
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onSelect(from.id);
    }
  };
  return (
    <svg
      ref={ref}
      className="g"
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      width={layout.width * zoom}
      height={layout.height * zoom}
      role="group"
      aria-label={`Graph of ${name}`}
      data-testid="graph"
    >
      <circle cx={layout.start.x} cy={layout.start.y} r="5" fill="var(--ink)" />
      <circle cx={layout.end.x} cy={layout.end.y} r="5" fill="none" stroke="var(--ink-3)" strokeWidth="1.5" />
      {layout.boxes.map((box) => (
        <g key={`${box.kind}${box.id}`}>
          <rect className="box" x={box.x} y={box.y} width={box.w} height={box.h} rx="10" />
          {box.kind === 'parallel' ? (
            <>
              <Mark name="parallel" x={box.x + 12} y={box.y + 9} className="i2" />
              <text x={box.x + 34} y={box.y + 21}>
                {box.name}
              </text>
              <text className="sub" x={box.x + box.w - 12} y={box.y + 21} textAnchor="end">
                {states.get(`${box.id}[fork]`)?.sub ?? box.head}
              </text>
            </>
          ) : (
            <>
              <text className="sub head" x={box.x + 14} y={box.y + 20}>
                {box.head}
              </text>
              <Progress x={box.x + 14} y={box.y + 29} w={box.w - 28} parts={states.get(box.id)?.progress ?? []} />
            </>
          )}
        </g>
      ))}
      {layout.edges.map((edge, i) => (
        <Edge key={i} edge={edge} states={states} />
      ))}
      {layout.nodes.map((node) => (
        <Node
          key={node.id + node.x}
          node={node}
          layout={layout}
          state={states.get(node.id)}
          selected={node.id === selected}
          focusable={node.id === focusable}
          onSelect={onSelect}
          onKey={walk}
        />
      ))}
    </svg>
  );
}

/** The zoom by which the graph in a box is no wider than it, and no smaller than so much of its size. */
export function fitting(box: Element | null, least: number): number {
  const width = box?.querySelector<SVGSVGElement>('svg.g')?.viewBox.baseVal.width ?? 0;
  if (box === null || width === 0) return 1;
  const { paddingLeft, paddingRight } = getComputedStyle(box);
  return Math.max(least, Math.min(1, (box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)) / width));
}

/** The nearest one in a direction, those straight ahead first. */
function neighbour(nodes: readonly PlacedNode[], from: PlacedNode, key: string): PlacedNode | undefined {
  const dx = key === 'ArrowLeft' ? -1 : key === 'ArrowRight' ? 1 : 0;
  const dy = key === 'ArrowUp' ? -1 : key === 'ArrowDown' ? 1 : 0;
  const cx = from.x + from.w / 2;
  const cy = from.y + from.h / 2;
  let best: PlacedNode | undefined;
  let least = Infinity;
  for (const node of nodes) {
    if (node === from) continue;
    const x = node.x + node.w / 2 - cx;
    const y = node.y + node.h / 2 - cy;
    const along = x * dx + y * dy;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (along <= 1) continue;
    const cost = along + aside * 2;
    if (cost < least) {
      least = cost;
      best = node;
    }
  }
  return best;
}

function Mark({ name, x, y, className }: { name: Glyph; x: number; y: number; className: string }) {
  return (
    <g
      transform={`translate(${x} ${y})`}
      className={className}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {glyphs[name]}
    </g>
  );
}

function Progress({
  x,
  y,
  w,
  parts,
}: {
  x: number;
  y: number;
  w: number;
  parts: readonly { share: number; fill: string }[];
}) {
  let at = 0;
  return (
    <>
      <rect x={x} y={y} width={w} height="6" rx="2" fill="var(--mute-w)" />
      {parts.map(({ share, fill }) => {
        const left = x + at * w;
        at += share;
        return (
          share > 0 && (
            <rect key={fill} x={left} y={y} width={Math.max(2, share * w - 1)} height="6" rx="2" fill={fill} />
          )
        );
      })}
    </>
  );
}

function Edge({ edge, states }: { edge: PlacedEdge; states: ReadonlyMap<string, NodeState> }) {
  const { d, from, to, kind, tip, label } = edge;
  const of = (id: string): string | undefined => (id === '[start]' ? 'completed' : states.get(id)?.status);
  const a = of(from);
  const b =
    to === '[end]'
      ? isReached(a) && a === 'completed'
        ? 'completed'
        : 'pending'
      : (of(to.replace(/\[fork\]$/, '')) ?? of(to));
  let look = 'todo';
  if (states.size === 0) look = '';
  else if (kind === 'compensate') look = b === 'skipped' ? 'skip' : b === 'pending' ? 'todo' : 'undo';
  else if (a === 'skipped' || b === 'skipped') look = 'skip';
  else if (kind === 'goto' || kind === 'item') look = kind === 'item' && isReached(a) ? 'took' : 'todo';
  else if (isReached(a) && isReached(b) && (kind !== 'join' || a === 'completed')) look = 'took';
  return (
    <>
      <path className={`ed ${look} ${kind === 'bar' ? 'barred' : ''}`} d={d} />
      {tip !== null && <path className={`ah ${look}`} d={TIPS[tip.to](tip.x, tip.y)} />}
      {label !== null &&
        (kind === 'goto' ? (
          <text className="lbl" transform={`translate(${label.x} ${label.y}) rotate(90)`} textAnchor="middle">
            {label.text}
          </text>
        ) : (
          <text className="lbl" x={label.x} y={label.y}>
            {label.text}
          </text>
        ))}
    </>
  );
}

const TIPS = {
  down: (x: number, y: number) => `M${x - 3.5} ${y - 7}h7L${x} ${y - 0.5}z`,
  left: (x: number, y: number) => `M${x + 6.5} ${y - 3.5}v7l-6.5 -3.5z`,
  right: (x: number, y: number) => `M${x - 6.5} ${y - 3.5}v7l6.5 -3.5z`,
};

const KINDS: Partial<Record<PlacedNode['kind'], Glyph>> = {
  branch: 'branch',
  parallel: 'parallel',
  forEach: 'forEach',
  decision: 'decision',
};

interface NodeProps {
  node: PlacedNode;
  layout: Layout;
  state: NodeState | undefined;
  selected: boolean;
  focusable: boolean;
  onSelect: (id: string) => void;
  onKey: (event: KeyboardEvent, node: PlacedNode) => void;
}

function Node({ node, layout, state, selected, focusable, onSelect, onKey }: NodeProps) {
  const { id, name, kind, x, y, w, h } = node;
  const status = state?.status ?? '';
  const known = status !== '' && status !== 'skipped';
  const icon: Glyph = known && status in glyphs ? (status as Glyph) : kind === 'compensation' ? 'compensating' : 'step';
  const tail = KINDS[kind];
  const sub =
    state?.sub ??
    (kind === 'compensation' ? `undoes ${node.undoes ?? ''}` : kind === 'parallel' && !known ? 'collector' : '');
  const names = (edges: readonly string[]): string =>
    edges
      .map((one) => layout.nodes.find((n) => n.id === one)?.name ?? '')
      .filter((n) => n !== '')
      .join(', ');
  const after = names(layout.edges.filter((e) => e.to === id && e.from !== id).map((e) => e.from));
  const before = names(layout.edges.filter((e) => e.from === id && e.to !== id).map((e) => e.to));
  const description = [
    known ? statusText(status) : status === 'skipped' ? 'not taken' : '',
    sub,
    after === '' ? '' : `after ${after}`,
    before === '' ? '' : `before ${before}`,
  ]
    .filter((p) => p !== '')
    .join('; ');
  const chars = Math.floor((w - 36 - (tail === undefined ? 8 : 28)) / 7.2);
  const text = name.length > chars ? `${name.slice(0, chars - 1)}…` : name;
  return (
    <g
      role="button"
      tabIndex={focusable ? 0 : -1}
      aria-label={name}
      aria-description={description}
      aria-pressed={selected}
      data-testid={`node-${name}`}
      data-node={id}
      data-status={status || undefined}
      className="node"
      onClick={() => onSelect(id)}
      onKeyDown={(event) => onKey(event, node)}
    >
      <title>{name}</title>
      {selected && <rect className="sel" x={x - 3.5} y={y - 3.5} width={w + 7} height={h + 7} rx="10" />}
      <rect
        className={`nd ${kind === 'compensation' && !known ? 'undo' : (CLASS[status] ?? '')}`}
        x={x}
        y={y}
        width={w}
        height={h}
        rx="7"
      />
      <Mark
        name={icon}
        x={x + 11}
        y={y + 14}
        className={known ? `s-${toneOf(status)}` : kind === 'compensation' ? 's-undo' : 'i3'}
      />
      <text
        className={status === 'pending' ? 'todo-t' : status === 'skipped' ? 'skip-t' : ''}
        x={x + 36}
        y={y + (sub === '' ? 26 : 19)}
      >
        {text}
      </text>
      {sub !== '' && (
        <text className="sub" x={x + 36} y={y + 34}>
          {sub.length > chars + 4 ? `${sub.slice(0, chars + 3)}…` : sub}
        </text>
      )}
      {tail !== undefined && (
        <g opacity=".55">
          <Mark name={tail} x={x + w - 26} y={y + 14} className="i2" />
        </g>
      )}
    </g>
  );
}
