import { type FaultApp, openApp } from '../support/faults/app.js';
import { effectsOf, repeatedEffects } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { expectInvariants } from '../support/invariants.js';

/** Two worker processes on one database, and two more that start runs. */

let ground: Ground;
const workers: WorkerProcess[] = [];
const clients: FaultApp[] = [];

beforeAll(async () => {
  ground = await openGround();
  const { url } = ground;
  const options = { queues: { default: { concurrency: 50 } } };
  workers.push(...(await Promise.all(['one', 'two'].map((label) => WorkerProcess.start({ url, label, options })))));
  for (let n = 0; n < 2; n++) clients.push(await openApp({ database: { url }, workers: false }));
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await Promise.all(clients.map((client) => client.close()));
  await ground.pool.end();
});

it('do 1 000 runs, each step of each once', async () => {
  const [one, two] = clients as [FaultApp, FaultApp];
  const starts = Array.from({ length: 500 }, () => one.client.start('three', {}));
  const many = await two.client.startMany(
    'three',
    Array.from({ length: 500 }, () => ({ input: {} })),
  );
  const runs = [...(await Promise.all(starts)), ...many];
  await Promise.all(runs.map((run) => run.result()));
  expect(await repeatedEffects(ground.pool)).toEqual([]);
  expect(await effectsOf(ground.pool, runs)).toEqual({ first: 1_000, second: 1_000, third: 1_000 });
  const { rows } = await ground.pool.query('SELECT DISTINCT worker FROM effects ORDER BY worker');
  expect(rows).toEqual([{ worker: 'one' }, { worker: 'two' }]);
  await expectInvariants(ground.pool, { runs, records: 3_000 });
});

it('start one run for 50 starts with one idempotency key', async () => {
  const [one, two] = clients as [FaultApp, FaultApp];
  const runs = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      (n % 2 === 0 ? one : two).client.start('three', { order: 7 }, { idempotencyKey: 'order-7' }),
    ),
  );
  const ids = new Set(runs.map((run) => run.id));
  expect(ids.size).toBe(1);
  await Promise.all(runs.map((run) => run.result()));
  const [id = ''] = ids;
  expect(await effectsOf(ground.pool, [{ id }])).toEqual({ first: 1, second: 1, third: 1 });
  expect(await one.client.countExecutions({ workflow: 'three' })).toBe(1_001);
  await expectInvariants(ground.pool, { runs: [{ id }] });
});
