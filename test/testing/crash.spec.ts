import { AttemptClosedError, days, once, Step, stepSignal, Workflow, workflowId } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import { Gate, onTestServer } from './support.js';

@Workflow({ name: 'packing' })
class PackingWorkflow {
  begun = new Gate<AbortSignal>();
  go = new Gate();
  after = new Gate<unknown>();
  paid = 0;

  @Step()
  first(data: object) {
    return { ...data, first: true };
  }

  @Step()
  async pack(data: object) {
    await once('pay', () => ++this.paid);
    this.begun.open(stepSignal());
    await this.go.promise;
    try {
      workflowId();
      this.after.open(null);
    } catch (error) {
      this.after.open(error);
    }
    return { ...data, packed: true };
  }
}

let test: DurableTest;
let pool: pg.Pool;

beforeEach(async () => {
  test = await createDurableTest({ providers: [PackingWorkflow] }, onTestServer);
  pool = new pg.Pool({ connectionString: test.url, max: 1 });
});

afterEach(async () => {
  await pool.end();
  await test.close();
});

async function queueRow(id: string): Promise<{ state: string; token: number; alive: boolean }> {
  const { rows } = await pool.query<{ state: string; token: number; alive: boolean }>(
    `SELECT q.state, q.token, w.dead_at IS NULL AND w.expires_at > now() AS alive
     FROM durable.workflow_queue q LEFT JOIN durable.workers w ON w.id = q.worker_id WHERE q.id = $1`,
    [id],
  );
  return rows[0] ?? { state: 'gone', token: 0, alive: false };
}

it('drops the worker as a kill would, and recovers at once', async () => {
  const workflow = test.get(PackingWorkflow);
  const run = await test.client.start(PackingWorkflow, {});
  const signal = await workflow.begun.promise;
  await test.crash();
  expect(signal.aborted).toBe(true);
  expect(await queueRow(run.id)).toEqual({ state: 'running', token: 1, alive: true });

  // What runs on is cut off, and what it returns is written nowhere.
  workflow.go.open();
  expect(await workflow.after.promise).toBeInstanceOf(AttemptClosedError);
  await test.idle();
  expect(await queueRow(run.id)).toEqual({ state: 'running', token: 1, alive: true });
  const recorded = (await test.client.getSteps(run.id)).filter(({ status }) => status !== 'running');
  expect(recorded.map(({ step }) => step)).toEqual(['first']);

  workflow.after = new Gate();
  await test.restart();
  expect(await run.result()).toEqual({ first: true, packed: true });
  expect(await workflow.after.promise).toBeNull();
  expect(workflow.paid).toBe(1);
  const { rows } = await pool.query<{ token: number }>('SELECT token FROM durable.step_executions ORDER BY seq');
  expect(rows.map(({ token }) => token)).toEqual([1, 1, 2]);
});

it('works without awaiting, and as often as one likes', async () => {
  const workflow = test.get(PackingWorkflow);
  const run = await test.client.start(PackingWorkflow, {});
  for (let n = 0; n < 5; n++) {
    await workflow.begun.promise;
    workflow.begun = new Gate();
    void test.crash();
    void test.restart();
  }
  await workflow.begun.promise;
  workflow.go.open();
  expect(await run.result()).toEqual({ first: true, packed: true });
  expect(workflow.paid).toBe(1);
});

it('restarts a worker that was alive, too', async () => {
  const workflow = test.get(PackingWorkflow);
  const run = await test.client.start(PackingWorkflow, {});
  const signal = await workflow.begun.promise;
  await test.restart();
  expect(signal.aborted).toBe(true);
  workflow.go.open();
  await test.idle();
  expect((await run.execution())?.status).toBe('completed');
});

it('lets time pass while nobody works: what became due is done after the restart', async () => {
  const workflow = test.get(PackingWorkflow);
  workflow.go.open();
  const run = await test.client.start(PackingWorkflow, {}, { delay: days(2) });
  await test.crash();
  await test.advance(days(3));
  expect((await run.execution())?.status).toBe('pending');
  await test.restart();
  await test.idle();
  const execution = await run.execution();
  expect(execution?.status).toBe('completed');
  expect(execution?.completedAt).toEqual(test.now());
});

it('closes while a step hangs, without waiting for it', async () => {
  await test.client.start(PackingWorkflow, {});
  const signal = await test.get(PackingWorkflow).begun.promise;
  await pool.end();
  await test.close();
  await test.close();
  expect(signal.aborted).toBe(true);
  await expect(test.restart()).rejects.toThrow('closed');
  pool = new pg.Pool();
});
