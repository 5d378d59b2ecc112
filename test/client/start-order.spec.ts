import { type DurableClient, Step, Workflow, days, hours, sleep, waitForEvent } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { createTestDatabase } from '../support/database.js';
import { Gates, kit, openApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** When a run begins: `scheduledAt`, `delay`, `priority`. */

const gates = new Gates();
const order: string[] = [];

@Workflow({ name: 'noted' })
class NotedWorkflow {
  @Step()
  async note({ name, gate, event }: { name: string; gate?: string; event?: string }) {
    if (gate !== undefined) await gates.pass(gate);
    if (event !== undefined) await waitForEvent(event);
    order.push(name);
  }
}

@Workflow({ name: 'sleeper' })
class SleeperWorkflow {
  @Step()
  async rest() {
    await sleep(hours(1));
  }
}

describe('scheduledAt and delay', () => {
  let test: DurableTest;

  beforeAll(async () => {
    test = await kit([NotedWorkflow, SleeperWorkflow]);
  });

  afterAll(() => test.close());

  it('begin the run at that time', async () => {
    const at = new Date(test.now().getTime() + days(2));
    const run = await test.client.start(NotedWorkflow, { name: 'at' }, { scheduledAt: at });
    const delayed = await test.client.start(NotedWorkflow, { name: 'delayed' }, { delay: days(3) });
    await test.advance(days(2) - 1);
    expect(await run.execution()).toMatchObject({ status: 'pending', startedAt: null, scheduledAt: at });
    await test.advance(1);
    expect(await run.execution()).toMatchObject({ status: 'completed', scheduledAt: at, startedAt: at });
    expect((await delayed.execution())?.status).toBe('pending');
    await test.advance(days(1));
    expect((await delayed.execution())?.status).toBe('completed');
    expect((await run.execution())?.scheduledAt).toBeInstanceOf(Date);
  });

  it('may lie in the past', async () => {
    const run = await test.client.start(SleeperWorkflow, {}, { scheduledAt: new Date(test.now().getTime() - days(1)) });
    await test.idle();
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(hours(1));
    expect((await run.execution())?.status).toBe('completed');
  });

  it('may differ between the runs of startMany', async () => {
    const items = [{ input: { name: 'now' } }, { input: { name: 'later' }, delay: hours(2) }];
    const [now, later] = await test.client.startMany(NotedWorkflow, items);
    await test.idle();
    expect((await now?.execution())?.status).toBe('completed');
    expect((await later?.execution())?.status).toBe('pending');
    const shared = await test.client.startMany(NotedWorkflow, [{ input: { name: 'shared' } }], { delay: hours(3) });
    await test.advance(hours(2));
    expect((await later?.execution())?.status).toBe('completed');
    expect((await shared[0]?.execution())?.status).toBe('pending');
  });
});

describe('priority', () => {
  const apps: INestApplicationContext[] = [];
  let url: string;

  beforeEach(async () => {
    order.length = 0;
    ({ url } = await createTestDatabase());
  });

  afterEach(async () => {
    gates.openAll();
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  async function node(options: object): Promise<DurableClient> {
    const { app, client } = await openApp({ database: { url }, ...options }, [NotedWorkflow]);
    apps.push(app);
    return client;
  }

  it('puts higher ones first, and equal ones in their order', async () => {
    const api = await node({ workers: false });
    for (const [name, priority] of [
      ['low', -5],
      ['first', 0],
      ['second', 0],
      ['high', 10],
      ['middle', 5],
    ] as const) {
      await api.start(NotedWorkflow, { name }, { priority });
    }
    await node({ queues: { default: { concurrency: 1 } } });
    await until(() => order.length === 5);
    expect(order).toEqual(['high', 'middle', 'first', 'second', 'low']);
  });

  it('puts resumed runs before new ones of the same priority, and behind those of a higher one', async () => {
    const client = await node({ queues: { default: { concurrency: 1 } } });
    const resumed = await client.start(NotedWorkflow, { name: 'resumed', event: 'go' });
    await reached(client, resumed.id, 'waiting');
    await client.start(NotedWorkflow, { name: 'blocker', gate: 'blocker' });
    await gates.arrived('blocker');
    const fresh = await client.start(NotedWorkflow, { name: 'new' });
    const urgent = await client.start(NotedWorkflow, { name: 'urgent' }, { priority: 2 });
    await resumed.sendEvent('go');
    gates.open('blocker');
    await Promise.all([resumed.result(), fresh.result(), urgent.result()]);
    expect(order).toEqual(['blocker', 'urgent', 'resumed', 'new']);
  });

  it('is raised by waiting: priorityAgeing', async () => {
    const client = await node({ queues: { default: { concurrency: 1, priorityAgeing: 10 } } });
    const blocker = await client.start(NotedWorkflow, { name: 'blocker', gate: 'ageing' });
    await gates.arrived('ageing');
    const old = await client.start(NotedWorkflow, { name: 'old' }, { priority: 0 });
    // At least that long: 30 steps of priority.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const young = await client.start(NotedWorkflow, { name: 'young' }, { priority: 5 });
    await client.sweep();
    gates.open('ageing');
    await Promise.all([blocker.result(), old.result(), young.result()]);
    expect(order).toEqual(['blocker', 'old', 'young']);
  });
});
