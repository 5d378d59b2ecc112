import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cli } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

/** A command that only reads ends with Ctrl-C, though the database does not answer. */

let url: string;
let id: string;
let pool: pg.Pool;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  const app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
  const run = await app.client.start(OrderWorkflow, {});
  await run.result();
  ({ id } = run);
  await app.close();
  pool = new pg.Pool({ connectionString: url, max: 2 });
});

afterAll(async () => {
  await pool.end();
});

const READS = 'status|list|list --group|inspect RUN|logs RUN|pending|workers|queues|schedules|graph order|cancel --workflow order --dry-run|cleanup --older-than 1d --dry-run'; // prettier-ignore

it.each(READS.split('|'))(
  '%s',
  async (line) => {
    const keeper = await pool.connect();
    try {
      await keeper.query(`BEGIN; LOCK TABLE durable.workflow_executions, durable.workflow_queue, durable.waits,
        durable.workers, durable.scheduled_workflows, durable.step_executions, durable.workflow_definitions`);
      const interrupt = new AbortController();
      const ran = cli(line.replace('RUN', id).split(' '), { env: { DATABASE_URL: url }, signal: interrupt.signal });
      await until(async () => (await waiting()) > 0);
      interrupt.abort();
      // While the tables are locked: what was asked for is not answered.
      expect(await ran).toMatchObject({ code: 130, out: '' });
    } finally {
      await keeper.query('ROLLBACK');
      keeper.release();
    }
  },
  20_000,
);

/** Sessions that wait for a lock: nobody else is here. */
async function waiting(): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0]?.n ?? 0;
}
