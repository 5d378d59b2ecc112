import { WorkflowCancelledError, type WorkflowHandle } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { faultWorkflows } from '../support/faults/workflows.js';
import { expectInvariants } from '../support/invariants.js';

/** A run is cancelled at the moment when it completes. */

const RUNS = 200;

let ground: Ground;
let worker: FaultApp;
let client: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  const database = { url: ground.url };
  worker = await openApp(
    { database, queues: { default: { concurrency: 20 } } },
    faultWorkflows,
    new Effects(ground.pool, 'worker'),
  );
  client = await openApp({ database, workers: false });
});

afterAll(async () => {
  await client.close();
  await worker.close();
  await ground.pool.end();
});

async function outcome(run: WorkflowHandle): Promise<'completed' | 'cancelled'> {
  try {
    await run.result();
    return 'completed';
  } catch (error) {
    if (error instanceof WorkflowCancelledError) return 'cancelled';
    throw error;
  }
}

it(`has one end, ${RUNS} times, and everybody is told the same`, async () => {
  const runs: WorkflowHandle[] = [];
  const ends = { completed: 0, cancelled: 0 };
  for (let at = 0; at < RUNS; at += 10) {
    const batch = await Promise.all(Array.from({ length: 10 }, () => worker.client.start('three', {})));
    runs.push(...batch);
    const told = await Promise.all(
      batch.map(async (run, n) => {
        // From at once to after the end: the cancel meets every commit of the run.
        await pause(n === 9 ? 0 : Math.random() * 40);
        if (n === 9) await run.result();
        const one = client.client.handle(run.id);
        const [cancelled, here, there] = await Promise.all([one.cancel(), outcome(run), outcome(one)]);
        return { cancelled, here, there, stored: (await one.execution())?.status };
      }),
    );
    for (const { cancelled, here, there, stored } of told) {
      const end = cancelled ? 'cancelled' : 'completed';
      expect({ here, there, stored }).toEqual({ here: end, there: end, stored: end });
      ends[end]++;
    }
  }
  expect(ends.completed).toBeGreaterThanOrEqual(RUNS / 10);
  expect(ends.completed + ends.cancelled).toBe(RUNS);
  // A cancel before the first step has begun is the surest.
  const early = await client.client.start('three', {}, { delay: 600_000 });
  expect([await early.cancel(), await outcome(early)]).toEqual([true, 'cancelled']);
  await expectInvariants(ground.pool, { runs, records: RUNS / 10 });
});
