import {
  DurableHealthIndicator,
  type DurableModuleOptions,
  DurableQueues,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startFakePooler } from '../support/fake-pooler.js';
import { openApp } from '../support/faults/app.js';
import { onServer } from '../support/leak-check.mjs';
import { smoke, smokeWorkflows } from '../support/smoke.js';
import { startProxy } from '../support/tcp-proxy.js';

/** The engine's sessions are its own, whatever the server, the URL or the app say of sessions. */

@Workflow({ name: 'idle' })
class IdleWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

async function set(database: TestDatabase, ...settings: string[]): Promise<void> {
  for (const setting of settings) await onServer(`ALTER DATABASE ${database.name} SET ${setting}`);
}

/** An app whose own DataSource has the settings of the database, as the engine's sessions would have. */
async function smokeOn(url: string, options: DurableModuleOptions = {}): Promise<number> {
  const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  const app = await openApp({ database: { dataSource }, ...options }, smokeWorkflows);
  try {
    await smoke(app.client);
    return await app.client.countExecutions({ status: ['failed', 'paused', 'cancelled'] });
  } finally {
    await app.close();
    await dataSource.destroy();
  }
}

/** Looks ten times as often as by default, where nothing but looks finds any work. */
const OFTEN: DurableModuleOptions = {
  queues: { default: { concurrency: 50, pollInterval: 100 } },
  wakeInterval: 100,
  schedulerInterval: 100,
};

const ODD = [
  `DateStyle = 'SQL, DMY'`,
  `IntervalStyle = 'sql_standard'`,
  `TimeZone = 'Asia/Kathmandu'`,
  `search_path = pg_catalog`,
  `standard_conforming_strings = off`,
  `extra_float_digits = -15`,
  `bytea_output = 'escape'`,
  `idle_session_timeout = '700ms'`,
  `idle_in_transaction_session_timeout = '5ms'`,
  `lock_timeout = '50ms'`,
  `statement_timeout = '150ms'`,
];

it.each([
  ['what a database may say of formats and times', ODD],
  ['repeatable read', [`default_transaction_isolation = 'repeatable read'`]],
  ['serializable', [`default_transaction_isolation = 'serializable'`]],
])('works under %s', async (_what, settings) => {
  const database = await createTestDatabase();
  await set(database, ...settings);
  expect(await smokeOn(database.url)).toBe(0);
});

it('works, and sets nothing on a session, behind a pooler in transaction mode, whatever the server says', async () => {
  const database = await createTestDatabase();
  await set(database, ...ODD.filter((one) => !/timeout/.test(one)), `default_transaction_isolation = 'serializable'`);
  const pooler = await startFakePooler(database.url, { notifications: true });
  try {
    expect(await smokeOn(pooler.url, OFTEN)).toBe(0);
  } finally {
    await pooler.close();
  }
});

it.each(['LISTEN', 'pg_notify'])('finds its work by polling on a server that refuses %s', async (word) => {
  const database = await createTestDatabase();
  const server = await startFakePooler(database.url, { notifications: false, word });
  try {
    expect(await smokeOn(server.url, OFTEN)).toBe(0);
  } finally {
    await server.close();
  }
});

it("reads with parsers of its own where the app has replaced pg's", async () => {
  const { url } = await createTestDatabase();
  const oids = [16, 20, 21, 23, 114, 700, 701, 1009, 1184, 3802];
  const before = oids.map((oid) => pg.types.getTypeParser(oid));
  for (const oid of oids) pg.types.setTypeParser(oid, (text: string) => `text ${text}`);
  try {
    const app = await openApp({ database: { url } }, [IdleWorkflow]);
    const run = await app.client.start('idle', {}, { tags: { a: 'b' } });
    while ((await app.client.getExecution(run.id))?.status !== 'waiting');
    expect(await app.client.listExecutions({ tags: { a: 'b' } })).toMatchObject([{ id: run.id, priority: 0 }]);
    await run.sendEvent('never', { amount: 42 });
    expect(await run.result()).toEqual({});
    expect(await app.app.get(DurableQueues).workers()).toMatchObject([{ alive: true, queues: ['default'] }]);
    await app.close();
  } finally {
    oids.forEach((oid, at) => pg.types.setTypeParser(oid, before[at] as (text: string) => unknown));
  }
});

it('has its sessions under its own names, and no more of them than poolSize + 4, whatever the URL says', async () => {
  const { url, name } = await createTestDatabase();
  const app = await openApp(
    {
      database: { url: `${url}?application_name=my-api&statement_timeout=1&options=-c%20lock_timeout%3D1` },
      poolSize: 3,
      queues: { default: { concurrency: 200 } },
    },
    smokeWorkflows.slice(0, 1),
  );
  const sessions = `SELECT application_name AS name FROM pg_stat_activity
    WHERE datname = '${name}' AND backend_type = 'client backend' ORDER BY 1`;
  const runs = Array.from({ length: 40 }, async (_, n) => {
    const run = await app.client.start('smoke_child', { n }, n % 2 === 0 ? {} : { idempotencyKey: `k${n}` });
    await app.client.getExecution(run.id);
    return run.result();
  });
  let most: string[] = [];
  const done = new AbortController();
  let writers = 0;
  // So many that two groups are written at a time, which is the sooner seen the slower the machine.
  const isSeen = (): boolean => writers === 2;
  const backlog = async (): Promise<void> => {
    while (!isSeen()) {
      const inputs = Array.from({ length: 400 }, (_, n) => ({ input: { n } }));
      const handles = await app.client.startMany('smoke_child', inputs);
      await Promise.all(handles.map((run) => run.result()));
    }
  };
  const drained = backlog();
  const all = Promise.all([...runs, drained]).finally(() => done.abort());
  while (!done.signal.aborted) {
    const seen = (await onServer(sessions)).map((row) => String(row['name']));
    if (seen.length > most.length) most = seen;
    writers = Math.max(writers, seen.filter((one) => one === 'nest-durable:writer').length);
  }
  await all;
  await app.close();
  expect(writers).toBe(2);
  expect(most.length).toBeGreaterThan(4);
  expect(most.length).toBeLessThanOrEqual(7);
  expect(most.every((one) => /^nest-durable:(writer|claims|heartbeat|pool|[0-9a-f-]{36})$/.test(one))).toBe(true);
});

it('goes on by itself after a time in which the server took no writes, and says down in it', async () => {
  const database = await createTestDatabase();
  const app = await openApp({ database: { url: database.url } }, [IdleWorkflow]);
  const health = app.app.get(DurableHealthIndicator);
  const run = await app.client.start('idle', {});
  await set(database, 'default_transaction_read_only = on');
  await onServer('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database.name]);
  while ((await health.readiness()).durable.status === 'up');
  const cancelled = app.client.cancel(run.id);
  await onServer(`ALTER DATABASE ${database.name} RESET default_transaction_read_only`);
  expect(await cancelled).toBe(true);
  await app.client.start('idle', {});
  while ((await health.readiness()).durable.status === 'down');
  await app.close();
});

it('is closed in time on a silent network', async () => {
  const { url } = await createTestDatabase();
  const proxy = await startProxy(Number(new URL(url).port));
  const options = { shutdownTimeout: 500, abortGrace: 200 };
  const app = await openApp({ database: { url: proxy.through(url) }, ...options }, [IdleWorkflow]);
  await app.client.start('idle', {});
  proxy.swallow();
  const begun = performance.now();
  await app.close();
  // Beside 1.7 s of its own there is the machine's slowness; what waits for such a network waits for ever.
  expect(performance.now() - begun).toBeLessThan(20_000);
  await proxy.close();
});
