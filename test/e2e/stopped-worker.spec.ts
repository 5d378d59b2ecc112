import { openApp, type FaultApp } from '../support/faults/app.js';
import { effectsOf, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { expectInvariants } from '../support/invariants.js';

/** A worker that is stopped (SIGSTOP) past its lease and goes on (SIGCONT) as if nothing had been. */

const options = {
  leaseTimeout: 1_000,
  heartbeatInterval: 300,
  recoveryInterval: 100,
  queues: { default: { concurrency: 20 } },
};

let ground: Ground;
let client: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  client = await openApp({ database: { url: ground.url }, workers: false });
});

afterAll(async () => {
  await client.close();
  await ground.pool.end();
});

it.each([
  ['its record is refused', 'stopped', { stop: 'stale' }, 'stop'],
  ['the writes of its transaction are refused with the record', 'booking', { stop: 'stale' }, 'book'],
] as const)('comes back past its lease: %s', async (_, workflow, input, step) => {
  const { url, pool } = ground;
  const settings = { url, options, dataSource: true };
  const stale = await WorkerProcess.start({ ...settings, label: 'stale' });
  const run = await client.client.start(workflow, input);
  // The step has stopped its own process, on the point of returning.
  await until(pool, 'SELECT FROM effects WHERE run = $1', [run.id]);
  const successor = await WorkerProcess.start({ ...settings, label: 'successor' });
  await run.result();
  stale.send('SIGCONT');
  // Back to life it enters itself anew, and takes part.
  await until(pool, `SELECT FROM durable.workers WHERE pid = $1 AND dead_at IS NULL AND expires_at > now()`, [
    stale.pid,
  ]);
  expect(await client.client.start('three', {}).then((next) => next.result())).toMatchObject({ third: true });
  await Promise.all([stale.end('SIGTERM'), successor.end('SIGTERM')]);
  const refused = workflow === 'stopped' ? `left record ${step} 1` : `left commit ${step}`;
  expect(stale.lines.flatMap((line) => (line.event === 'passed' ? line.points : []))).toContain(refused);
  const steps = await client.client.getSteps(run.id);
  expect(steps.map(({ step: name, attempt, status }) => [name, attempt, status])).toEqual([
    [step, 1, 'completed'],
    ['after', 1, 'completed'],
  ]);
  // Begun twice, since nobody could know; recorded once, by the successor.
  expect(await effectsOf(pool, [run])).toEqual({ [step]: 2, after: 1 });
  const { rows } = await pool.query<{ token: number }>(
    'SELECT token FROM durable.step_executions WHERE run_id = $1 ORDER BY seq',
    [run.id],
  );
  expect(rows).toEqual([{ token: 2 }, { token: 2 }]);
  const bookings = await pool.query('SELECT FROM bookings WHERE run = $1', [run.id]);
  expect(bookings.rows.length).toBe(workflow === 'booking' ? 1 : 0);
  await expectInvariants(pool, { runs: [run], records: 2 });
});
