import { Step, Workflow } from 'nest-durable';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** An app shuts down while its last commit is kept waiting in the server, and lands after it has left. */

@Workflow({ name: 'pay' })
class PayWorkflow {
  @Step()
  charge() {
    return { charged: true };
  }
}

let ground: Ground;
let app: FaultApp;
const options = { shutdownTimeout: 100, recoveryInterval: 100 };

beforeEach(async () => {
  ground = await openGround();
  app = await openApp({ ...options, database: { url: ground.url } }, [PayWorkflow]);
});

afterEach(() => ground.pool.end());

it('the start is settled, and says that the run may be started; another worker takes it', async () => {
  await (await app.client.start('pay', {})).result();
  const client = await ground.pool.connect();
  await client.query('BEGIN');
  // As an index that is being made.
  await client.query('LOCK TABLE durable.workflow_executions IN SHARE MODE');
  const starting = app.client.start('pay', {}).catch((error: unknown) => error);
  await until(
    ground.pool,
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  await app.close();
  expect(await starting).toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringContaining('may or may not have been'),
  });
  await client.query('COMMIT');
  client.release();
  await until(ground.pool, `SELECT FROM durable.workflow_executions HAVING count(*) = 2`);
  const second = await openApp({ ...options, database: { url: ground.url } }, [PayWorkflow]);
  try {
    await until(ground.pool, `SELECT FROM durable.workflow_executions WHERE status = 'completed' HAVING count(*) = 2`);
    await expectInvariants(ground.pool);
  } finally {
    await second.close();
  }
});

it('a start after it is refused', async () => {
  await app.close();
  await expect(app.client.start('pay', {})).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
});

it('does not wait for a connection that the app has not released to a DataSource that the module opened', async () => {
  await app.close();
  const dataSource = new DataSource({ type: 'postgres', url: ground.url, installExtensions: false });
  const other = await openApp({ ...options, database: { dataSource } }, [PayWorkflow]);
  // TypeORM releases its own query runners.
  const { master } = dataSource.driver as unknown as { master: Pool };
  const lent = await master.connect();
  await other.close();
  expect(master.ending).toBe(true);
  lent.release();
});
