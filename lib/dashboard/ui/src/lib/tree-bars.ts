import { type Bar, type BarKind, ms, type TreeContext, type TreeNode } from './tree-node.js';
import type { HistoryItem, StepRow } from './types.js';

/** When a step began to wait, by its path. */
export function waitsOf(history: readonly HistoryItem[]): Map<string, number[]> {
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

export function attemptNode(
  path: string,
  attempt: StepRow,
  next: StepRow | undefined,
  at: number,
  visits: boolean,
): TreeNode {
  const from = Date.parse(attempt.startedAt);
  const to = ms(attempt.completedAt);
  const bars: Bar[] = [{ kind: BAR[attempt.status], from, to }];
  if (attempt.status === 'failed' && next !== undefined && to !== null)
    bars.push({ kind: 'back', from: to, to: Date.parse(next.startedAt) });
  const name = visits ? `visit ${attempt.visit}, attempt ${attempt.attempt}` : `attempt ${attempt.attempt}`;
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
export function barsOf(
  path: string,
  attempts: readonly StepRow[],
  context: TreeContext,
  done: BarKind = 'done',
): Bar[] {
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
