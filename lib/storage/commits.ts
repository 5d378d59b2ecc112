import type * as port from '../engine/store.js';
import { groupResult, type GroupRow } from './engine-rows.js';
import { extrasJson, opsJson, startsJson } from './op-json.js';
import type { Run } from './store-client.js';

/** The parameters of commit-group.sql. */
export function groupValues(worker: number, { ops, starts, claimable }: port.CommitGroup): unknown[] {
  return [worker, opsJson(ops), startsJson(starts), claimable];
}

/** A group with what it does beside the journal, in a transaction. */
export async function commitIn(run: Run, worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
  const parents = [...new Set(group.ops.flatMap((op) => op.extras?.parent ?? []))].sort();
  const busy = new Set(
    parents.length === 0 ? [] : (await run<{ id: string }>('lock-parents', [parents])).map((r) => r.id),
  );
  // A parent that somebody has locked is not waited for: its child's end goes into a later group.
  const ops = group.ops.filter((op) => !busy.has(op.extras?.parent ?? ''));
  const result = groupResult(await run<GroupRow>('commit-group', groupValues(worker, { ...group, ops })));
  const taken = ops.filter((op) => op.extras !== null && result.acks.has(op.rowId));
  if (taken.length === 0) return result;
  await run('commit-extras', [extrasJson(taken)]);
  const begunAnew = taken.filter(({ extras }) => extras?.giveBack).map(({ runId }) => runId);
  if (begunAnew.length > 0) await run('give-back', [begunAnew]);
  const asked = taken.flatMap(({ runId, extras }) => [
    ...((extras?.waits ?? []).some((wait) => wait.kind !== 'sleep' && wait.kind !== 'input') ? [runId] : []),
    ...(extras?.parent ? [extras.parent] : []),
  ]);
  // Under the locks that the statements before have taken: what was sent or ended before them is seen here.
  const matched = asked.length === 0 ? [] : await run<port.WokenRun>('match-waits', [[...new Set(asked)]]);
  const woken: port.WokenRun[] = [];
  for (const one of matched) {
    const ack = result.acks.get(one.runId);
    const ready = one.state === 'ready' && !one.paused;
    if (ack === undefined) woken.push(one);
    else result.acks.set(one.runId, { ...ack, ready: ack.ready || ready, wake: ack.wake || one.state === 'running' });
  }
  const children = taken.flatMap((op) => op.extras?.children ?? []);
  for (const { id, queue } of children) woken.push({ runId: id, queue, paused: false, state: 'ready' });
  const handed = taken.flatMap((op) => op.extras?.handOvers ?? []);
  for (const { rowId, queue } of handed) woken.push({ runId: rowId, queue, paused: false, state: 'ready' });
  return { ...result, woken };
}
