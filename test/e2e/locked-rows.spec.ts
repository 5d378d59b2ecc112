import { DataSource } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf, openGate, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { faultWorkflows } from '../support/faults/workflows.js';
import { expectInvariants } from '../support/invariants.js';

/** Somebody's transaction stays open, with the row of a run: that run waits, and no other. */

let ground: Ground;
let dataSource: DataSource;
let worker: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  dataSource = await new DataSource({ type: 'postgres', url: ground.url, installExtensions: false }).initialize();
  const options = { queues: { default: { concurrency: 20 } }, database: { dataSource } };
  worker = await openApp(options, faultWorkflows, new Effects(ground.pool, 'worker'));
});

afterAll(async () => {
  await worker.close();
  await dataSource.destroy();
  await ground.pool.end();
});

const LOCK = {
  'its row in the queue': 'SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE',
  'its row in history': 'SELECT FROM durable.workflow_executions WHERE id = $1 FOR UPDATE',
};

it.each(Object.entries(LOCK))('a lock on %s holds up this run alone', async (what, lock) => {
  const { pool } = ground;
  const held = await worker.client.start('gated', { gate: what });
  await until(pool, `SELECT FROM effects WHERE run = $1 AND step = 'at'`, [held.id]);
  const caller = await pool.connect();
  await caller.query('BEGIN');
  await caller.query(lock, [held.id]);
  await openGate(pool, what);
  const others = await Promise.all(Array.from({ length: 50 }, () => worker.client.start('three', {})));
  // Their records go in groups with the one that cannot be written.
  await Promise.all(others.map((run) => run.result()));
  expect((await held.execution())?.status).toBe('running');
  await caller.query('COMMIT');
  caller.release();
  expect(await held.result()).toMatchObject({ after: true });
  expect(await effectsOf(pool, [held])).toEqual({ after: 1, at: 1, before: 1 });
  await expectInvariants(pool, { runs: [held, ...others], records: 153 });
});

it('a run that is started in an open transaction is nobody else’s business until its commit', async () => {
  const id = await dataSource.transaction(async (manager) => {
    const inside = await worker.client.start('three', {}, { manager, idempotencyKey: 'inside' });
    const others = await Promise.all(Array.from({ length: 10 }, () => worker.client.start('three', {})));
    await Promise.all(others.map((run) => run.result()));
    expect(await worker.client.getExecution(inside.id)).toBeNull();
    return inside.id;
  });
  expect(await worker.client.handle(id).result()).toMatchObject({ third: true });
  const rolledBack = await dataSource
    .transaction(async (manager) => {
      throw new Error((await worker.client.start('three', {}, { manager })).id);
    })
    .catch((error: unknown) => (error as Error).message);
  expect(await worker.client.getExecution(rolledBack)).toBeNull();
  await expectInvariants(ground.pool, { runs: [{ id }] });
});
