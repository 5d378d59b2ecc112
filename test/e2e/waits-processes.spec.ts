import type { WorkflowHandle } from 'nest-durable';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { effectsOf } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { expectInvariants } from '../support/invariants.js';

/** Waits and children with two worker processes on one database, and a client that executes nothing. */

const PATIENCE = { timeout: 120_000 };
const options = { queues: { default: { concurrency: 30 }, elsewhere: { concurrency: 10 } } };
let ground: Ground;
let web: FaultApp;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  ground = await openGround();
  const { url } = ground;
  workers.push(...(await Promise.all(['one', 'two'].map((label) => WorkerProcess.start({ url, label, options })))));
  web = await openApp({ database: { url }, workers: false });
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await web.close();
  await ground.pool.end();
});

function startMany(workflow: string, inputs: readonly object[]): Promise<WorkflowHandle<unknown>[]> {
  return web.client.startMany(
    workflow,
    inputs.map((input) => ({ input })),
  );
}

/** Resolves once the run asks for the input; the state is asked for, no time is waited for. */
async function untilAsked(executionId: string): Promise<void> {
  while ((await web.client.listPendingInputs({ executionId })).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it('a child that ends while its parent is being parked is never missed, 600 times', async () => {
  const runs = await startMany(
    'quick_parent',
    Array.from({ length: 100 }, () => ({ count: 4 })),
  );
  const results = await Promise.all(runs.map((run) => run.result(PATIENCE)));
  const items = [0, 1, 2, 3].map((n) => ({ status: 'fulfilled', value: { twice: n * 2 } }));
  expect(results).toEqual(runs.map(() => ({ count: 4, __results__: items, second: 4 })));
  const counts = await web.client.childCounts(runs.map(({ id }) => id));
  expect(new Set(Object.values(counts))).toEqual(new Set([6]));
  await expectInvariants(ground.pool, { runs, records: 1_300 });
}, 150_000);

it('what runs wait for reaches them wherever they are, also when a worker is killed', async () => {
  const count = 60;
  const runs = await startMany(
    'waits',
    Array.from({ length: count }, (_, n) => ({ n })),
  );
  const send = async (run: WorkflowHandle<unknown>, n: number): Promise<void> => {
    await run.sendEvent('paid', n, { dedupeKey: 'hook' });
    await run.sendEvent('paid', n, { dedupeKey: 'hook' });
    await untilAsked(run.id);
    await run.provideInput('ok', n % 2 === 0);
  };
  const sent = runs.map(send);
  // In the middle of it, with some runs answered and others not.
  await Promise.all(sent.slice(0, 10));
  workers[0]?.send('SIGKILL');
  await Promise.all(sent);
  const results = (await Promise.all(runs.map((run) => run.result(PATIENCE)))) as Record<string, unknown>[];
  for (const [n, result] of results.entries()) {
    const approval = n % 2 === 0 ? 'approved' : 'rejected';
    expect(result).toMatchObject({ n, paid: n, approval, late: 'none', child: { twice: n * 2 } });
  }
  const counts = await web.client.childCounts(runs.map(({ id }) => id));
  expect(new Set(Object.values(counts))).toEqual(new Set([1]));
  // A mark may be left twice where the worker died between it and its record, never more.
  const marks = (await effectsOf(ground.pool, runs))['ask'] ?? 0;
  expect(marks).toBeGreaterThanOrEqual(count);
  expect(marks).toBeLessThanOrEqual(count + options.queues.default.concurrency);
  await expectInvariants(ground.pool, { runs, records: 2 * count });
}, 180_000);
