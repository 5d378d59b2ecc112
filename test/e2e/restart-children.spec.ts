import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { callWorkflow, DurableClient, DurableModule, DurableWorkflow, startWorkflow, Step, waitForEvent, Workflow, type WorkflowHandle } from 'nest-durable'; // prettier-ignore
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { expectInvariants } from '../support/invariants.js';
import { until } from '../support/until.js';

/** A run made by restartFrom() takes over the refs of children that belong to the run before. */

@Workflow({ name: 'shipping' })
class ShippingWorkflow extends DurableWorkflow<object, { shipped: unknown }> {
  @Step()
  async ship() {
    return { shipped: await waitForEvent('shipped') };
  }
}

@Workflow({ name: 'order' })
class OrderWorkflow extends DurableWorkflow<object, object> {
  static finishes: 'call' | 'end' | 'fail' = 'call';

  @Step()
  async begin() {
    await startWorkflow(ShippingWorkflow, {}, { ref: 'parcel' });
  }

  @Step()
  async pay() {
    await waitForEvent('paid');
  }

  @Step()
  async finish(data: object) {
    if (OrderWorkflow.finishes === 'fail') throw new Error('the bank is down');
    if (OrderWorkflow.finishes === 'end') return data;
    return { ...data, ...(await callWorkflow(ShippingWorkflow, {}, { ref: 'parcel' })) };
  }
}

let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url, max: 2 });
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } })],
    providers: [ShippingWorkflow, OrderWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await expectInvariants(pool);
  await pool.end();
});

interface Pair {
  /** It has ended, and never called its child. */
  readonly old: WorkflowHandle<object>;
  readonly child: WorkflowHandle<unknown>;
}

async function ended(finishes: 'end' | 'fail', shipped?: string): Promise<Pair> {
  OrderWorkflow.finishes = finishes;
  const old = await client.start(OrderWorkflow, {});
  await untilWaits(old, 'event');
  const [found] = await client.listChildren(old.id);
  const child = client.handle(found?.id ?? '');
  if (shipped !== undefined) {
    await child.sendEvent('shipped', shipped);
    await child.result();
  }
  await old.sendEvent('paid');
  await old.result().catch((error: unknown) => error);
  OrderWorkflow.finishes = 'call';
  return { old, child };
}

async function untilWaits(run: WorkflowHandle<unknown>, what: 'event' | 'child'): Promise<void> {
  await until(async () => {
    const { rows } = await pool.query(
      `SELECT FROM durable.waits w JOIN durable.workflow_queue q ON q.id = w.run_id AND q.state = 'sleeping'
       WHERE w.run_id = $1 AND w.kind = $2 AND w.state = 'open'`,
      [run.id, what],
    );
    return rows.length === 1;
  });
}

it('every run that waits for a child goes on at its end, whosever child it is', async () => {
  const { old, child } = await ended('end');
  const runs = [await client.restartFrom(old.id, 'finish'), await client.restartFrom(old.id, 'finish')];
  for (const run of runs) await untilWaits(run, 'child');
  await child.sendEvent('shipped', 'by train');
  for (const run of runs) expect(await run.result()).toEqual({ shipped: 'by train' });
});

it('a run that asks for a child that has ended already has its result at once', async () => {
  const { old } = await ended('fail', 'by ship');
  const run = await client.restartFrom(old.id, 'finish');
  expect(await run.result()).toEqual({ shipped: 'by ship' });
});

it('the cancel of a child ends the waits of all that wait for it', async () => {
  const { old, child } = await ended('end');
  const runs = [await client.restartFrom(old.id, 'finish'), await client.restartFrom(old.id, 'finish')];
  for (const run of runs) await untilWaits(run, 'child');
  await child.cancel('no longer wanted');
  for (const run of runs) {
    await expect(run.result()).rejects.toMatchObject({ cause: { code: 'CHILD_WORKFLOW', status: 'cancelled' } });
  }
});

it('cleanup() spares the child that an unfinished run has taken over and has yet to call', async () => {
  const { old, child } = await ended('fail', 'by air');
  const run = await client.restartFrom(old.id, 'pay');
  await untilWaits(run, 'event');
  const count = await client.cleanup({ olderThan: 0, dryRun: true });
  expect(await client.cleanup({ olderThan: 0 })).toBe(count);
  expect(await child.execution()).toMatchObject({ status: 'completed' });
  await run.sendEvent('paid');
  expect(await run.result()).toEqual({ shipped: 'by air' });
  await client.cleanup({ olderThan: 0 });
  expect(await client.getExecution(child.id)).toBeNull();
});

it('cleanup() spares it too where the run that it was taken over from has itself taken it over', async () => {
  const { old, child } = await ended('fail', 'by air');
  const between = await client.restartFrom(old.id, 'pay');
  await untilWaits(between, 'event');
  await between.cancel('not like this');
  const run = await client.restartFrom(between.id, 'pay');
  await untilWaits(run, 'event');
  await client.cleanup({ olderThan: 0 });
  await client.cleanup({ olderThan: 0 });
  expect(await child.execution()).toMatchObject({ status: 'completed' });
  await run.sendEvent('paid');
  expect(await run.result()).toEqual({ shipped: 'by air' });
  await client.cleanup({ olderThan: 0 });
  expect(await client.getExecution(between.id)).toBeNull();
});

it('cleanup() spares a child that a paused run has waited for, until that run has read how it ended', async () => {
  const { old, child } = await ended('end');
  const run = await client.restartFrom(old.id, 'finish');
  await untilWaits(run, 'child');
  await run.pause();
  await child.sendEvent('shipped', 'by bike');
  await child.result();
  await client.cleanup({ olderThan: 0 });
  await run.resume();
  expect(await run.result()).toEqual({ shipped: 'by bike' });
});

it('a call of a child that was deleted ends with an error that says so', async () => {
  const { old, child } = await ended('fail', 'by road');
  await client.cleanup({ olderThan: 0, status: 'completed' });
  expect(await client.getExecution(child.id)).toBeNull();
  const run = await client.restartFrom(old.id, 'finish');
  await expect(run.result()).rejects.toMatchObject({
    cause: {
      code: 'CHILD_WORKFLOW',
      status: 'deleted',
      childId: child.id,
      workflow: 'shipping',
      message: expect.stringContaining('cleanup() or retention deleted it') as string,
    },
  });
});
