import type * as port from '../../engine/ports/store.js';
import { groupResult, type GroupRow } from './engine-rows.js';
import { claimableJson } from './claimed-row.js';
import { startsJson } from '../starts-json.js';
import { extrasJson, leasesJson, opsJson } from './op-json.js';
import { statementOf } from '../sql.js';
import type { Run } from './store-client.js';

/** Commits a group by the parts of commit-group.sql that it has something for. */
export async function commitGroup(
  run: Run,
  worker: number,
  group: port.CommitGroup,
): Promise<ReturnType<typeof groupResult>> {
  const { ops, starts, offer } = group;
  // What it consisted of may have been refused.
  if (ops.length + starts.length === 0) return groupResult([], group);
  const parts: string[] = [];
  const values: unknown[] = [worker, opsJson(ops)];
  if (ops.length > 0) parts.push('operations');
  if (ops.some(({ outcome }) => outcome?.kind === 'end')) parts.push('ends');
  if (ops.some(({ outcome }) => outcome?.kind === 'park')) parts.push('parks');
  if (starts.length > 0) {
    parts.push('starts');
    const places = offer === null ? '[]' : JSON.stringify(offer.places);
    values.push(startsJson(starts), places, claimableJson(offer?.definitions ?? []));
  }
  return groupResult(await run<GroupRow>(statementOf('commit-group', parts), values), group);
}

/** True when one statement is all that the group needs. */
export function isPlain({ ops }: port.CommitGroup): boolean {
  return ops.every((op) => op.extras === null && !buildsOnMore(op));
}

/** A group with what it does beside the journal, in a transaction. */
export async function commitIn(run: Run, worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
  const gaps = await findGaps(run, group.ops.filter(buildsOnMore));
  // Locked rows are not waited for: the end, or the wait, goes into a later group.
  const busy = await lockWaiters(run, group.ops);
  const isFree = (op: port.RunOp): boolean => ![...ends(op), ...waitedFor(op)].some((id) => busy.has(id));
  const ops = gaps.size + busy.size === 0 ? group.ops : group.ops.filter((op) => !gaps.has(op.rowId) && isFree(op));
  const result = await commitGroup(run, worker, { ...group, ops });
  for (const rowId of gaps) result.acks.set(rowId, { taken: false });
  const taken = ops.filter((op) => op.extras !== null && result.acks.get(op.rowId)?.taken === true);
  if (taken.length === 0) return result;
  await commitExtras(run, taken);
  const begunAnew = taken.filter(({ extras }) => extras?.giveBack).map(({ runId }) => runId);
  if (begunAnew.length > 0) await run('give-back', [begunAnew]);
  const asked = taken.flatMap((op) => matchable(op).map((id) => ({ id, runId: op.runId })));
  const ended = taken.flatMap(ends);
  // Under the locks that the statements before have taken: what was sent or ended before them is seen here.
  const match = [asked.map(({ runId }) => runId), ended, asked.map(({ id }) => id)];
  const matched = asked.length + ended.length === 0 ? [] : await run<port.WokenRun>('match-waits', match);
  const woken: port.WokenRun[] = [];
  for (const one of matched) {
    const ack = result.acks.get(one.runId);
    const ready = one.state === 'ready' && !one.paused;
    if (ack?.taken !== true) woken.push(one);
    else result.acks.set(one.runId, { ...ack, ready: ack.ready || ready, wake: ack.wake || one.state === 'running' });
  }
  woken.push(...taken.flatMap(newRows));
  return { ...result, woken };
}

/**
 * The same for a group whose answer was lost, in a transaction: what of it has landed, as its rows show, is not done again, as
 * what came of it meanwhile (a step on another queue that has ended) would be too. Nothing is claimed for its starts.
 */
export async function commitAgain(run: Run, worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
  if (group.starts.length > 0) await run('start-runs', [startsJson(group.starts)]);
  if (group.ops.length === 0) return { acks: new Map(), claimed: [], woken: [] };
  const leases = [worker, leasesJson(group.ops)];
  const locked = new Set((await run<{ id: string }>('lock-leases', leases)).map(({ id }) => id));
  const found = await run<{ id: string; leased: boolean; landed: boolean }>('look-again', leases);
  const looked = new Map(found.map((row) => [row.id, row]));
  const acks = new Map<string, port.Ack>();
  const ops: port.RunOp[] = [];
  const landed: port.RunOp[] = [];
  for (const op of group.ops) {
    const { leased = false, landed: done = false } = looked.get(op.rowId) ?? {};
    // Its marks are asked for as they are now.
    if (locked.has(op.rowId)) ops.push(done ? markOnly(op) : op);
    // Somebody else has the row locked: later.
    else if (leased) continue;
    else acks.set(op.rowId, done && op.outcome !== null ? LEFT : { taken: false });
    if (done) landed.push(op);
  }
  const { acks: taken, claimed, woken } = await commitIn(run, worker, { ops, starts: [], offer: null });
  for (const [rowId, ack] of taken) acks.set(rowId, ack);
  return { acks, claimed, woken: [...woken, ...landed.flatMap(newRows)] };
}

/** What operations do beside the journal: their children are started, then waits and steps on other queues are written. */
export async function commitExtras(
  run: Run,
  ops: readonly { rowId: string; runId: string; extras: port.OpExtras | null }[],
): Promise<void> {
  const children = ops.flatMap(({ extras }) => extras?.children ?? []);
  // Those that are there were started before, by a try whose answer was lost.
  if (children.length > 0) await run('start-runs', [startsJson(children)]);
  await run('commit-extras', [extrasJson(ops)]);
}

/** Waits that it registers, and that what is there already may end. */
export function matchable({ extras }: Pick<port.RunOp, 'extras'>): string[] {
  const waits = extras?.waits ?? [];
  return waits.flatMap(({ id, kind }) => (kind === 'sleep' || kind === 'input' ? [] : [id]));
}

/** True when it builds on more than the one record that commit-group.sql looks for. */
function buildsOnMore({ after, afterWait }: port.RunOp): boolean {
  return after.length > 1 || afterWait !== null;
}

async function findGaps(run: Run, ops: readonly port.RunOp[]): Promise<Set<string>> {
  if (ops.length === 0) return new Set();
  const json = JSON.stringify(
    ops.map(({ rowId, runId, after, afterWait }) => ({ id: rowId, run: runId, records: after, wait: afterWait })),
  );
  return new Set((await run<{ id: string }>('find-gaps', [json])).map(({ id }) => id));
}

/** The earlier commit of a remote step whose lease is over: it may have landed with a try whose answer was lost. */
export async function remoteBefore(run: Run, worker: number, op: port.RemoteStepOp): Promise<port.RemoteStepAck> {
  if (op.outcome === null || op.records.length === 0) return { taken: false, woken: null };
  const { rowId, runId, token, records } = op;
  const lease = leasesJson([{ rowId, runId, token, records, outcome: null }]);
  const [found] = await run<{ landed: boolean }>('look-again', [worker, lease]);
  if (found?.landed !== true) return { taken: false, woken: null };
  const [row] = await run<Omit<port.WokenRun, 'runId'>>('queue-row', [runId]);
  return { taken: true, woken: row === undefined ? null : { ...row, runId } };
}

/** Of an operation that has ended its lease: whoever may have to look is told to. */
const LEFT: port.Ack = { taken: true, paused: false, watched: true, ready: true, wake: false, cancel: false };

function markOnly({ rowId, runId, token }: port.RunOp): port.RunOp {
  return { rowId, runId, token, after: [], afterWait: null, records: [], outcome: null, extras: null };
}

/** Rows that the operation has put into queues: children, and steps for other queues. */
function newRows({ extras }: port.RunOp): port.WokenRun[] {
  if (extras === null) return [];
  const ready = (runId: string, queue: string): port.WokenRun => ({ runId, queue, paused: false, state: 'ready' });
  return [
    ...extras.children.map(({ id, queue }) => ready(id, queue)),
    ...extras.remoteStarts.map(({ rowId, queue }) => ready(rowId, queue)),
  ];
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
