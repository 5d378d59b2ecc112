import { DurableQueues, once, Step, Workflow } from 'nest-durable';
import { REMOTE_RESERVE } from '../../lib/engine/ports/store.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';
import { until } from '../support/until.js';

/** A step on another queue has so many numbers for its records, behind which those of its run go on. */

let recorded: number[] = [];
let tries = 0;

@Workflow({ name: 'verbose' })
class VerboseWorkflow {
  @Step({ queue: 'elsewhere', retry: { maxAttempts: 5 } })
  async there() {
    tries++;
    for (let n = 0; n < 10; n++) {
      await once(`n${n}`, () => n);
      recorded.push(n);
    }
  }

  @Step()
  after() {}
}

let ground: Ground;
let app: FaultApp;

beforeEach(async () => {
  recorded = [];
  tries = 0;
  ground = await openGround();
  const options = { database: { url: ground.url }, queues: { default: {}, elsewhere: {} } };
  app = await openApp(options, [VerboseWorkflow]);
  await app.app.get(DurableQueues).pause('elsewhere');
});

afterEach(async () => {
  await app.close();
  await ground.pool.end();
});

it('fails when it has used them up, with what it has recorded, and its run says why', async () => {
  const run = await app.client.start(VerboseWorkflow, {});
  const step = `SELECT step::json AS step FROM durable.workflow_queue WHERE step_of = $1`;
  await until(async () => (await ground.pool.query(step, [run.id])).rowCount === 1);
  await ground.pool.query(
    `UPDATE durable.workflow_queue
     SET step = replace(step, '"end":' || (step::json ->> 'end'), '"end":' || ((step::json ->> 'nextSeq')::int + $2::int))
     WHERE step_of = $1`,
    [run.id, REMOTE_RESERVE + 4],
  );
  await app.app.get(DurableQueues).resume('elsewhere');
  await expect(run.result()).rejects.toThrow(/"there" has recorded as much as a step on another queue can/);
  // Four were recorded; what is left is for the end of the attempt, which is the last one.
  expect({ recorded, tries }).toEqual({ recorded: [0, 1, 2, 3], tries: 1 });
  const [failed] = await app.client.getSteps(run.id);
  expect(failed).toMatchObject({
    step: 'there',
    status: 'failed',
    once: [{ name: 'n0' }, { name: 'n1' }, { name: 'n2' }, { name: 'n3' }],
  });
  await expectInvariants(ground.pool, { runs: [run], records: 1 });
});
