import type { Execution, WorkflowHandle } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { Forks } from '../support/forks.js';
import { expectInvariants } from '../support/invariants.js';
import { openApp, type PlainApp } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** Workers that die one after the other in a deploy, before the run is suspended: its records are of two definitions. */

let url: string;
let pool: pg.Pool;
let plain: PlainApp;
const pods = new Forks(new URL('./deploys-killed-pod.ts', import.meta.url));

beforeEach(async () => {
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 2 });
  await pool.query('CREATE TABLE effects (run uuid, label text)');
  plain = await openApp({ database: { url }, workers: false });
});

afterEach(async () => {
  await pods.endAll();
  await plain.app.close();
  await pool.end();
});

/** The run, once it goes no further. */
function settled(run: WorkflowHandle<unknown>): Promise<Execution> {
  return until(async () => {
    const found = await run.execution();
    return found !== null && ['completed', 'failed', 'paused'].includes(found.status) ? found : null;
  });
}

async function isAt(label: string): Promise<boolean> {
  const { rows } = await pool.query('SELECT FROM effects WHERE label = $1', [label]);
  return rows.length > 0;
}

it.each([
  ['recorded nothing', 'two', ''],
  ['recorded a step', 'three', ''],
  ['recorded a step, in a limited queue', 'three', '5'],
])('a run goes on from its place where the new code has %s of it when it is killed too', async (_, step, limit) => {
  const early = await pods.start([url, 'early', 'two', limit]);
  const run = await plain.client.start('deployed', {});
  await until(() => isAt('early at two'));
  await early.end('SIGKILL');
  const late = await pods.start([url, 'late', step, limit]);
  await until(() => isAt(`late at ${step}`));
  await late.end('SIGKILL');
  await pods.start([url, 'late', 'none', limit]);
  const { status, data, error } = await settled(run);
  expect([status, data, error]).toEqual(['completed', { one: true, two: true, three: true }, null]);
  await expectInvariants(pool, { runs: [run], records: 3 });
});
