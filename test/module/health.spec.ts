import { Test } from '@nestjs/testing';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import type { INestApplicationContext } from '@nestjs/common';
import { DurableClient, DurableHealthIndicator, DurableModule, DurableQueues, Step, Workflow } from 'nest-durable';
import { getDurableHealthIndicatorToken, getDurableQueuesToken } from 'nest-durable';
import pg from 'pg';
import type { DurableHost, DurableRuntime } from '../../lib/lifecycle/host.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startProxy } from '../support/tcp-proxy.js';

let began: () => void = () => {};
let open: () => void = () => {};

@Workflow({ name: 'idle' })
class IdleWorkflow {
  @Step()
  async wait({ wait }: { wait?: boolean }) {
    if (wait !== true) return;
    await new Promise<void>((resolve) => {
      open = resolve;
      began();
    });
  }
}

@Workflow({ name: 'other', instance: 'second' })
class OtherWorkflow {
  @Step()
  nothing() {}
}

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

async function start(url = database.url, options: object = {}): Promise<INestApplicationContext> {
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url }, ...options }), TerminusModule],
    providers: [IdleWorkflow],
  }).compile();
  module.useLogger(false);
  return module.init();
}

describe('DurableHealthIndicator', () => {
  it('is what terminus takes', async () => {
    const app = await start();
    const [health, durable] = [app.get(HealthCheckService), app.get(DurableHealthIndicator)];
    const result = await health.check([() => durable.readiness(), () => durable.liveness('engine')]);
    expect(result).toMatchObject({
      status: 'ok',
      details: {
        durable: {
          status: 'up', database: 'up', migrations: 'up to date', notifications: 'listen', lag: 0, engine: 'running',
          loops: { Heartbeat: expect.any(Number) },
        },
        engine: { status: 'up', engine: 'running' },
      },
    }); // prettier-ignore
    await app.close();
    // Nothing is said of the database, which nobody asks any more.
    const told = { status: 'down', engine: 'stopped', message: expect.stringContaining('shut down') };
    expect(await durable.readiness()).toEqual({ durable: told });
    expect(await durable.liveness()).toEqual({ durable: told });
  });

  it('says that work is found by polling', async () => {
    const app = await start(database.url, { notify: false });
    expect((await app.get(DurableHealthIndicator).readiness('d')).d).toMatchObject({
      status: 'up', notifications: 'polling',
    }); // prettier-ignore
    await app.close();
  });

  it('is down, but alive, while the database is away', async () => {
    const proxy = await startProxy(Number(new URL(database.url).port), new URL(database.url).hostname);
    const app = await start(proxy.through(database.url));
    const [health, durable] = [app.get(HealthCheckService), app.get(DurableHealthIndicator)];
    expect((await durable.readiness()).durable.status).toBe('up');
    await proxy.down();
    await expect(health.check([() => durable.readiness('durable', { timeout: 1_000 })])).rejects.toMatchObject({
      response: { status: 'error', error: { durable: { status: 'down', database: 'down' } } },
    });
    expect((await durable.liveness()).durable.status).toBe('up');
    await proxy.up();
    while ((await durable.readiness()).durable.status === 'down')
      await new Promise((resolve) => setTimeout(resolve, 20));
    await app.close();
    await proxy.close();
  });

  it('is down where the tables lack a migration', async () => {
    const app = await start();
    const pool = new pg.Pool({ connectionString: database.url });
    await pool.query('DELETE FROM durable.migrations WHERE version = (SELECT max(version) FROM durable.migrations)');
    await pool.end();
    expect((await app.get(DurableHealthIndicator).readiness()).durable).toMatchObject({
      status: 'down', migrations: 'pending', message: expect.stringMatching(/\d{4}-[a-z-]+\. Run npx nest-durable migrate, or boot one process with migrations: 'run'/),
    }); // prettier-ignore
    await app.close();
  });

  it('waits without end where it is told so, and is down for options that are none', async () => {
    const app = await start(database.url);
    const durable = app.get(DurableHealthIndicator);
    for (const timeout of [Infinity, 2 ** 40]) {
      expect((await durable.readiness('durable', { timeout })).durable.status).toBe('up');
    }
    for (const [options, key] of [
      [{ timeout: NaN }, 'timeout'],
      [{ timeout: -1 }, 'timeout'],
      [{ maxLag: NaN }, 'maxLag'],
      [{ maxLag: '1' }, 'maxLag'],
      [{ maxLagg: 1 }, 'maxLagg'],
      [null, 'an object with options'],
    ] as const) {
      const { durable: told } = await durable.readiness('durable', options as object);
      expect(told).toMatchObject({ status: 'down', message: expect.stringContaining(key) });
    }
    await app.close();
  });

  it('shows how long a run has been due, and is down beyond what is allowed', async () => {
    const app = await start(database.url, { queues: { default: { concurrency: 1 } } });
    const [durable, client] = [app.get(DurableHealthIndicator), app.get(DurableClient)];
    // Before its step has begun it may be late itself, and what lets it go would come too early.
    const begun = new Promise<void>((resolve) => (began = resolve));
    const held = await client.start(IdleWorkflow, { wait: true });
    await begun;
    const run = await client.start(IdleWorkflow, {});
    const lag = async () => (await durable.readiness()).durable['lag'] as number;
    while ((await lag()) < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await durable.readiness('durable', { maxLag: 1 })).durable).toMatchObject({
      status: 'down', message: expect.stringMatching(/^a run has been due for \d+ ms, more than 1 ms$/),
    }); // prettier-ignore
    expect((await durable.readiness('durable', { maxLag: 3_600_000 })).durable.status).toBe('up');
    // What is paused is not late.
    await app.get(DurableQueues).pause('default');
    expect(await lag()).toBe(0);
    await app.get(DurableQueues).resume('default');
    open();
    await Promise.all([held.result(), run.result()]);
    await app.close();
  });

  it('finds a loop that hangs', async () => {
    const loop = { name: 'Heartbeat', age: 75_000, interval: 10_000 };
    const engine = { health: () => ({ state: 'running', claimable: [], loops: [loop] }) };
    const host = { ready: async () => ({ engine }) as unknown as DurableRuntime } as DurableHost;
    expect((await new DurableHealthIndicator(host).liveness()).durable).toMatchObject({
      status: 'down', message: 'loop "Heartbeat" has not completed a cycle for 75000 ms',
    }); // prettier-ignore
    loop.age = 69_000;
    expect((await new DurableHealthIndicator(host).liveness()).durable.status).toBe('up');
  });

  it('of a named instance is injected by its token, as its queues are', async () => {
    const module = await Test.createTestingModule({
      imports: [
        DurableModule.forRoot({ database: { url: database.url } }),
        DurableModule.forRoot({ database: { url: database.url }, name: 'second', schema: 'second' }),
      ],
      providers: [IdleWorkflow, OtherWorkflow],
    }).compile();
    const app = await module.init();
    const [first, second] = [app.get(DurableQueues), app.get<DurableQueues>(getDurableQueuesToken('second'))];
    expect(app.get(getDurableQueuesToken())).toBe(first);
    await second.pause('default');
    expect((await first.status('default'))?.paused).toBe(false);
    const health = app.get<DurableHealthIndicator>(getDurableHealthIndicatorToken('second'));
    expect((await health.readiness('second')).second.status).toBe('up');
    await app.close();
  });
});
