import { useQuery } from '@tanstack/react-query';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { get, part } from '../../lib/api.js';
import { now as clockNow } from '../../lib/clock.js';
import { useMay } from '../../lib/me.js';
import { kept } from '../../lib/store.js';
import { duration } from '../../lib/time.js';
import { copy } from '../../lib/clipboard.js';
import { isEnded, type TreeNode } from '../../lib/tree-node.js';
import { statusByPath } from '../../lib/tree-walk.js';
import type { Definition, Run, Workflow } from '../../lib/types.js';
import { useNarrow, useUrl } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Button, Segments } from '../../parts/button.js';
import { fitting, Graph, type NodeState } from '../../parts/graph.js';
import { Empty, Skeleton } from '../../parts/states.js';
import { armPrefix, encodeName, nodePath } from '../../../../../core/definition/definition-path.js';
import { Inspector } from './inspector.js';
import { useTree } from './run-data.js';

const following = kept('graph.follow', false);

/** The definition that this run runs, with what has become of it. */
export default function GraphTab({ run }: { run: Run }) {
  const { tree, loading } = useTree(run);
  const { params, set } = useUrl();
  const narrow = useNarrow();
  const [zoom, setZoom] = useState(1);
  const [fitted, setFitted] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const chosen = params.get('step');
  const follow = following.use();
  const states = useMemo(
    () => (run.graph === null ? new Map<string, NodeState>() : statesOf(run.graph, tree, isEnded(run.status))),
    [run, tree],
  );
  const active = [...states].find(([, { status }]) => ['running', 'retrying', 'waiting'].includes(status))?.[0] ?? null;
  useEffect(() => {
    if (follow && active !== null)
      box.current
        ?.querySelector(`[data-node="${CSS.escape(active)}"]`)
        ?.scrollIntoView({ block: 'center', inline: 'center' });
  }, [follow, active]);
  useEffect(() => {
    const el = box.current;
    if (el === null) return;
    if (narrow) setZoom(fitting(el, 0.7));
    setFitted((times) => times + 1);
  }, [loading, narrow]);
  // Once it is as wide as it was made.
  useLayoutEffect(() => {
    const el = box.current;
    if (el !== null) el.scrollLeft = (el.scrollWidth - el.clientWidth) / 2;
  }, [fitted]);
  if (run.graph === null) {
    return (
      <div className="page">
        <Empty title="Its definition is not stored any more" />
      </div>
    );
  }
  const graph = run.graph;
  const fit = (): void => setZoom(fitting(box.current, 0.3));
  const select = (id: string): void => set({ step: id }, chosen !== null);
  return (
    <div className={chosen === null ? 'split one' : 'split'}>
      <div className="l">
        <div className="tl-bar">
          <Segments
            label="Zoom"
            value="at"
            options={[
              ['out', '−'],
              ['at', `${Math.round(zoom * 100)} %`],
              ['in', '+'],
              ['fit', 'Fit'],
            ]}
            onChange={(to) =>
              to === 'fit'
                ? fit()
                : setZoom(to === 'at' ? 1 : Math.min(2, Math.max(0.3, zoom * (to === 'in' ? 1.2 : 1 / 1.2))))
            }
          />
          {!isEnded(run.status) && (
            <Button
              look={`bare sm ${follow ? 'press' : ''}`}
              aria-pressed={follow}
              onClick={() => following.set(!follow)}
            >
              Follow
            </Button>
          )}
          <CopyMermaid run={run} />
          <span className="grow" />
          {!narrow && (
            <span className="note" aria-hidden="true">
              <kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd> walk the graph
            </span>
          )}
        </div>
        {loading ? (
          <Skeleton rows={8} height={60} />
        ) : (
          <div className="gw" ref={box}>
            <Graph
              definition={graph}
              name={run.workflow}
              states={states}
              selected={chosen === null ? null : chosen.replace(/\[\d+\]/g, '[]')}
              onSelect={select}
              slim={narrow}
              zoom={zoom}
            />
          </div>
        )}
      </div>
      {chosen !== null && (
        <Inspector run={run} tree={tree} id={chosen} onClose={() => set({ step: null })} onSelect={select} />
      )}
    </div>
  );
}

function CopyMermaid({ run }: { run: Run }) {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['workflow', run.workflow, 'mermaid'],
    queryFn: ({ signal }) => get<Workflow>(`workflows/${part(run.workflow)}`, {}, signal),
    enabled: may('workflow.read'),
    staleTime: 60_000,
  });
  if (data === undefined) return null;
  return (
    <Button look="bare sm" icon="copy" onClick={() => copy(data.mermaid, 'The graph is copied as Mermaid')}>
      Mermaid
    </Button>
  );
}

/** By node of the graph: its status and the line under its name. */
export function statesOf(definition: Definition, tree: readonly TreeNode[], ended: boolean): Map<string, NodeState> {
  const by = statusByPath(tree);
  const states = new Map<string, NodeState>();
  const walk = (nodes: Definition['nodes'], prefix: string, skipped: boolean): void => {
    for (const node of nodes) {
      const id = nodePath(prefix, node.name);
      const found = by.get(id) ?? [];
      const own = found[0];
      const status = skipped ? 'skipped' : together(found);
      states.set(id, { status, sub: skipped ? undefined : subOf(found, status, ended) });
      if (node.kind === 'branch') {
        const taken = own?.children.filter((arm) => arm.from !== null).map(({ name }) => name) ?? [];
        const decided = own !== undefined && own.attempts.some((a) => a.status === 'completed');
        for (const [key, arm] of Object.entries(node.arms))
          walk(arm, armPrefix(id, key), skipped || (decided && !taken.includes(key) && (taken.length > 0 || ended)));
        if (taken.length > 0) states.set(id, { status: 'completed', sub: `chose ${taken.join(', ')}` });
      } else if (node.kind === 'parallel') {
        const arms = own?.children ?? [];
        const done = arms.filter((arm) => arm.status === 'completed').length;
        states.set(`${id}[fork]`, {
          status: skipped ? 'skipped' : own === undefined || own.from === null ? 'pending' : 'completed',
          sub: `${Object.keys(node.arms).length} arms${done > 0 ? `, ${done} done` : ''}`,
        });
        const collected = own?.attempts.at(-1);
        states.set(id, {
          status: skipped ? 'skipped' : collected === undefined ? 'pending' : collected.status,
          sub: typeof collected?.durationMs === 'number' ? duration(collected.durationMs) : 'collector',
        });
        for (const [key, arm] of Object.entries(node.arms)) walk(arm, armPrefix(id, key), skipped);
      } else if (node.kind === 'forEach') {
        const loop = own?.loop;
        const items = loop?.items ?? own?.children.length ?? 0;
        const n = (s: string): number => own?.children.filter((c) => c.status === s).length ?? 0;
        const failed = loop?.failed ?? n('failed');
        const good = loop === undefined ? n('completed') : loop.done - loop.failed;
        const running = loop?.running ?? n('running');
        const share = (k: number): number => (items === 0 ? 0 : k / items);
        states.set(id, {
          status: skipped ? 'skipped' : (own?.status ?? 'pending'),
          sub: items === 0 ? undefined : `${count(good + failed)} of ${count(items)}`,
          progress: [
            { share: share(good), fill: 'var(--done-f)' },
            { share: share(failed), fill: 'var(--fail-f)' },
            { share: share(running), fill: 'var(--run-f)' },
          ],
        });
        walk(node.arm, `${id}[]/`, skipped);
        if (loop !== undefined)
          for (const inner of node.arm)
            states.set(nodePath(`${id}[]/`, inner.name), {
              status: own?.status ?? 'pending',
              sub: failed > 0 ? `${count(failed)} failed` : undefined,
            });
      }
    }
  };
  walk(definition.nodes, '', false);
  // Only what is undone has the colour of it.
  for (const { name } of definition.compensations)
    states.set(`~${encodeName(name)}`, { status: ended ? 'skipped' : 'pending' });
  for (const [last] of by.values()) {
    if (last?.kind === 'compensation')
      states.set(`~${encodeName(last.name)}`, { status: last.status, sub: last.note.split(',')[0] });
  }
  return states;
}

function together(nodes: readonly TreeNode[]): string {
  if (nodes.length === 0) return 'pending';
  for (const status of ['running', 'retrying', 'waiting', 'failed'])
    if (nodes.some((node) => node.status === status)) return status;
  return nodes.some((node) => node.status === 'completed') ? 'completed' : (nodes[0]?.status ?? 'pending');
}

function subOf(nodes: readonly TreeNode[], status: string, ended: boolean): string | undefined {
  const [node] = nodes;
  if (node === undefined) return undefined;
  if (nodes.length > 1) {
    const done = nodes.filter((one) => one.status === 'completed').length;
    return `${count(done)} of ${count(nodes.length)}`;
  }
  if (status === 'retrying') return `attempt ${(node.attempts.at(-1)?.attempt ?? 0) + 1} is next`;
  if (node.from === null) return undefined;
  const took = duration((node.to ?? (ended ? node.from : clockNow())) - node.from);
  return node.attempts.length > 1 ? `${node.attempts.length} attempts, ${took}` : took;
}
