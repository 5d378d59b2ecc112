import { Compensate, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type App, Gate, openApp } from '../support/kit-app.js';
import { until } from '../support/until.js';

/** A step on another queue whose worker counts as alive and says nothing: it hangs, or cannot reach the database. */

const entered = new Gate();
const never = new Gate();
const log: string[] = [];
let pool: pg.Pool;
let app: App;

@Workflow({ name: 'paid' })
class PaidWorkflow {
  @Step({ compensate: 'refund' })
  charge() {
    return { charged: true };
  }

  @Step({ queue: 'elsewhere' })
  async away() {
    entered.open();
    await never.promise;
  }

  @Compensate()
  refund() {
    log.push('refund');
  }
}

beforeAll(async () => {
  const { url } = await createTestDatabase({ breaksRows: true });
  pool = new pg.Pool({ connectionString: url });
  app = await openApp(url, [PaidWorkflow], {
    abortGrace: 100,
    heartbeatInterval: 200,
    queues: { default: { concurrency: 5 }, elsewhere: { concurrency: 5 } },
  });
});

afterAll(async () => {
  never.open();
  await app.app.close();
  await pool.end();
});

it('keeps no cancelled run from being undone', async () => {
  const run = await app.client.start('paid', {});
  await entered.promise;
  await pool.query(
    `WITH silent AS (
       INSERT INTO durable.workers (host, pid, version, queues, definitions, expires_at)
       VALUES ('elsewhere', 1, '1', '{elsewhere}', '{}', now() + interval '1 day') RETURNING id
     )
     UPDATE durable.workflow_queue q SET worker_id = silent.id, token = q.token + 1 FROM silent WHERE q.step_of = $1`,
    [run.id],
  );
  await run.cancel('changed his mind', { compensate: true });
  await until(async () => (await run.execution())?.completedAt !== null);
  expect((await run.execution())?.status).toBe('compensated');
  expect(log).toEqual(['refund']);
});
