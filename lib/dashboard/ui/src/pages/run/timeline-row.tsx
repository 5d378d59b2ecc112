import type { Axis } from '../../lib/axis.js';
import { duration, exact } from '../../lib/time.js';
import type { Bar, TreeNode } from '../../lib/tree-node.js';
import type { FlatNode } from '../../lib/tree-walk.js';
import { count } from '../../lib/words.js';
import { Icon, StatusIcon, statusText } from '../../parts/icon.js';
import { Button } from '../../parts/button.js';
import type { Line, LoopState } from './timeline-rows.js';

interface Props {
  flat: FlatNode;
  axis: Axis;
  now: number;
  selected: boolean;
  focusable: boolean;
  onFocus: (id: string) => void;
  onSelect: (id: string) => void;
  onToggle: (id: string, to: boolean) => void;
}

const isPlain = ({ kind }: TreeNode): boolean => kind === 'child';

export function TimelineRow({ flat, axis, now, selected, focusable, onFocus, onSelect, onToggle }: Props) {
  const { node, depth, expanded, position, siblings } = flat;
  const took = node.from === null ? null : (node.to ?? now) - node.from;
  // What stands open is shown once: by its attempts.
  const bars: readonly Bar[] =
    expanded === true && node.from !== null && node.children.some(({ kind }) => kind === 'attempt')
      ? [{ kind: 'group', from: node.from, to: node.to }]
      : node.bars;
  return (
    <div
      className={`tl-r ${selected ? 'sel' : ''} ${node.loop === undefined ? '' : 'tall'}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-expanded={expanded ?? undefined}
      aria-selected={selected}
      aria-label={`${node.name}, ${statusText(node.status)}${took === null ? '' : `, ${duration(took)}`}${node.note === '' ? '' : `, ${node.note}`}`}
      data-testid={`step-${node.id}`}
      data-status={node.status}
      tabIndex={focusable ? 0 : -1}
      onFocus={() => onFocus(node.id)}
      onClick={() => onSelect(node.id)}
    >
      <div className="tl-n" style={{ '--d': depth }}>
        {Array.from({ length: depth }, (_, i) => (
          <span key={i} className="gd" style={{ '--i': i }} />
        ))}
        {expanded !== null && (
          <span
            className="chev-b"
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              onToggle(node.id, !expanded);
            }}
          >
            <Icon name={expanded ? 'chevd' : 'chev'} className="chev" />
          </span>
        )}
        {isPlain(node) ? <Icon name="child" className="i3" /> : <StatusIcon status={node.status} />}
        <span className={`m ${node.status === 'pending' ? 'i3' : ''}`}>{node.name}</span>
        {node.note !== '' && <span className="x">{node.note}</span>}
        <span className="d">{took === null ? '' : duration(took)}</span>
      </div>
      <div className="lane">
        {node.loop !== undefined && <Density node={node} axis={axis} now={now} />}
        {bars.map((bar, i) => (
          <LaneBar key={i} bar={bar} axis={axis} now={now} />
        ))}
      </div>
    </div>
  );
}

function LaneBar({ bar, axis, now }: { bar: Bar; axis: Axis; now: number }) {
  const to = bar.to ?? now;
  if (to < axis.from || bar.from > axis.to) return null;
  const x = axis.x(bar.from);
  const w = axis.x(to) - x;
  return (
    <i
      className={bar.kind}
      style={{ left: `${x.toFixed(3)}%`, width: `${Math.max(w, 0.12).toFixed(3)}%` }}
      title={bar.kind === 'group' ? undefined : `${duration(to - bar.from)}, from ${exact(new Date(bar.from))}`}
    />
  );
}

const H = 36;

/** How many items of a loop ended in each part of its time, on the axis; failures are marked above. */
function Density({ node, axis, now }: { node: TreeNode; axis: Axis; now: number }) {
  const { loop, from } = node;
  if (loop === undefined || from === null || loop.cells.length === 0) return null;
  const most = Math.max(1, ...loop.cells.map((cell) => cell.done));
  const end = node.to ?? now;
  return (
    <svg className="dens" viewBox={`0 0 1000 ${H}`} preserveAspectRatio="none" aria-hidden="true">
      {loop.cells.map((cell, i) => {
        const x = axis.x(Date.parse(cell.at)) * 10;
        const next = loop.cells[i + 1];
        const w = Math.max(1, axis.x(next === undefined ? end : Date.parse(next.at)) * 10 - x - 1);
        const h = cell.done === 0 ? 0 : Math.max(2, (cell.done / most) * (H - 10));
        return (
          <g key={cell.at}>
            <rect x={x} y={H - h} width={w} height={h} fill="var(--done-q)" />
            {h > 0 && <rect x={x} y={H - h} width={w} height="1.5" fill="var(--done-f)" />}
            {cell.failed > 0 && <rect x={x} y="0" width={w} height="8" rx="1" fill="var(--fail-f)" />}
          </g>
        );
      })}
    </svg>
  );
}

const FACETS: readonly (readonly [LoopState, (loop: NonNullable<TreeNode['loop']>) => number])[] = [
  ['failed', (loop) => loop.failed],
  ['running', (loop) => loop.running],
  ['waiting', (loop) => loop.waiting],
  ['completed', (loop) => loop.done - loop.failed],
  ['pending', (loop) => loop.items - loop.done - loop.running - loop.waiting],
];

export function Facets({
  line,
  onView,
}: {
  line: Extract<Line, { kind: 'facets' }>;
  axis: Axis;
  onView: (node: TreeNode, state: LoopState) => void;
}) {
  const { node, view } = line;
  const { loop } = node;
  if (loop === undefined) return null;
  const share = (n: number): string => `${(n / Math.max(1, loop.items)) * 100}%`;
  return (
    <div
      className="tl-p"
      role="treeitem"
      aria-level={line.depth + 2}
      aria-label={`Items of ${node.name} by state`}
      tabIndex={-1}
      data-testid={`loop-${node.path}`}
    >
      <div className="facet" role="group" aria-label={`Items of ${node.name}`} style={{ '--d': line.depth }}>
        {FACETS.map(([state, of]) => {
          const n = of(loop);
          if (n <= 0 && state !== view.state) return null;
          return (
            <button
              key={state}
              type="button"
              aria-pressed={state === view.state}
              aria-label={`${count(n)} ${state}`}
              data-state={state}
              onClick={() => onView(node, state)}
            >
              <StatusIcon status={state} />
              {count(n)}
            </button>
          );
        })}
      </div>
      <div className="prog" aria-hidden="true">
        <i style={{ width: share(loop.done - loop.failed), background: 'var(--done-f)' }} />
        {loop.failed > 0 && <i style={{ width: share(loop.failed), minWidth: 3, background: 'var(--fail-f)' }} />}
        {loop.running > 0 && <i style={{ width: share(loop.running), minWidth: 3, background: 'var(--run-f)' }} />}
        {loop.waiting > 0 && <i style={{ width: share(loop.waiting), minWidth: 3, background: 'var(--wait-f)' }} />}
        <i className="rest" />
      </div>
    </div>
  );
}

export function MoreItems({
  line,
  onMore,
}: {
  line: Extract<Line, { kind: 'more' }>;
  onMore: (node: TreeNode, next: string) => void;
}) {
  return (
    <div className="tl-r more" role="treeitem" aria-level={line.depth + 1} aria-label="More items" tabIndex={-1}>
      <div className="tl-n" style={{ '--d': line.depth }}>
        <span className="gd" style={{ '--i': 0 }} />
        <Button look="bare sm" onClick={() => onMore(line.node, line.next)}>
          More items
        </Button>
      </div>
    </div>
  );
}
