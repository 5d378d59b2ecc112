import { barsOf } from './tree-bars.js';
import { ms, type NodeStatus, push, type TreeContext, type TreeNode } from './tree-node.js';
import type { StepRow } from './types.js';

/** What was undone, as the last of the tree. */
export function rollbackNode(rows: readonly StepRow[], context: TreeContext): TreeNode {
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
