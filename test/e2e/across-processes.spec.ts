import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Step, stepSignal, Workflow, WorkflowCancelledError } from 'nest-durable';
import { DataSource } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { faultWorkflows } from '../support/faults/workflows.js';
import { expectInvariants } from '../support/invariants.js';

/**
 * What one process asks for is done by another at once. All polling is as good as off, so that nothing but the hint can
 * have done it.
 */
const NEVER = 600_000;
const OPTIONS = {
  queues: { default: { concurrency: 5, pollInterval: NEVER } },
  wakeInterval: NEVER,
  recoveryInterval: NEVER,
};

const aborted: unknown[] = [];

@Workflow({ name: 'held' })
class HeldWorkflow {
  @Step()
  async hold(data: object) {
    const signal = stepSignal();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    aborted.push(signal.reason);
    return data;
  }
}

let ground: Ground;
let dataSource: DataSource;
let worker: FaultApp;
let client: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  const database = { url: ground.url };
  dataSource = await new DataSource({ type: 'postgres', url: ground.url, installExtensions: false }).initialize();
  const effects = new Effects(ground.pool, 'worker');
  worker = await openApp({ ...OPTIONS, database }, [HeldWorkflow, ...faultWorkflows], effects);
  client = await openApp({ workers: false, database: { dataSource } });
});

afterAll(async () => {
  await client.close();
  await worker.close();
  await dataSource.destroy();
  await ground.pool.end();
});

it('a start is claimed, also at the moment when somebody asks for a hint at its end, which locks its row', async () => {
  for (let n = 0; n < 30; n++) {
    const run = await client.client.start('three', {});
    expect(await run.result()).toMatchObject({ third: true });
  }
});

it('a cancel aborts the step that runs, and tells who waits elsewhere', async () => {
  const run = await client.client.start('held', {});
  await until(ground.pool, `SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'running'`, [run.id]);
  const waiting = worker.client.handle(run.id).result();
  expect(await run.cancel('enough')).toBe(true);
  await expect(waiting).rejects.toThrow(WorkflowCancelledError);
  while (aborted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(String(aborted[0])).toContain(`Run ${run.id} was cancelled`);
  await expectInvariants(ground.pool);
});

it.each([
  ['delay', () => client.client.start('three', {}, { delay: 300 })],
  ['scheduledAt', () => client.client.start('three', {}, { scheduledAt: new Date(Date.now() + 300) })],
  ['delay and idempotencyKey', () => client.client.start('three', {}, { delay: 300, idempotencyKey: 'later' })],
  ['delay, of many', async () => (await client.client.startMany('three', [{ input: {}, delay: 300 }]))[0]],
  [
    'delay, in a transaction',
    () => dataSource.transaction((manager) => client.client.start('three', {}, { delay: 300, manager })),
  ],
])('a delayed start wakes at its due time (%s)', async (_, start) => {
  const run = await start();
  expect(await run?.result()).toMatchObject({ third: true });
  const execution = await client.client.getExecution(run?.id ?? '');
  expect(execution?.startedAt?.getTime()).toBeGreaterThanOrEqual(execution?.scheduledAt?.getTime() ?? Infinity);
});

it('sqlLog writes every statement of the engine, without its parameters', async () => {
  const lines: string[] = [];
  const debug = jest
    .spyOn(Logger.prototype, 'debug')
    .mockImplementation((line: unknown) => void lines.push(String(line)));
  const effects = new Effects(ground.pool, 'logged');
  const app = await openApp(
    { sqlLog: true, database: { url: ground.url }, queues: { logged: {} } },
    faultWorkflows,
    effects,
  );
  await (await app.client.start('three', { secret: 'hidden-value' }, { queue: 'logged' })).result();
  await app.client.start('three', {}, { queue: 'nobody', id: '01a20edf-1c76-713c-a3da-02e6a0c14dd8' });
  await app.close();
  debug.mockRestore();
  for (const statement of [
    'Commits a group in one round trip',
    'Takes ready rows of one queue',
    'Renews the lease',
    'Enters a process into the workers',
    'Inserts runs, each with its row',
    'LISTEN durable_',
    'pg_notify',
  ]) {
    expect(lines.filter((line) => line.includes(statement)).length).toBeGreaterThan(0);
  }
  expect(lines.join('\n')).not.toContain('hidden-value');
});
