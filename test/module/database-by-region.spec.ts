import { Inject, Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type DurableClient, DurableModule, getDurableClientToken, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** A database for each region: one app that starts runs in all of them, and workers of each. As in docs/how-to/scaling.md. */
const REGIONS = ['eu', 'us'] as const;
type Region = (typeof REGIONS)[number];

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  ship(order: { item: string }) {
    return { ...order, shippedFrom: process.pid };
  }
}

@Injectable()
class Orders {
  private readonly clients: Record<Region, DurableClient>;

  constructor(
    @Inject(getDurableClientToken('eu')) eu: DurableClient,
    @Inject(getDurableClientToken('us')) us: DurableClient,
  ) {
    this.clients = { eu, us };
  }

  place(region: Region, id: string, item: string) {
    return this.clients[region].start('order', { item }, { idempotencyKey: id });
  }
}

let databases: Record<Region, TestDatabase>;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  databases = { eu: await createTestDatabase(), us: await createTestDatabase() };
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function boot(root: new () => unknown): Promise<INestApplicationContext> {
  const module = await Test.createTestingModule({ imports: [root] }).compile();
  const app = await module.init();
  apps.push(app);
  return app;
}

function worker(region: Region): Promise<INestApplicationContext> {
  @Module({
    imports: [DurableModule.forRoot({ database: { url: databases[region].url } })],
    providers: [OrderWorkflow],
  })
  class WorkerModule {}
  return boot(WorkerModule);
}

function api(): Promise<INestApplicationContext> {
  const instances = REGIONS.map((name) =>
    DurableModule.forRoot({ name, database: { url: databases[name].url }, workers: false }),
  );
  @Module({ imports: instances, providers: [Orders] })
  class ApiModule {}
  return boot(ApiModule);
}

async function runsIn(region: Region): Promise<string[]> {
  const session = new pg.Client({ connectionString: databases[region].url });
  await session.connect();
  const { rows } = await session.query<{ input: string }>(
    `SELECT input::json ->> 'item' AS input FROM durable.workflow_executions ORDER BY created_at`,
  );
  await session.end();
  return rows.map(({ input }) => input);
}

it('starts each run in the database of its region, where that region works on it', async () => {
  await Promise.all(REGIONS.map(worker));
  const orders = (await api()).get(Orders);
  const lamp = await orders.place('eu', '1', 'lamp');
  const chair = await orders.place('us', '1', 'chair');
  expect(await lamp.result()).toMatchObject({ item: 'lamp' });
  expect(await chair.result()).toMatchObject({ item: 'chair' });
  expect([await runsIn('eu'), await runsIn('us')]).toEqual([['lamp'], ['chair']]);
});

it('one region without workers holds up no other, and its runs wait', async () => {
  // A definition is known once a worker has been there.
  await (await worker('us')).close();
  apps.pop();
  await worker('eu');
  const orders = (await api()).get(Orders);
  const waiting = await orders.place('us', '1', 'chair');
  expect(await (await orders.place('eu', '1', 'lamp')).result()).toMatchObject({ item: 'lamp' });
  expect((await waiting.execution())?.status).toBe('pending');
  await worker('us');
  expect(await waiting.result()).toMatchObject({ item: 'chair' });
});

it('a key that is used in one region is free in the other', async () => {
  await Promise.all(REGIONS.map(worker));
  const orders = (await api()).get(Orders);
  const [first, again, other] = [
    await orders.place('eu', '7', 'lamp'),
    await orders.place('eu', '7', 'lamp'),
    await orders.place('us', '7', 'lamp'),
  ];
  expect(again.id).toBe(first.id);
  expect(other.id).not.toBe(first.id);
  await Promise.all([first.result(), other.result()]);
});
