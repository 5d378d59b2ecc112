import { Step, Workflow, type WorkflowHandle } from 'nest-durable';
import { RunningAttempt } from '../../lib/engine/run/running-attempt.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** A step on another queue is given up between its claim and its code, while what it needs is read. */

let calls = 0;

class Remote {
  @Step({ queue: 'elsewhere' })
  there() {
    calls++;
  }
}

@Workflow({ name: 'hasty', timeout: 500 })
class HastyWorkflow extends Remote {}

@Workflow({ name: 'cancelled' })
class CancelledWorkflow extends Remote {}

let ground: Ground;
let worker: FaultApp;

beforeEach(async () => {
  calls = 0;
  ground = await openGround();
  const options = { database: { url: ground.url }, queues: { default: {}, elsewhere: {} } };
  worker = await openApp(options, [HastyWorkflow, CancelledWorkflow]);
});

afterEach(async () => {
  await worker.close();
  await ground.pool.end();
});

it.each([
  ['its run is out of time', 'hasty', async () => {}],
  ['its run is cancelled', 'cancelled', (run: WorkflowHandle) => run.cancel()],
])('runs no code where %s by then', async (_why, workflow, end) => {
  const { readWaits } = PgStore.prototype;
  const { giveUp } = RunningAttempt.prototype;
  const givenUp = new Promise<void>((resolve) => {
    RunningAttempt.prototype.giveUp = function (reason) {
      giveUp.call(this, reason);
      resolve();
    };
  });
  let reads = 0;
  const reading = new Promise<void>((resolve) => {
    PgStore.prototype.readWaits = async function (runId) {
      const waits = await readWaits.call(this, runId);
      if (++reads > 1) return waits;
      resolve();
      await givenUp;
      return waits;
    };
  });
  try {
    const run = await worker.client.start(workflow, {});
    await reading;
    await end(run);
    await givenUp;
    await run.result().catch(() => {});
    expect((await run.execution())?.status).toBe(workflow === 'hasty' ? 'failed' : 'cancelled');
    // What is still at work is waited for.
    await worker.close();
    expect(calls).toBe(0);
    await expectInvariants(ground.pool, { runs: [run], records: 0 });
  } finally {
    PgStore.prototype.readWaits = readWaits;
    RunningAttempt.prototype.giveUp = giveUp;
  }
});
