import type { Definition, HistoryItem, LoopRow, Run, Status, StepRow } from './types.js';
import { isLoop } from './types.js';
import { encodeName } from '../../../../core/definition/definition-path.js';
import type { Span } from './axis.js';

/*
 * What a timeline shows: the definition's members in their order, each with what the run has recorded of it, arms, items
 * and attempts under it, and the rollback last.
 */

export type BarKind = 'done' | 'run' | 'fail' | 'wait' | 'back' | 'undo' | 'queued' | 'group';

export interface Bar {
  readonly kind: BarKind;
  readonly from: number;
  /** null: until now */
  readonly to: number | null;
}

export type NodeStatus = Status | 'waiting' | 'pending';

export interface TreeNode {
  /** Unique in the tree: the path, with the number of an attempt behind it. */
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly note: string;
  readonly kind:
    | 'step'
    | 'branch'
    | 'parallel'
    | 'forEach'
    | 'arm'
    | 'item'
    | 'attempt'
    | 'rollback'
    | 'compensation'
    | 'loop'
    | 'child';
  readonly status: NodeStatus;
  readonly from: number | null;
  /** null while it goes on */
  readonly to: number | null;
  readonly bars: readonly Bar[];
  readonly children: readonly TreeNode[];
  /** Its own attempts, in order. */
  readonly attempts: readonly StepRow[];
  readonly loop?: LoopRow;
  readonly childId?: string;
  /** Whether it is open until somebody folds it. */
  readonly open: boolean;
}

interface Context {
  readonly records: ReadonlyMap<string, StepRow[]>;
  readonly loops: ReadonlyMap<string, LoopRow>;
  /** Indexes of the items of a loop that have records. */
  readonly items: ReadonlyMap<string, number[]>;
  readonly waits: ReadonlyMap<string, number[]>;
  readonly undone: ReadonlySet<string>;
  readonly finished: boolean;
  readonly retrying: boolean;
}

export type TreeRun = Pick<Run, 'status' | 'standing' | 'compensationResults'> & { readonly graph: Definition | null };

const ms = (at: string | null): number | null => (at === null ? null : Date.parse(at));

export const isEnded = (status: string): boolean =>
  ['completed', 'failed', 'cancelled', 'compensated', 'compensation_failed'].includes(status);

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
  const context: Context = {
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

function push(map: Map<string, StepRow[]>, key: string, row: StepRow): void {
  const of = map.get(key);
  if (of === undefined) map.set(key, [row]);
  else of.push(row);
}

/** When a step began to wait, by its path. */
function waitsOf(history: readonly HistoryItem[]): Map<string, number[]> {
  const waits = new Map<string, number[]>();
  for (const item of history) {
    const path = item['path'];
    if (item.kind !== 'waiting' || typeof path !== 'string') continue;
    const of = waits.get(path) ?? [];
    of.push(Date.parse(item.at));
    waits.set(path, of);
  }
  return waits;
}

/** Of a run whose definition nobody has any more. */
function flat(records: ReadonlyMap<string, StepRow[]>, context: Context): TreeNode[] {
  return [...records].map(([path, attempts]) => member(path, path, attempts, [], context, 'step', ''));
}

type Sequence = Definition['nodes'];

function sequence(nodes: Sequence, prefix: string, context: Context): TreeNode[] {
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
  context: Context,
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
  context: Context,
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
  const split =
    attempts.length > 1 ? attempts.map((a, i) => attemptNode(path, a, attempts[i + 1], i, visits > 1, context)) : [];
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
    note: childId.slice(0, 8),
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

function statusOf(last: StepRow | undefined, context: Context): NodeStatus {
  if (last === undefined) return 'pending';
  if (last.status === 'failed' && !context.finished && context.retrying) return 'retrying';
  return last.status;
}

function attemptNode(
  path: string,
  attempt: StepRow,
  next: StepRow | undefined,
  at: number,
  visits: boolean,
  context: Context,
): TreeNode {
  const from = Date.parse(attempt.startedAt);
  const to = ms(attempt.completedAt);
  const bars: Bar[] = [{ kind: BAR[attempt.status], from, to }];
  if (attempt.status === 'failed' && next !== undefined && to !== null)
    bars.push({ kind: 'back', from: to, to: Date.parse(next.startedAt) });
  const name = visits ? `visit ${attempt.visit}, attempt ${attempt.attempt}` : `attempt ${attempt.attempt}`;
  void context;
  return {
    id: `${path}-${at + 1}`,
    path,
    name,
    note: '',
    kind: 'attempt',
    status: attempt.status,
    from,
    to,
    bars,
    children: [],
    attempts: [attempt],
    open: false,
  };
}

const BAR = { completed: 'done', failed: 'fail', running: 'run', waiting: 'wait' } as const;

/** All attempts in one lane: work, delays between them, waits. */
function barsOf(path: string, attempts: readonly StepRow[], context: Context, done: BarKind = 'done'): Bar[] {
  const bars: Bar[] = [];
  const waits = context.waits.get(path) ?? [];
  let before: number | null = null;
  attempts.forEach((attempt, i) => {
    const from = Date.parse(attempt.startedAt);
    const to = ms(attempt.completedAt);
    const wait = waits.find((at) => at < from - 500 && (before === null || at >= before - 500));
    const last = attempts[i - 1];
    if (attempt.status === 'waiting') {
      bars.push({ kind: 'done', from, to: from }, { kind: 'wait', from, to });
    } else {
      if (wait !== undefined) bars.push({ kind: 'done', from: wait, to: wait }, { kind: 'wait', from: wait, to: from });
      else if (last?.status === 'failed' && before !== null) bars.push({ kind: 'back', from: before, to: from });
      bars.push({ kind: attempt.status === 'completed' ? done : BAR[attempt.status], from, to });
    }
    before = to;
  });
  if (attempts.at(-1)?.status === 'failed' && context.retrying && before !== null)
    bars.push({ kind: 'back', from: before, to: null });
  return bars;
}

function group(
  kind: TreeNode['kind'],
  path: string,
  name: string,
  note: string,
  children: readonly TreeNode[],
  context: Context,
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

function joined(children: readonly TreeNode[], own: StepRow | undefined, context: Context): NodeStatus {
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

function rollbackNode(rows: readonly StepRow[], context: Context): TreeNode {
  const by = new Map<string, StepRow[]>();
  for (const row of rows) push(by, row.path, row);
  const children = [...by].map(([path, attempts]): TreeNode => {
    const last = attempts.at(-1);
    const bars = barsOf(path, attempts, context, 'undo');
    const status: NodeStatus =
      last?.status === 'completed'
        ? 'compensated'
        : last?.status === 'failed' && context.finished
          ? 'failed'
          : last?.status === 'failed'
            ? 'retrying'
            : 'compensating';
    const tried = attempts.length > 1 ? `, attempt ${attempts.length}` : '';
    const to = last?.status === 'completed' || last?.status === 'failed' ? ms(last.completedAt) : null;
    return {
      id: path,
      path,
      name: last?.step ?? path,
      note: `undoes ${last?.compensationFor ?? ''}${tried}`,
      kind: 'compensation',
      status,
      from: Date.parse(attempts[0]?.startedAt ?? ''),
      to,
      bars,
      children: [],
      attempts,
      open: false,
    };
  });
  const done = children.filter((child) => child.status === 'compensated').length;
  const from = Math.min(...children.map((child) => child.from ?? Infinity));
  const ends = children.map((child) => child.to);
  const to = ends.some((end) => end === null) ? null : Math.max(...ends.map((end) => end ?? 0));
  const failed = children.some((child) => child.status === 'failed');
  const status: NodeStatus = failed ? 'compensation_failed' : done === children.length ? 'compensated' : 'compensating';
  return {
    id: 'rollback',
    path: 'rollback',
    name: 'rollback',
    note: `${done} of ${children.length} undone`,
    kind: 'rollback',
    status,
    from,
    to,
    bars: [{ kind: 'group', from, to }],
    children,
    attempts: [],
    open: true,
  };
}

/** When something worked, for the axis. */
export function spansOf(tree: readonly TreeNode[], now: number): Span[] {
  const spans: Span[] = [];
  const walk = (nodes: readonly TreeNode[]): void => {
    for (const node of nodes) {
      for (const { kind, from, to } of node.bars) {
        if (kind === 'done' || kind === 'run' || kind === 'fail' || kind === 'undo') spans.push([from, to ?? now]);
        // What is waited for begins and ends visibly; between that nothing works.
        else if (kind === 'wait') spans.push([from, from], [to ?? now, to ?? now]);
      }
      if (node.loop !== undefined && node.from !== null) spans.push([node.from, node.to ?? now]);
      walk(node.children);
    }
  };
  walk(tree);
  return spans;
}

export interface FlatNode {
  readonly node: TreeNode;
  readonly depth: number;
  readonly expanded: boolean | null;
  readonly position: number;
  readonly siblings: number;
}

/** The rows that stand open; `open`: what somebody folded or unfolded. */
export function flatten(tree: readonly TreeNode[], open: ReadonlyMap<string, boolean>, depth = 0): FlatNode[] {
  const rows: FlatNode[] = [];
  tree.forEach((node, i) => {
    const folds = node.children.length > 0 || node.kind === 'loop' || node.kind === 'child';
    const expanded = folds ? (open.get(node.id) ?? node.open) : null;
    rows.push({ node, depth, expanded, position: i + 1, siblings: tree.length });
    if (expanded === true) rows.push(...flatten(node.children, open, depth + 1));
  });
  return rows;
}

export function findNode(tree: readonly TreeNode[], id: string): TreeNode | null {
  for (const node of tree) {
    if (node.id === id) return node;
    const found = findNode(node.children, id);
    if (found !== null) return found;
  }
  return null;
}

/** By path, for the graph: what is known of each member, and what items of a loop come to. */
export function statusByPath(tree: readonly TreeNode[]): Map<string, TreeNode[]> {
  const by = new Map<string, TreeNode[]>();
  const walk = (nodes: readonly TreeNode[]): void => {
    for (const node of nodes) {
      if (node.kind !== 'attempt' && node.kind !== 'child') {
        const key = node.path.replace(/\[\d+\]/g, '[]');
        const of = by.get(key) ?? [];
        of.push(node);
        by.set(key, of);
      }
      walk(node.children);
    }
  };
  walk(tree);
  return by;
}
