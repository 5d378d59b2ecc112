import { encodeName } from '../../../../core/definition/definition-path.js';
import { attemptNode, barsOf, waitsOf } from './tree-bars.js';
import { shortId } from './words.js';
import { type Bar, isEnded, ms, type NodeStatus, push, type TreeContext, type TreeNode } from './tree-node.js';
import { rollbackNode } from './tree-rollback.js';
import { type Definition, type HistoryItem, isLoop, type LoopRow, type Run, type StepRow } from './types.js';

/*
 * What a timeline shows: the definition's members in their order, each with what the run has recorded of it, arms, items
 * and attempts under it, and the rollback last.
 */

export type TreeRun = Pick<Run, 'status' | 'standing' | 'compensationResults'> & { readonly graph: Definition | null };

export function buildTree(
  run: TreeRun,
  rows: readonly (StepRow | LoopRow)[],
  history: readonly HistoryItem[] = [],
): TreeNode[] {
  const records = new Map<string, StepRow[]>();
  const loops = new Map<string, LoopRow>();
  const items = new Map<string, Set<number>>();
  const rollback: StepRow[] = [];
  for (const row of rows) {
    if (isLoop(row)) {
      loops.set(row.path.replace(/\[\]$/, ''), row);
      continue;
    }
    if (row.isCompensation) {
      rollback.push(row);
      continue;
    }
    push(records, row.path, row);
    for (const { index: at, 0: part, 1: index } of row.path.matchAll(/\[(\d+)\]/g)) {
      const loop = row.path.slice(0, at);
      const of = items.get(loop) ?? new Set<number>();
      of.add(Number(index));
      items.set(loop, of);
      void part;
    }
  }
  const context: TreeContext = {
    records,
    loops,
    items: new Map([...items].map(([path, of]) => [path, [...of].sort((a, b) => a - b)])),
    waits: waitsOf(history),
    undone: new Set(run.compensationResults.filter((r) => r.status === 'completed').map((r) => r.step)),
    finished: isEnded(run.status),
    retrying: run.standing.kind === 'retry',
  };
  const tree = run.graph === null ? flat(records, context) : sequence(run.graph.nodes, '', context);
  return rollback.length === 0 ? tree : [...tree, rollbackNode(rollback, context)];
}

/** Of a run whose definition nobody has any more. */
function flat(records: ReadonlyMap<string, StepRow[]>, context: TreeContext): TreeNode[] {
  return [...records].map(([path, attempts]) => member(path, path, attempts, [], context, 'step', ''));
}

type Sequence = Definition['nodes'];

function sequence(nodes: Sequence, prefix: string, context: TreeContext): TreeNode[] {
  return nodes.map((node) => {
    const path = `${prefix}${encodeName(node.name)}`;
    const attempts = context.records.get(path) ?? [];
    switch (node.kind) {
      case 'step':
      case 'decision':
        return member(path, node.name, attempts, [], context, 'step', '');
      case 'branch':
      case 'parallel': {
        const arms = Object.entries(node.arms)
          .map(([key, arm]) =>
            group(
              'arm',
              `${path}.${encodeName(key)}`,
              key,
              '',
              sequence(arm, `${path}.${encodeName(key)}/`, context),
              context,
            ),
          )
          .filter((arm) => node.kind === 'parallel' || arm.from !== null);
        const done = arms.filter((arm) => arm.status === 'completed').length;
        const note =
          node.kind === 'parallel' && !arms.every((arm) => arm.status === 'completed')
            ? `parallel, ${done} of ${arms.length} arms`
            : node.kind === 'parallel'
              ? 'parallel'
              : (arms[0]?.name ?? '');
        return member(path, node.name, attempts, arms, context, node.kind, note);
      }
      case 'forEach':
        return loopNode(node, path, attempts, context);
    }
  });
}

function loopNode(
  node: Extract<Sequence[number], { kind: 'forEach' }>,
  path: string,
  attempts: readonly StepRow[],
  context: TreeContext,
): TreeNode {
  const loop = context.loops.get(path);
  if (loop !== undefined) {
    const left = loop.items - loop.done - loop.running - loop.waiting;
    const status =
      loop.running > 0
        ? 'running'
        : loop.waiting > 0
          ? 'waiting'
          : left > 0 && !context.finished
            ? 'running'
            : loop.failed > 0 && node.onError === 'failFast'
              ? 'failed'
              : 'completed';
    const times = loop.cells.map((cell) => Date.parse(cell.at));
    const from = Math.min(...times, ...attempts.map((a) => Date.parse(a.startedAt)));
    const last = attempts.at(-1);
    const ended = status === 'completed' || status === 'failed' || context.finished;
    const to = ended ? Math.max(...times, ms(last?.completedAt ?? null) ?? 0) : null;
    const note = `${thin(loop.items)} items, ${node.concurrency} at a time`;
    return {
      id: path,
      path,
      name: node.name,
      note,
      kind: 'loop',
      status,
      from,
      to,
      bars: [],
      children: [],
      attempts,
      loop,
      open: true,
    };
  }
  const single = node.arm.length === 1 ? node.arm[0] : undefined;
  const items = (context.items.get(path) ?? []).map((index): TreeNode => {
    const within = sequence(node.arm, `${path}[${index}]/`, context);
    const only = within[0];
    if (single !== undefined && only !== undefined) return { ...only, name: `[${index}] ${only.name}` };
    return group('item', `${path}[${index}]`, `[${index}]`, '', within, context);
  });
  const done = items.filter((item) => item.status === 'completed').length;
  const note =
    items.length === 0 ? '' : done === items.length ? `${items.length} items` : `${items.length} items, ${done} done`;
  return member(path, node.name, attempts, items, context, 'forEach', note);
}

const thin = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, '\u2009');

/** A place of the definition with its attempts, and what is under it. */
function member(
  path: string,
  name: string,
  attempts: readonly StepRow[],
  children: readonly TreeNode[],
  context: TreeContext,
  kind: TreeNode['kind'],
  note: string,
): TreeNode {
  const bars = children.length > 0 ? [] : barsOf(path, attempts, context);
  if (children.length > 0) return group(kind, path, name, note, children, context, attempts);
  const first = attempts[0];
  const last = attempts.at(-1);
  const status = statusOf(last, context);
  const times = [first === undefined ? null : Date.parse(first.startedAt), ...bars.map((bar) => bar.from)].filter(
    (t) => t !== null,
  );
  const ended = last === undefined || status === 'completed' || status === 'failed';
  const tried = attempts.filter(
    (a) => a.status === 'failed' || a.status === 'completed' || a.status === 'running',
  ).length;
  const visits = new Set(attempts.map((a) => `${a.round}.${a.visit}`)).size;
  const words = [
    note,
    last === undefined && context.finished ? 'never reached' : '',
    visits > 1 ? `${visits} visits` : tried > 1 ? `${tried} attempts` : '',
    context.undone.has(name) ? 'undone' : '',
  ];
  const split = attempts.length > 1 ? attempts.map((a, i) => attemptNode(path, a, attempts[i + 1], i, visits > 1)) : [];
  const child = last?.childId ?? null;
  return {
    id: path,
    path,
    name,
    note: words.filter((w) => w !== '').join(', '),
    kind,
    status,
    from: times.length === 0 ? null : Math.min(...times),
    to: ended ? ms(last?.completedAt ?? null) : null,
    bars,
    children: child === null ? split : [...split, childNode(child, last)],
    attempts,
    open: status === 'failed' || status === 'retrying',
  };
}

function childNode(childId: string, last: StepRow | undefined): TreeNode {
  return {
    id: `child:${childId}`,
    path: last?.path ?? '',
    name: 'child',
    note: shortId(childId),
    kind: 'child',
    status: last?.status ?? 'pending',
    from: null,
    to: null,
    bars: [],
    children: [],
    attempts: [],
    childId,
    open: false,
  };
}

function statusOf(last: StepRow | undefined, context: TreeContext): NodeStatus {
  if (last === undefined) return 'pending';
  if (last.status === 'failed' && !context.finished && context.retrying) return 'retrying';
  return last.status;
}

function group(
  kind: TreeNode['kind'],
  path: string,
  name: string,
  note: string,
  children: readonly TreeNode[],
  context: TreeContext,
  attempts: readonly StepRow[] = [],
): TreeNode {
  const own = attempts.map((a) => [Date.parse(a.startedAt), ms(a.completedAt)] as const);
  const begun = children.filter((child) => child.from !== null);
  const starts = [...begun.map((child) => child.from ?? 0), ...own.map(([from]) => from)];
  const last = attempts.at(-1);
  const status = kind === 'parallel' && last !== undefined ? statusOf(last, context) : joined(children, last, context);
  const open = status === 'running' || status === 'waiting' || status === 'retrying' || status === 'pending';
  const ends = [...begun.map((child) => child.to ?? 0), ...own.map(([, to]) => to ?? 0)];
  const from = starts.length === 0 ? null : Math.min(...starts);
  const to = open || ends.length === 0 ? null : Math.max(...ends);
  const bars: Bar[] = from === null ? [] : [{ kind: 'group', from, to }];
  for (const [a, b] of own) bars.push({ kind: 'done', from: a, to: b });
  return { id: path, path, name, note, kind, status, from, to, bars, children, attempts, open: true };
}

function joined(children: readonly TreeNode[], own: StepRow | undefined, context: TreeContext): NodeStatus {
  const all = children.map((child) => child.status);
  const some = (...of: NodeStatus[]): boolean => all.some((s) => of.includes(s));
  if (own !== undefined && own.status !== 'completed') return statusOf(own, context);
  if (some('running')) return 'running';
  if (some('waiting', 'retrying')) return 'waiting';
  if (some('failed')) return 'failed';
  if (all.every((s) => s === 'completed')) return all.length === 0 && own === undefined ? 'pending' : 'completed';
  if (all.every((s) => s === 'pending') && own === undefined) return 'pending';
  return context.finished ? 'failed' : 'running';
}
