import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, DurableWorkflow, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { expectInvariants } from '../support/invariants.js';

/** An event that a caller's transaction sends and commits when retention has deleted its run, or is about to. */

@Workflow({ name: 'order' })
class OrderWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async pay() {
    await waitForEvent('paid');
  }
}

let app: INestApplicationContext;
let client: DurableClient;
let dataSource: DataSource;
let pool: pg.Pool;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url, max: 2 });
  dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } })],
    providers: [OrderWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await expectInvariants(pool, { records: 0 });
  await dataSource.destroy();
  await pool.end();
});

/** A run that is cancelled in the middle of a transaction that has sent it an event; gives what commits that. */
async function sentAndCancelled(): Promise<{ id: string; commit: () => Promise<void> }> {
  const run = await client.start(OrderWorkflow, {});
  const caller = dataSource.createQueryRunner();
  await caller.startTransaction();
  await run.sendEvent('paid', 1, { manager: caller.manager });
  await run.cancel('too late');
  await run.result().catch((error: unknown) => error);
  const commit = async (): Promise<void> => {
    await caller.commitTransaction();
    await caller.release();
  };
  return { id: run.id, commit };
}

async function eventsOf(run: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    'SELECT count(*)::integer AS n FROM durable.events WHERE run_id = $1',
    [run],
  );
  return rows[0]?.n ?? 0;
}

it('goes where the run is gone when the transaction ends', async () => {
  const { id, commit } = await sentAndCancelled();
  await client.cleanup({ olderThan: 0 });
  expect(await client.getExecution(id)).toBeNull();
  await commit();
  await client.sweep();
  expect(await eventsOf(id)).toBe(0);
});

it('goes where the run is being deleted when the transaction ends', async () => {
  const { id, commit } = await sentAndCancelled();
  // As retention does it, which stands still here when it has looked for events.
  const retention = await pool.connect();
  await retention.query('BEGIN');
  await retention.query('SELECT FROM durable.workflow_executions WHERE id = $1 FOR UPDATE', [id]);
  await retention.query('DELETE FROM durable.events WHERE run_id = $1', [id]);
  await commit();
  await client.sweep();
  expect(await eventsOf(id)).toBe(1);
  await retention.query('DELETE FROM durable.workflow_executions WHERE id = $1', [id]);
  await retention.query('COMMIT');
  retention.release();
  await client.sweep();
  expect(await eventsOf(id)).toBe(0);
});

it('stays in the history of a run that is there', async () => {
  const { id, commit } = await sentAndCancelled();
  await commit();
  await client.sweep();
  expect(await client.listEvents(id)).toMatchObject([{ name: 'paid', wait: null }]);
  await client.cleanup({ olderThan: 0 });
  expect(await eventsOf(id)).toBe(0);
});
