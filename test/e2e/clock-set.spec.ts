import { hours, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { openApp, type PlainApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** The server's clock is set while a process lives, between two of its heartbeats. */

let calls = 0;

@Workflow({ name: 'retried' })
class RetriedWorkflow {
  @Step({ retry: { maxAttempts: 2, backoff: 'constant', initialDelay: hours(1), jitter: false } })
  call() {
    calls += 1;
    if (calls === 1) throw new Error('not yet');
    return { calls };
  }
}

let pool: pg.Pool;
let plain: PlainApp;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url });
  // No heartbeat comes by to tell the time.
  const options = { leaseTimeout: hours(3), heartbeatInterval: hours(1) };
  plain = await openApp({ database: { url }, ...options }, [RetriedWorkflow]);
});

afterAll(async () => {
  await plain.app.close();
  await pool.end();
});

it('tries a step again when its time has come by a clock that was set forward, and not an hour later', async () => {
  const run = await plain.client.start('retried', {});
  const due = `SELECT due_at - now() > interval '50 min' AS later FROM durable.workflow_queue WHERE id = $1 AND state = 'sleeping'`;
  await until(async () => (await pool.query<{ later: boolean }>(due, [run.id])).rows[0]?.later === true);
  await pool.query(
    `CREATE OR REPLACE FUNCTION durable.clock() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT now() + interval '61 min' $$`,
  );
  expect((await reached(plain.client, run.id, 'completed')).data).toEqual({ calls: 2 });
});
