import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { get } from '../../lib/api.js';
import { runOf } from '../../lib/rows.js';
import { buildTree } from '../../lib/tree.js';
import { isEnded, type TreeNode } from '../../lib/tree-node.js';
import { flatten, type FlatNode } from '../../lib/tree-walk.js';
import type { LoopItem, LoopRow, Page, Run, StepRow } from '../../lib/types.js';
import { encodeName } from '../../../../../core/definition/definition-path.js';

export type LoopState = LoopItem['state'];

/** What is looked at of a loop: items in one state, and so many pages of them. */
export interface LoopView {
  readonly state: LoopState;
  readonly cursors: readonly (string | null)[];
}

export type Line =
  | { readonly kind: 'node'; readonly flat: FlatNode; readonly height: number }
  | {
      readonly kind: 'facets';
      readonly node: TreeNode;
      readonly depth: number;
      readonly view: LoopView;
      readonly height: number;
    }
  | {
      readonly kind: 'more';
      readonly node: TreeNode;
      readonly depth: number;
      readonly next: string;
      readonly height: number;
    };

/** ms after which a child in its parent's timeline is looked at again. */
export const CHILD_PACE = 5000;
export const ROW = 28;
export const ROW_NARROW = 32;

/** Failed first: that is what a loop is opened for. */
export function firstState(loop: LoopRow): LoopState {
  if (loop.failed > 0) return 'failed';
  if (loop.running > 0) return 'running';
  return loop.waiting > 0 ? 'waiting' : 'completed';
}

/** The rows of the timeline, with what is read when it is unfolded: items of loops, steps of children. */
export function useLines(
  run: Run,
  tree: readonly TreeNode[],
  open: ReadonlyMap<string, boolean>,
  views: ReadonlyMap<string, LoopView>,
  row: number,
): Line[] {
  const flat = useMemo(() => flatten(tree, open), [tree, open]);
  const loops = flat.filter(({ node, expanded }) => node.kind === 'loop' && expanded === true);
  const children = flat.filter(({ node, expanded }) => node.kind === 'child' && expanded === true);
  const viewOf = (node: TreeNode): LoopView =>
    views.get(node.id) ?? { state: node.loop === undefined ? 'failed' : firstState(node.loop), cursors: [null] };
  const wanted = loops.flatMap(({ node }) =>
    viewOf(node).cursors.map((cursor) => ({ node, cursor, state: viewOf(node).state })),
  );
  const items = useQueries({
    queries: wanted.map(({ node, cursor, state }) => ({
      queryKey: ['run', run.id, 'items', node.path, state, cursor],
      queryFn: () => get<Page<LoopItem>>(`runs/${run.id}/items`, { path: `${node.path}[]`, state, cursor }),
      staleTime: 5000,
    })),
  });
  // The page hears of this run alone.
  const refetchInterval = isEnded(run.status) ? false : CHILD_PACE;
  const kin = useQueries({
    queries: children.flatMap(({ node }) => [
      {
        queryKey: ['run', node.childId],
        queryFn: async (): Promise<unknown> => runOf(await get<Run>(`runs/${node.childId}`)),
        staleTime: 2000,
        refetchInterval,
      },
      {
        queryKey: ['run', node.childId, 'first-steps'],
        queryFn: (): Promise<unknown> => get<Page<StepRow | LoopRow>>(`runs/${node.childId}/steps`, { limit: 500 }),
        staleTime: 2000,
        refetchInterval,
      },
    ]),
  });
  const lines: Line[] = [];
  for (const one of flat) {
    const { node, depth, expanded } = one;
    lines.push({ kind: 'node', flat: one, height: node.kind === 'loop' ? row + 18 : row });
    if (expanded !== true) continue;
    if (node.kind === 'loop') {
      const view = viewOf(node);
      lines.push({ kind: 'facets', node, depth, view, height: 34 });
      let next: string | null = null;
      wanted.forEach((want, i) => {
        if (want.node !== node) return;
        const page = items[i]?.data;
        next = page?.next ?? null;
        for (const item of page?.items ?? []) {
          lines.push({ kind: 'node', flat: itemNode(run, node, item, depth + 1), height: row });
        }
      });
      if (next !== null) lines.push({ kind: 'more', node, depth: depth + 1, next, height: row });
    }
    if (node.kind === 'child') {
      const at = children.indexOf(one);
      const child = kin[at * 2]?.data as Run | undefined;
      const steps = kin[at * 2 + 1]?.data as Page<StepRow | LoopRow> | undefined;
      if (child === undefined || steps === undefined) continue;
      const within = prefixed(buildTree(child, steps.items), `child:${node.childId}/`);
      lines.push(...flatten(within, open, depth + 1).map((f): Line => ({ kind: 'node', flat: f, height: row })));
    }
  }
  return lines;
}

function prefixed(nodes: readonly TreeNode[], prefix: string): TreeNode[] {
  return nodes.map((node) => ({ ...node, id: `${prefix}${node.id}`, children: prefixed(node.children, prefix) }));
}

function itemNode(run: Run, loop: TreeNode, item: LoopItem, depth: number): FlatNode {
  const inner = armOf(run, loop.name);
  const path = `${loop.path}[${item.index}]${inner === null ? '' : `/${encodeName(inner)}`}`;
  const from = item.startedAt === null ? null : Date.parse(item.startedAt);
  const to = from === null || item.durationMs === null ? null : from + item.durationMs;
  const kind = { completed: 'done', failed: 'fail', running: 'run', waiting: 'wait', pending: 'queued' } as const;
  return {
    depth,
    expanded: null,
    position: item.index + 1,
    siblings: loop.loop?.items ?? 0,
    node: {
      id: path,
      path,
      name: `[${item.index}]${inner === null ? '' : ` ${inner}`}`,
      note: item.error?.message ?? (item.attempts > 1 ? `${item.attempts} attempts` : ''),
      kind: 'item',
      status: item.state,
      from,
      to,
      bars: from === null || item.state === 'pending' ? [] : [{ kind: kind[item.state], from, to }],
      children: [],
      attempts: [],
      open: false,
    },
  };
}

/** The only member of a loop's arm, where it has one alone. */
export function armOf(run: Run, loop: string): string | null {
  const find = (nodes: NonNullable<Run['graph']>['nodes']): string | null => {
    for (const node of nodes) {
      if (node.kind === 'forEach') {
        if (node.name === loop) return node.arm.length === 1 ? (node.arm[0]?.name ?? null) : null;
        const inner = find(node.arm);
        if (inner !== null) return inner;
      } else if (node.kind === 'branch' || node.kind === 'parallel') {
        for (const arm of Object.values(node.arms)) {
          const inner = find(arm);
          if (inner !== null) return inner;
        }
      }
    }
    return null;
  };
  return run.graph === null ? null : find(run.graph.nodes);
}
