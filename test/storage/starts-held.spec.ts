import { newRun } from '../../lib/core/run/new-run.js';
import type { ClaimedRow, ClaimOffer, StartOp } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** A start for which its process has a place is held by the statement that writes it: in place of being made ready and claimed. */

let rows: Rows;
let connections: Connections;
let store: PgStore;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
});

beforeEach(async () => {
  worker = await rows.worker();
});

afterEach(async () => {
  await rows.pool.query('DELETE FROM durable.workflow_queue');
  await rows.pool.query('DELETE FROM durable.queue_settings');
});

afterAll(async () => {
  await connections.close();
  await rows.close();
});

const start = (more: Partial<StartOp> = {}): StartOp =>
  newRun({
    workflow: 'order',
    definitionId: rows.definitionId,
    queue: 'default',
    priority: 3,
    input: '{"n":1}',
    ...more,
  });

async function commit(starts: readonly StartOp[], more: Partial<ClaimOffer> = {}): Promise<readonly ClaimedRow[]> {
  const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: 60_000 }];
  const offer = { worker, places: [{ queue: 'default', places: 1 }], definitions, ...more };
  return (await store.commitGroup(worker, { ops: [], starts, offer })).claimed;
}

async function states(...ids: string[]): Promise<(string | undefined)[]> {
  const found = await rows.pool.query<{ id: string; state: string }>('SELECT id, state FROM durable.workflow_queue');
  return ids.map((id) => found.rows.find((row) => row.id === id)?.state);
}

async function queueRow(id: string): Promise<Record<string, unknown>> {
  const found = await rows.pool.query<Record<string, unknown>>(
    `SELECT token, worker_id, state, definition_id, priority, started_at = created_at AS started,
       extract(epoch FROM deadline_at - started_at)::float8 AS deadline, recoveries, paused, wake, step, cancel
     FROM durable.workflow_queue WHERE id = $1`,
    [id],
  );
  return found.rows[0] ?? {};
}

it('is held as a claim of it would have it, and its row in the queue is the same', async () => {
  const [first, second] = [start({ traceparent: '00-ab-cd-01' }), start({ traceparent: '00-ab-cd-01' })];
  const held = await commit([first]);
  await commit([second], { places: [] });
  const claimed = await store.claim(worker, 'default', 1, [
    { id: rows.definitionId, runAs: rows.definitionId, timeout: 60_000 },
  ]);
  const alike = (row: ClaimedRow | undefined): unknown => ({
    ...row, rowId: null, runId: null, lagMs: null, ageMs: null, deadlineInMs: Math.ceil((row?.deadlineInMs ?? 0) / 60_000),
  }); // prettier-ignore
  expect(held).toHaveLength(1);
  expect(held[0]?.rowId).toBe(first.id);
  expect(alike(held[0])).toEqual(alike(claimed[0]));
  expect(await queueRow(first.id)).toMatchObject({ token: 1, worker_id: worker, state: 'running', deadline: 60 });
  expect(await queueRow(second.id)).toEqual({ ...(await queueRow(first.id)), started: false });
});

it('of several the highest priority is held, then the oldest, no more than there are places; the others are ready', async () => {
  const [low, high, other] = [start({ priority: 1 }), start({ priority: 9 }), start({ priority: 5 })];
  const held = await commit([low, high, other], { places: [{ queue: 'default', places: 2 }] });
  expect(held.map(({ rowId }) => rowId).toSorted()).toEqual([high.id, other.id].toSorted());
  expect(await states(low.id, high.id, other.id)).toEqual(['ready', 'running', 'running']);
});

it('what was ready before comes first: the start is ready behind it, for a claim', async () => {
  const before = await rows.open({ due_at: new Date(Date.now() - 1_000), priority: 3 }, { priority: 3 });
  const op = start();
  expect(await commit([op])).toEqual([]);
  expect(await states(before, op.id)).toEqual(['ready', 'ready']);
});

it('what is ready for other code holds no start back', async () => {
  const definition = await rows.addDefinition('elsewhere', 1);
  await rows.open({ definition_id: definition }, { workflow: 'elsewhere' });
  const op = start();
  expect((await commit([op])).map(({ rowId }) => rowId)).toEqual([op.id]);
});

it('one for later sleeps, one whose time has passed is held', async () => {
  const later = start({ delayMs: 60_000 });
  const passed = start({ scheduledAt: new Date(Date.now() - 60_000).toISOString() });
  const held = await commit([later, passed], { places: [{ queue: 'default', places: 2 }] });
  expect(held.map(({ rowId }) => rowId)).toEqual([passed.id]);
  expect(await states(later.id, passed.id)).toEqual(['sleeping', 'running']);
});

it.each<[string, () => Promise<Partial<ClaimOffer>>]>([
  ['its queue is paused', async () => {
    await rows.pool.query(`INSERT INTO durable.queue_settings (queue, paused_at) VALUES ('default', now())`);
    return {};
  }],
  ['its queue is limited', async () => {
    await rows.pool.query(`INSERT INTO durable.queue_settings (queue, global_concurrency) VALUES ('default', 5)`);
    return {};
  }],
  ['its queue has no place', async () => ({ places: [{ queue: 'other', places: 1 }] })],
  ['its definition is not offered', async () => ({ definitions: [{ id: rows.definitionId + 1, runAs: 1, timeout: null }] })],
  ['its worker was declared dead', async () => {
    await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [worker]);
    return {};
  }],
])('is ready for whoever comes where %s', async (_why, arrange) => {
  const op = start();
  expect(await commit([op], await arrange())).toEqual([]);
  expect(await states(op.id)).toEqual(['ready']);
}); // prettier-ignore

it('is not held while somebody looks whether the queue is empty, to pause it', async () => {
  const pauser = await rows.pool.connect();
  try {
    await pauser.query('BEGIN');
    const vacant = await pauser.query<{ is_vacant: boolean }>(`SELECT durable.is_vacant('default')`);
    expect(vacant.rows[0]?.is_vacant).toBe(true);
    const op = start();
    expect(await commit([op])).toEqual([]);
    expect(await states(op.id)).toEqual(['ready']);
  } finally {
    await pauser.query('ROLLBACK');
    pauser.release();
  }
});
