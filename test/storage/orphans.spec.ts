import { newRun } from '../../lib/core/run/new-run.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { NO_EXTRAS } from '../../lib/engine/step/child-start.js';
import type { StartOp, WorkerRegistration } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** What no living worker answers for is found and recovered, whatever became of the row of its worker. */

const HOUR = 3_600_000;
const NOBODY = 4_711;
let rows: Rows;
let connections: Connections;
let store: PgStore;
let worker: number;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

function heldBy(id: number, more: Record<string, unknown> = {}): Promise<string> {
  return rows.open({ started_at: new Date(), state: 'running', worker_id: id, token: 1, ...more });
}

function start(): StartOp {
  return newRun({
    id: uuidv7(),
    workflow: 'order',
    definitionId: rows.definitionId,
    queue: 'default',
    priority: 0,
    input: '{}',
  });
}

function registration(): WorkerRegistration {
  return {
    host: 'here', pid: 1, processKey: null, processStart: null, version: '0', queues: ['default'],
    definitions: [rows.definitionId], declarations: [],
    sessionName: null, leaseMs: 60_000, capacity: {}, listening: true,
  }; // prettier-ignore
}

it('a run that was recovered as often as can be counted keeps no other from being recovered, or given back', async () => {
  const often = await heldBy(NOBODY, { recoveries: 32_767 });
  const other = await heldBy(NOBODY);
  expect(await store.recover([])).toEqual({ queues: ['default'], recovered: 2 });
  expect(await rows.one('workflow_queue', often)).toMatchObject({ state: 'ready', recoveries: 32_767 });
  expect(await rows.one('workflow_queue', other)).toMatchObject({ state: 'ready', recoveries: 1 });
  const mine = await heldBy(worker, { recoveries: 32_767 });
  expect(await store.release(worker, [{ rowId: mine, token: 1 }], true)).toEqual({ queues: ['default'] });
});

it('a run held under the number of a worker that is in no table is seen, recovered and counted', async () => {
  const run = await heldBy(NOBODY);
  const mine = await heldBy(worker);
  const seen = await store.lookAtWorkers(worker);
  expect(seen).toEqual([expect.objectContaining({ id: NOBODY, dead: true, owes: true, connected: null })]);
  expect(await store.recover([])).toEqual({ queues: ['default'], recovered: 1 });
  expect(await rows.one('workflow_queue', run)).toMatchObject({ state: 'ready', worker_id: null, recoveries: 1 });
  expect(await rows.one('workflow_queue', mine)).toMatchObject({ state: 'running', worker_id: worker, recoveries: 0 });
  expect(await store.lookAtWorkers(worker)).toEqual([]);
});

it('more than one sweep takes is recovered by the next ones', async () => {
  await rows.pool.query(
    `INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue, worker_id, token)
     SELECT gen_random_uuid(), now(), 1, 0, 'running', 'default', $1 + n % 3, 1 FROM generate_series(1, 2500) n`,
    [NOBODY],
  );
  expect((await store.recover([])).recovered).toBe(1_000);
  expect((await store.recover([])).recovered).toBe(1_000);
  expect((await store.recover([])).recovered).toBe(500);
});

it('a worker that leaves waits for no row: what is locked is recovered by the others', async () => {
  const free = await heldBy(worker);
  const locked = await heldBy(worker);
  const other = await rows.worker();
  const client = await rows.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [locked]);
    expect(await store.deregisterWorker(worker)).toEqual({ queues: ['default'] });
    expect(await rows.one('workflow_queue', free)).toMatchObject({ state: 'ready', recoveries: 0 });
    expect(await rows.one('workflow_queue', locked)).toMatchObject({ state: 'running', worker_id: worker });
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
  expect(await store.lookAtWorkers(other)).toEqual([expect.objectContaining({ id: worker, dead: true, owes: true })]);
  expect((await store.recover([])).recovered).toBe(1);
  expect(await rows.one('workflow_queue', locked)).toMatchObject({ state: 'ready', worker_id: null });
});

it('nothing of a worker that has left is committed: its operation is not taken, its start is held by nobody', async () => {
  const run = await heldBy(worker);
  await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [worker]);
  const op = {
    rowId: run, runId: run, token: 1, after: [], afterWait: null, records: [], outcome: null, extras: { ...NO_EXTRAS, closeAll: true },
  }; // prettier-ignore
  const begun = start();
  const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
  const offer = { worker, places: [{ queue: 'default', places: 1 }], definitions };
  const { acks, claimed } = await store.commitGroup(worker, { ops: [op], starts: [begun], offer });
  expect([acks.size, claimed]).toEqual([0, []]);
  expect(await rows.one('workflow_queue', begun.id)).toMatchObject({ state: 'ready', worker_id: null, token: 0 });
});

it('is forgotten after an hour, unless it still holds something', async () => {
  const dead_at = new Date(Date.now() - 2 * HOUR);
  const [gone, owing, fresh] = [
    await rows.worker({ dead_at }),
    await rows.worker({ dead_at }),
    await rows.worker({ dead_at: new Date() }),
  ];
  const run = await heldBy(owing);
  const client = await rows.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [run]);
    await store.recover([]);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
  const left = await rows.pool.query<{ id: number }>('SELECT id FROM durable.workers');
  expect(new Set(left.rows.map(({ id }) => id))).toEqual(new Set([worker, owing, fresh]));
  expect(left.rows.map(({ id }) => id)).not.toContain(gone);
});

it('takes a number of its own by chance: none that a sequence which was set back could give twice', async () => {
  const ids = [];
  for (let n = 0; n < 3; n++) ids.push((await store.registerWorker(registration())).id);
  expect(new Set(ids).size).toBe(3);
  const { rows: sequences } = await rows.pool.query(
    `SELECT FROM pg_attribute WHERE attrelid = 'durable.workers'::regclass AND attidentity <> ''`,
  );
  expect(sequences).toEqual([]);
});

it('progress of a step on another queue is a record of its own, not of the rest of its run', async () => {
  const run = await heldBy(worker);
  const step = await rows.queued({
    step_of: run, step: '{"nextSeq":100}', state: 'running', worker_id: NOBODY, token: 3, recoveries: 4,
    progress_seq: 0, started_at: new Date(),
  }); // prettier-ignore
  await rows.record(run, 5_000_000);
  await store.recover([]);
  expect(await rows.one('workflow_queue', step)).toMatchObject({ recoveries: 5 });
  await rows.record(run, 101, { type: 'once' });
  await rows.pool.query(`UPDATE durable.workflow_queue SET state = 'running', worker_id = $2 WHERE id = $1`, [
    step,
    NOBODY,
  ]);
  await store.recover([]);
  expect(await rows.one('workflow_queue', step)).toMatchObject({ recoveries: 1, progress_seq: '101' });
});

describe('a row that is given back', () => {
  it.each([
    ['counts as a recovery where nobody knows of it', true, 1],
    ['counts as none where that is in order', false, 0],
  ])('%s', async (_, counts, recoveries) => {
    const run = await heldBy(worker);
    await store.release(worker, [{ rowId: run, token: 1 }], counts);
    expect(await rows.one('workflow_queue', run)).toMatchObject({ state: 'ready', worker_id: null, recoveries });
  });
});
