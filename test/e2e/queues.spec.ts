import { type INestApplicationContext, Injectable, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  DurableQueues,
  ExecutionNotFoundError,
  InvalidInputError,
  Step,
  waitForEvent,
  Workflow,
  workflowId,
  type WorkflowHandle,
} from 'nest-durable';
import { hostname } from 'node:os';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { largestOverlaps, watchOverlaps } from '../support/overlaps.js';
import { SlowCommits } from '../support/slow-commits.js';
import { until } from '../support/until.js';

/** Steps wait at a gate until the test opens it. */
const gates = new Map<string, () => void>();
const order: string[] = [];

@Workflow({ name: 'gated' })
class GatedWorkflow {
  @Step()
  async pass({ gate, event }: { gate?: string; name?: string; event?: string }) {
    if (event !== undefined) await waitForEvent(event);
    if (gate !== undefined) await new Promise<void>((resolve) => gates.set(gate, resolve));
  }

  @Step()
  note({ name }: { name?: string }) {
    order.push(name ?? workflowId());
  }
}

@Workflow({ name: 'per_customer', concurrency: { key: (input: { customer: string }) => input.customer, limit: 2 } })
class PerCustomerWorkflow {
  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  async work() {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

@Workflow({ name: 'elsewhere', queue: 'of a workflow' })
class ElsewhereWorkflow {
  @Step({ queue: 'of a "step"' })
  step() {}
}

let database: TestDatabase;
let pool: pg.Pool;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  gates.clear();
  order.length = 0;
});

afterEach(async () => {
  for (const open of gates.values()) open();
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await pool.end();
});

async function node(options: DurableModuleOptions = {}): Promise<{
  app: INestApplicationContext;
  client: DurableClient;
  queues: DurableQueues;
}> {
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url: database.url }, shutdownTimeout: 1_000, ...options })],
    providers: [GatedWorkflow, PerCustomerWorkflow, ElsewhereWorkflow],
  }).compile();
  const app = await module.init();
  apps.push(app);
  return { app, client: app.get(DurableClient), queues: app.get(DurableQueues) };
}

function results(runs: readonly WorkflowHandle[]): Promise<unknown[]> {
  return Promise.all(runs.map((run) => run.result()));
}

describe('pause and resume', () => {
  it('hold for every node at once, and through a restart', async () => {
    const [one, two] = [await node(), await node()];
    await results(await one.client.startMany(GatedWorkflow, [{ input: {} }, { input: {} }]));
    expect(await one.queues.pause('default')).toBe(true);
    expect(await two.queues.pause('default')).toBe(false);
    const runs = [await two.client.start(GatedWorkflow, {}), await one.client.start(GatedWorkflow, {})];
    await two.client.sweep();
    await one.client.sweep();
    expect(await two.queues.status('default')).toMatchObject({ paused: true, pending: 2, running: 0, workers: 2 });

    await two.app.close();
    const three = await node();
    await three.client.sweep();
    expect(await three.queues.stats('default')).toMatchObject({ ready: 2, running: 0 });
    expect(await three.queues.resume('default')).toBe(true);
    expect(await three.queues.resume('default')).toBe(false);
    await results(runs.map((run) => one.client.handle(run.id)));
    expect(await three.queues.status('default')).toMatchObject({ paused: false, pausedAt: null, pending: 0 });
  });

  it('are seen without notifications, by polling', async () => {
    const [one, two] = [await node({ workers: false, notify: false }), await node({ notify: false })];
    await one.queues.pause('default');
    const run = await one.client.start(GatedWorkflow, {});
    await two.client.sweep();
    expect((await one.client.getExecution(run.id))?.status).toBe('pending');
    await one.queues.resume('default');
    await run.result();
  });

  it('let a queue be paused that a run, a workflow, a step or a schedule names and nobody works on yet', async () => {
    const { client, queues } = await node();
    await client.start(GatedWorkflow, {}, { queue: 'of a run', delay: 3_600_000 });
    await client.schedule(GatedWorkflow, '@yearly', { queue: 'of a schedule' });
    for (const name of ['of a run', 'of a schedule', 'of a workflow', 'of a "step"']) {
      expect(await queues.resume(name)).toBe(false);
      expect(await queues.pause(name)).toBe(true);
      expect(await queues.status(name)).toMatchObject({ paused: true, workers: 0 });
      expect(await queues.resume(name)).toBe(true);
    }
  });

  it('refuse a queue that nobody knows, with a name that it may have been meant to be', async () => {
    const { queues } = await node();
    for (const act of ['pause', 'resume', 'drain'] as const) {
      await expect(queues[act]('defalt')).rejects.toMatchObject({
        name: 'QueueNotFoundError',
        code: 'QUEUE_NOT_FOUND',
        queue: 'defalt',
        message: expect.stringContaining('Did you mean "default"?'),
      });
    }
    expect(await queues.status('defalt')).toBeNull();
    expect(await queues.stats('defalt')).toBeNull();
    expect((await queues.list()).map(({ name }) => name)).toEqual(['default']);
    // A process that executes nothing knows its own too.
    const starter = await node({ workers: false, queues: { mine: {} } });
    expect(await starter.queues.pause('mine')).toBe(true);
  });

  it('know the own queues of a process before its worker has signed on', async () => {
    const { url: fresh } = await createTestDatabase();
    @Injectable()
    class Early implements OnModuleInit {
      paused: unknown;

      constructor(private readonly queues: DurableQueues) {}

      async onModuleInit(): Promise<void> {
        this.paused = await this.queues.pause('default');
      }
    }
    const options = { database: { url: fresh } };
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot(options)],
      providers: [Early],
    }).compile();
    const app = await module.init();
    expect(module.get(Early).paused).toBe(true);
    await app.close();
  });

  it('refuse what is no name of a queue', async () => {
    const { queues } = await node();
    for (const name of ['', 'a\nb', 'x'.repeat(65), 5, null, undefined]) {
      await expect(queues.pause(name as string)).rejects.toBeInstanceOf(InvalidInputError);
      await expect(queues.status(name as string)).rejects.toBeInstanceOf(InvalidInputError);
    }
  });
});

describe('drain', () => {
  it('waits for what runs on any node, claims nothing more, and leaves the queue paused', async () => {
    const [one, two] = [await node(), await node({ workers: false })];
    const running = await one.client.start(GatedWorkflow, { gate: 'a' });
    await until(() => gates.has('a'));
    expect(await two.queues.drain('default', 20)).toBe(false);
    const later = await one.client.start(GatedWorkflow, {});
    const drained = two.queues.drain('default');
    gates.get('a')?.();
    expect(await drained).toBe(true);
    await running.result();
    expect((await one.client.getExecution(later.id))?.status).toBe('pending');
    expect(await two.queues.status('default')).toMatchObject({ paused: true, running: 0, pending: 1 });
    expect(await two.queues.drain('default', 0)).toBe(true);
    for (const timeout of [-1, NaN, '5', null]) {
      await expect(two.queues.drain('default', timeout as number)).rejects.toBeInstanceOf(InvalidInputError);
    }
  });
});

describe('a queue that is drained while an event begins a step there', () => {
  it('is idle only when that is over, however long its commit takes', async () => {
    const { client, queues } = await node();
    const run = await client.start(GatedWorkflow, { event: 'go', gate: 'after' });
    await until(async () => (await run.execution())?.status === 'waiting');
    const commits = await SlowCommits.begin(pool);
    const sending = run.sendEvent('go');
    await commits.underWay();
    expect(await queues.drain('default', 0)).toBe(false);
    const drained = queues.drain('default');
    await commits.letGo();
    await sending;
    await until(() => gates.has('after'));
    expect(await queues.drain('default', 0)).toBe(false);
    gates.get('after')?.();
    expect(await drained).toBe(true);
    await run.result();
  });
});

describe('limits', () => {
  it('hold over two nodes, for a queue and for each key of a workflow', async () => {
    await watchOverlaps(pool);
    const queues = { default: { concurrency: 10 }, narrow: { concurrency: 10, globalConcurrency: 3 } };
    const [one, two] = [await node({ queues }), await node({ queues })];
    const runs = [
      ...(await one.client.startMany(GatedWorkflow, Array.from({ length: 40 }, () => ({ input: {} })), { queue: 'narrow' })),
      ...(await two.client.startMany(
        PerCustomerWorkflow,
        Array.from({ length: 60 }, (_, n) => ({ input: { customer: `c${n % 3}` } })),
      )),
    ]; // prettier-ignore
    await results(runs);
    const { 'queue default': _, ...found } = await largestOverlaps(pool);
    expect(found).toEqual({
      'queue narrow': 3, 'per_customer\n=c0': 2, 'per_customer\n=c1': 2, 'per_customer\n=c2': 2,
    }); // prettier-ignore
  });

  it('give a run with no key to its workers, which find one or pause it with the reason', async () => {
    const [worker, elsewhere] = [await node(), await node({ workers: false })];
    await expect(worker.client.start(PerCustomerWorkflow, {})).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('concurrency.key gives undefined for it, expected a string'),
    });
    // As the command line does: no class, no check.
    const { rows } = await pool.query(`SELECT id FROM durable.workflow_definitions WHERE name = 'per_customer'`);
    const bad = '00000000-0000-7000-8000-000000000001';
    await pool.query(
      `WITH run AS (INSERT INTO durable.workflow_executions (id, created_at, updated_at, definition_id, priority, workflow, queue, input)
         VALUES ($1, now(), now(), $2, 0, 'per_customer', 'default', '{}'))
       INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue) VALUES ($1, now(), $2, 0, 'ready', 'default')`,
      [bad, rows[0].id],
    );
    const good = await elsewhere.client.start('per_customer', { customer: 'x' });
    await good.result();
    await until(async () => (await worker.client.getExecution(bad))?.status === 'paused');
    expect((await worker.client.getExecution(bad))?.error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('of a rate hold over two nodes, in every window', async () => {
    const queues = { default: { rateLimit: { limit: 4, period: 200 } } };
    const [one, two] = [await node({ queues }), await node({ queues })];
    expect(await two.queues.status('default')).toMatchObject({ rateLimit: { limit: 4, period: 200 } });
    const runs = await one.client.startMany(
      GatedWorkflow,
      Array.from({ length: 20 }, () => ({ input: {} })),
    );
    await results(runs);
    const { rows } = await pool.query<{ ms: number }>(
      'SELECT (extract(epoch FROM started_at) * 1000)::float8 AS ms FROM durable.workflow_executions ORDER BY 1',
    );
    expect(rows).toHaveLength(20);
    for (let n = 4; n < rows.length; n++) {
      expect((rows[n]?.ms ?? 0) - (rows[n - 4]?.ms ?? 0)).toBeGreaterThanOrEqual(199.99);
    }
  });

  it('are taken away again by a deploy without them', async () => {
    const limited = await node({ queues: { default: { globalConcurrency: 1 } } });
    await limited.app.close();
    const { queues, client } = await node();
    expect(await queues.status('default')).toMatchObject({ globalConcurrency: null });
    await (await client.start(GatedWorkflow, {})).result();
  });
});

describe('priority', () => {
  it('goes before the order of the starts, and grows with the wait', async () => {
    const { client } = await node({ queues: { default: { concurrency: 1, priorityAgeing: 50 } } });
    await client.start(GatedWorkflow, { gate: 'first', name: 'first' });
    await until(() => gates.has('first'));
    const filler = await client.start(GatedWorkflow, { name: 'filler' }, { priority: -1_000_000 });
    const low = await client.start(GatedWorkflow, { name: 'low' });
    await until(async () => {
      // Four steps of priority.
      const waited = `SELECT clock_timestamp() - due_at > interval '200 ms' AS long FROM durable.workflow_queue WHERE id = $1`;
      return (await pool.query(waited, [low.id])).rows[0].long;
    });
    const high = await client.start(GatedWorkflow, { name: 'high' }, { priority: 2 });
    const higher = await client.start(GatedWorkflow, { name: 'higher' }, { priority: 1_000_000 });
    gates.get('first')?.();
    await results([filler, low, high, higher]);
    expect(order).toEqual(['first', 'higher', 'low', 'high', 'filler']);
    expect((await client.getExecution(low.id))?.priority).toBe(0);
  });
});

describe('workers()', () => {
  it('names the living ones with what they run', async () => {
    const [one, two] = [await node(), await node({ queues: { default: {}, ai: {} } })];
    await node({ workers: false });
    await one.queues.pause('ai');
    const run = await one.client.start(GatedWorkflow, { gate: 'w' });
    await until(async () => (await two.queues.workers()).some(({ inFlight }) => inFlight.length > 0));
    const workers = await two.queues.workers();
    expect(workers.map(({ queues, alive, host, pid }) => ({ queues, alive, host, pid }))).toEqual([
      { queues: ['default'], alive: true, host: hostname(), pid: process.pid },
      { queues: ['default', 'ai'], alive: true, host: hostname(), pid: process.pid },
    ]);
    const busy = workers.find(({ inFlight }) => inFlight.length > 0);
    expect(busy).toMatchObject({
      held: 1,
      version: expect.stringMatching(/^\d+\./),
      workflows: ['elsewhere', 'gated', 'per_customer'],
      capacity: { default: 50 },
      listening: true,
      behind: [],
      inFlight: [{ executionId: run.id, step: 'pass', path: 'pass', attempt: 1, startedAt: expect.any(Date) }],
    });
    expect(busy?.seenAt.getTime()).toBeLessThan(busy?.expiresAt.getTime() ?? 0);
    await two.app.close();
    await until(async () => (await one.queues.workers()).length === 1);
  });
});

describe('retention', () => {
  it('deletes by itself what is older than the options say', async () => {
    const { client } = await node({ retention: { completed: 1 } });
    const run = await client.start(GatedWorkflow, {});
    await until(async () => (await client.getExecution(run.id)) === null);
    await expect(client.getSteps(run.id)).rejects.toBeInstanceOf(ExecutionNotFoundError);
  });

  it('is asked for with cleanup()', async () => {
    const { client, queues } = await node();
    await results(await client.startMany(GatedWorkflow, [{ input: {} }, { input: {} }]));
    const waiting = await client.start(GatedWorkflow, {}, { delay: 600_000 });
    await waiting.cancel();
    await queues.pause('default');
    const open = await client.start(GatedWorkflow, {});
    expect(await client.cleanup({ olderThan: 60_000 })).toBe(0);
    expect(await client.cleanup({ olderThan: new Date(0) })).toBe(0);
    expect(await client.cleanup({ olderThan: 0, dryRun: true })).toBe(3);
    expect(await client.cleanup({ olderThan: 0, status: 'completed', batchSize: 1 })).toBe(2);
    expect(await client.cleanup({ olderThan: 0, status: ['cancelled', 'failed'] })).toBe(1);
    expect((await client.listExecutions()).map(({ id }) => id)).toEqual([open.id]);
  });

  it('refuses what it cannot read', async () => {
    const { client } = await node({ workers: false });
    const bad: unknown[] = [
      {}, null, 5, { olderThan: -1 }, { olderThan: '30d' }, { olderThan: new Date(NaN) }, { olderThan: 1, status: 'running' },
      { olderThan: 1, status: [] }, { olderThan: 1, batchSize: 0 }, { olderThan: 1, dryRun: 'yes' }, { olderThan: 1, statuses: [] },
    ]; // prettier-ignore
    for (const options of bad) {
      await expect(client.cleanup(options as { olderThan: number })).rejects.toBeInstanceOf(InvalidInputError);
    }
    await expect(client.cleanup({ olderThan: new Date(NaN) })).rejects.toThrow('or a Date, got an invalid Date');
  });
});
