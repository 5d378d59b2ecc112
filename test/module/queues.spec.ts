import type { INestApplicationContext } from '@nestjs/common';
import { type DurableClient, type DurableModuleOptions, Step, Workflow, type WorkflowHandle } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { Gates, openApp } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** The options of queues. */

const gates = new Gates();
let running = 0;
let most = 0;
let begun = 0;

@Workflow({ name: 'counted' })
class CountedWorkflow {
  @Step()
  async work({ gate }: { gate: string }) {
    begun += 1;
    running += 1;
    most = Math.max(most, running);
    await gates.pass(gate);
    running -= 1;
  }
}

let url: string;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  ({ url } = await createTestDatabase());
  [running, most, begun] = [0, 0, 0];
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function node(queues?: DurableModuleOptions['queues']): Promise<DurableClient> {
  const { app, client } = await openApp({ database: { url }, ...(queues === undefined ? {} : { queues }) }, [
    CountedWorkflow,
  ]);
  apps.push(app);
  return client;
}

function start(client: DurableClient, count: number, gate: string, queue?: string): Promise<WorkflowHandle[]> {
  const items = Array.from({ length: count }, () => ({ input: { gate } }));
  return client.startMany(CountedWorkflow, items, queue === undefined ? {} : { queue });
}

async function finish(runs: readonly WorkflowHandle[], gate: string): Promise<void> {
  gates.open(gate);
  await Promise.all(runs.map((run) => run.result()));
}

it('concurrency is 50 by default', async () => {
  const client = await node();
  const runs = await start(client, 75, 'fifty');
  await until(() => running === 50);
  await client.sweep();
  expect(running).toBe(50);
  await finish(runs, 'fifty');
  expect(most).toBe(50);
});

it('concurrency is per queue and process', async () => {
  const queues = { default: { concurrency: 2 }, ai: { concurrency: 3 } };
  const [one, two] = [await node(queues), await node(queues)];
  const runs = [...(await start(one, 10, 'per')), ...(await start(two, 10, 'per', 'ai'))];
  await until(() => running === 10);
  await Promise.all([one.sweep(), two.sweep()]);
  expect(running).toBe(10);
  await finish(runs, 'per');
  expect(most).toBe(10);
});

it('a queue that nobody works on keeps its runs', async () => {
  const client = await node({ default: {} });
  const [run] = await start(client, 1, 'nobody', 'later');
  await client.sweep();
  expect((await run?.execution())?.status).toBe('pending');
  await node({ later: {} });
  await finish(run === undefined ? [] : [run], 'nobody');
});

it('globalConcurrency is over all processes', async () => {
  const queues = { default: { concurrency: 10, globalConcurrency: 3 } };
  const [one, two] = [await node(queues), await node(queues)];
  const runs = await start(one, 12, 'global');
  await until(() => running === 3);
  await Promise.all([one.sweep(), two.sweep()]);
  expect(running).toBe(3);
  await finish(runs, 'global');
  expect(most).toBe(3);
});

it('rateLimit is of first claims, over all processes', async () => {
  const queues = { default: { concurrency: 10, rateLimit: { limit: 4, period: 3_600_000 } } };
  const [one, two] = [await node(queues), await node(queues)];
  const runs = await start(one, 12, 'rate');
  await until(() => running === 4);
  gates.open('rate');
  await until(async () => (await one.executionCounts()).completed === 4);
  await Promise.all([one.sweep(), two.sweep()]);
  expect(begun).toBe(4);
  expect(await one.executionCounts()).toMatchObject({ completed: 4, pending: 8 });
  await Promise.all(runs.map((run) => run.cancel()));
});
