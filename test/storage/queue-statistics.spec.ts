import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { until } from '../support/until.js';
import { Rows } from './rows.js';

let rows: Rows;
let connections: Connections;
let store: PgStore;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

const pulse = () => store.pulse({ worker: 1, processKey: null, queues: [], definitions: [], workflows: [] });

async function fill(count: number): Promise<void> {
  const run = await rows.open({ state: 'sleeping', due_at: 'infinity', token: 1 });
  for (const table of ['workflow_executions', 'workflow_queue']) {
    const { rows: columns } = await rows.pool.query<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
       AND attgenerated = '' AND attname <> 'id'`,
      [`durable.${table}`],
    );
    const names = columns.map(({ name }) => name).join(', ');
    await rows.pool.query(
      `INSERT INTO durable.${table} (id, ${names})
       SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, ${names}
       FROM durable.${table}, generate_series(1, $2) i WHERE id = $1`,
      [run, count],
    );
  }
}

async function known(): Promise<number> {
  const { rows: found } = await rows.pool.query<{ n: number }>(
    `SELECT reltuples::float8 AS n FROM pg_class WHERE oid = 'durable.workflow_queue'::regclass`,
  );
  return found[0]?.n ?? NaN;
}

it('are taken anew where they are of a time at which the queue was empty', async () => {
  await fill(300);
  await rows.pool.query('DELETE FROM durable.workflow_queue');
  await rows.pool.query('ANALYZE durable.workflow_queue');
  expect(await known()).toBe(0);
  await pulse();
  await rows.pool.query('DELETE FROM durable.workflow_executions');
  await fill(300);
  await pulse();
  await until(async () => (await known()) > 250);
});

it.each([20, 300])('are left alone where they are right, of %i runs', async (count) => {
  await fill(count);
  await rows.pool.query('ANALYZE durable.workflow_queue');
  const before = await known();
  await rows.pool.query(
    `DELETE FROM durable.workflow_queue WHERE id IN (SELECT id FROM durable.workflow_queue LIMIT 5)`,
  );
  await pulse();
  await pulse();
  expect(await known()).toBe(before);
});
