import { Parallel, Step, waitForEvent, Workflow } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

let open: () => void;
const gate = new Promise<void>((resolve) => (open = resolve));

@Workflow({ name: 'apart' })
class ApartWorkflow {
  @Parallel(['here', 'there'])
  both() {}

  @Step()
  async here() {
    await waitForEvent('go');
  }

  @Step({ queue: 'elsewhere' })
  async there() {
    await gate;
  }
}

let ground: Ground;
let worker: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  worker = await openApp({ database: { url: ground.url }, queues: { default: {}, elsewhere: {} } }, [ApartWorkflow]);
});

afterAll(async () => {
  await worker.close();
  await ground.pool.end();
});

it('a step on another queue that ends while the run is read is not missed', async () => {
  const run = await worker.client.start('apart', {});
  const sleeping = `SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'sleeping'`;
  while ((await ground.pool.query(sleeping, [run.id])).rowCount === 0) await pause(10);
  const ended = `SELECT FROM durable.step_executions WHERE run_id = $1 AND path = 'both.there/there' AND type = 'step'`;
  const { readLeased } = PgStore.prototype;
  let torn = 0;
  // Its record is committed after the records were read, and before the waits are taken, which forgets the mark.
  PgStore.prototype.readLeased = async function (id, runs, wanted) {
    const { records, now } = await readLeased.call(this, id, [], wanted);
    if (runs.length > 0) {
      torn++;
      open();
      while ((await ground.pool.query(ended, [run.id])).rowCount === 0) await pause(10);
    }
    return { records, now, waits: await this.takeWaits(id, runs) };
  };
  try {
    await run.sendEvent('go');
    await run.result();
    expect(torn).toBe(1);
    await expectInvariants(ground.pool, { runs: [run] });
  } finally {
    PgStore.prototype.readLeased = readLeased;
  }
});
