import type * as port from '../engine/store.js';
import { groupResult, type GroupRow } from './engine-rows.js';
import { claimableJson } from './claimed-row.js';
import { extrasJson, opsJson, startsJson } from './op-json.js';
import type { Run } from './store-client.js';

/** The parameters of commit-group.sql. */
export function groupValues(worker: number, { ops, starts, offer }: port.CommitGroup): unknown[] {
  const places = offer === null ? '[]' : JSON.stringify(offer.places);
  return [worker, opsJson(ops), startsJson(starts), places, claimableJson(offer?.definitions ?? [])];
}

/** A group with what it does beside the journal, in a transaction. */
export async function commitIn(run: Run, worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
  // What is locked by somebody is not waited for: the end, or the wait, goes into a later group.
  const busy = await lockWaiters(run, group.ops);
  const ops = busy.size === 0 ? group.ops : group.ops.filter((op) => ![...ends(op), ...waitedFor(op)].some((id) => busy.has(id))); // prettier-ignore
  const result = groupResult(await run<GroupRow>('commit-group', groupValues(worker, { ...group, ops })));
  const taken = ops.filter((op) => op.extras !== null && result.acks.has(op.rowId));
  if (taken.length === 0) return result;
  await run('commit-extras', [extrasJson(taken)]);
  const begunAnew = taken.filter(({ extras }) => extras?.giveBack).map(({ runId }) => runId);
  if (begunAnew.length > 0) await run('give-back', [begunAnew]);
  const asked = taken.flatMap(({ runId, extras }) =>
    (extras?.waits ?? []).some((wait) => wait.kind !== 'sleep' && wait.kind !== 'input') ? [runId] : [],
  );
  const ended = taken.flatMap(ends);
  // Under the locks that the statements before have taken: what was sent or ended before them is seen here.
  const matched = asked.length + ended.length === 0 ? [] : await run<port.WokenRun>('match-waits', [asked, ended]);
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

/**
 * Locks what stands between the ends of runs and the waits for them.
 * @returns the runs of which something is locked by somebody
 */
export async function lockWaiters(
  run: Run,
  ops: readonly Pick<port.RunOp, 'runId' | 'extras'>[],
): Promise<Set<string>> {
  const ending = ops.flatMap(ends);
  const waited = ops.flatMap(waitedFor);
  if (ending.length + waited.length === 0) return new Set();
  const rows = await run<{ id: string }>('lock-waiters', [ending, waited]);
  return new Set(rows.map(({ id }) => id));
}

/** The run, where it ends and others may be waiting for it. */
function ends({ runId, extras }: Pick<port.RunOp, 'runId' | 'extras'>): string[] {
  return extras?.awaited === true ? [runId] : [];
}

/** Runs that are waited for and were there before: one that the commit itself starts cannot have ended. */
function waitedFor({ extras }: Pick<port.RunOp, 'extras'>): string[] {
  if (extras === null) return [];
  const fresh = new Set(extras.children.map(({ id }) => id));
  return extras.waits.flatMap(({ childId }) => (childId === null || fresh.has(childId) ? [] : [childId]));
}
