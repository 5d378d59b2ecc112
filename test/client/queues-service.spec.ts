import type { INestApplicationContext } from '@nestjs/common';
import { type DurableClient, DurableQueues, Step, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { Gates, openApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** DurableQueues */

const gates = new Gates();

@Workflow({ name: 'gated' })
class GatedWorkflow {
  @Step()
  async pass({ gate }: { gate?: string }) {
    if (gate !== undefined) await gates.pass(gate);
  }
}

interface Node {
  readonly app: INestApplicationContext;
  readonly client: DurableClient;
  readonly queues: DurableQueues;
}

let url: string;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function node(options: object = {}): Promise<Node> {
  const { app, client } = await openApp({ database: { url }, queues: { default: {}, mail: {} }, ...options }, [
    GatedWorkflow,
  ]);
  apps.push(app);
  return { app, client, queues: app.get(DurableQueues) };
}

it('list, status and stats tell of the queues', async () => {
  const { client, queues } = await node();
  await (await client.start(GatedWorkflow, {})).result();
  const names = (await queues.list()).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['default', 'mail']));
  expect(await queues.status('mail')).toMatchObject({ name: 'mail', paused: false });
  await queues.pause('mail');
  expect(await queues.status('mail')).toMatchObject({ name: 'mail', paused: true });
  expect((await queues.list()).find(({ name }) => name === 'mail')).toMatchObject({ paused: true });
  const run = await client.start(GatedWorkflow, { gate: 'stats' });
  await gates.arrived('stats');
  expect(await queues.stats('default')).toMatchObject({ running: 1 });
  gates.open('stats');
  await run.result();
});

it('a pause holds on all nodes and through restarts', async () => {
  const [one, two] = [await node(), await node()];
  await one.queues.pause('default');
  const run = await two.client.start(GatedWorkflow, {});
  const other = await two.client.start(GatedWorkflow, {}, { queue: 'mail' });
  await other.result();
  await one.client.sweep();
  await two.client.sweep();
  expect((await run.execution())?.status).toBe('pending');
  await Promise.all(apps.splice(0).map((app) => app.close()));

  const three = await node();
  await (await three.client.start(GatedWorkflow, {}, { queue: 'mail' })).result();
  await three.client.sweep();
  expect((await three.client.getExecution(run.id))?.status).toBe('pending');
  expect(await three.queues.status('default')).toMatchObject({ paused: true });
  await three.queues.resume('default');
  await three.client.handle(run.id).result();
  expect(await three.queues.status('default')).toMatchObject({ paused: false });
});

it('a pause lets running steps go on', async () => {
  const { client, queues } = await node();
  const run = await client.start(GatedWorkflow, { gate: 'running' });
  await gates.arrived('running');
  await queues.pause('default');
  gates.open('running');
  expect(await run.result()).toEqual({ gate: 'running' });
});

it('drain gives true when the queue is idle, and leaves it paused', async () => {
  const { client, queues } = await node();
  expect(await queues.drain('mail')).toBe(true);
  const run = await client.start(GatedWorkflow, { gate: 'drain' });
  await gates.arrived('drain');
  const drained = queues.drain('default');
  await until(async () => (await queues.status('default'))?.paused === true);
  const late = await client.start(GatedWorkflow, {});
  gates.open('drain');
  expect(await drained).toBe(true);
  await reached(client, run.id, 'completed');
  await client.sweep();
  expect((await late.execution())?.status).toBe('pending');
  expect(await queues.status('default')).toMatchObject({ paused: true });
  await queues.resume('default');
  await late.result();
});

it('drain gives false on timeout, and leaves it paused', async () => {
  const [one, two] = [await node(), await node({ workers: false })];
  const run = await one.client.start(GatedWorkflow, { gate: 'busy' });
  await gates.arrived('busy');
  expect(await two.queues.drain('default', 50)).toBe(false);
  expect(await two.queues.status('default')).toMatchObject({ paused: true });
  gates.open('busy');
  await run.result();
});

it('workers are listed', async () => {
  const [one] = [await node(), await node(), await node({ workers: false })];
  await until(async () => (await one.queues.workers()).length === 2);
  for (const worker of await one.queues.workers()) expect(worker).toMatchObject({ pid: process.pid });
});
