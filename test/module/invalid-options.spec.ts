import { type INestApplicationContext, Injectable, Logger, type LoggerService, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DurableClient, DurableError, DurableModule, type DurableModuleOptions, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { bootError, caught, NOBODY, openApp } from '../support/plain-app.js';

/** `forRoot`: where the database is, and what the other options do. */

@Workflow({ name: 'plain' })
class PlainWorkflow {
  @Step()
  work(data: object) {
    return { ...data, worked: true };
  }
}

@Workflow({ name: 'large' })
class LargeWorkflow {
  @Step()
  grow({ size }: { size: number }) {
    return { text: 'x'.repeat(size) };
  }
}

const apps: INestApplicationContext[] = [];
let url: string;

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

/** Where there are no tables yet. */
async function emptyDatabase(): Promise<void> {
  ({ url } = await createTestDatabase({ migrated: false }));
}

afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

async function node(options: DurableModuleOptions = {}): Promise<DurableClient> {
  const { app, client } = await openApp(options, [PlainWorkflow, LargeWorkflow]);
  apps.push(app);
  return client;
}

async function schemas(): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT DISTINCT schemaname AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
  );
  await client.end();
  return rows.map(({ name }) => name).toSorted();
}

const WORKED = { a: 1, worked: true };

async function resultOf(client: DurableClient): Promise<unknown> {
  return (await client.start(PlainWorkflow, { a: 1 })).result();
}

describe('database', () => {
  const { env } = process;

  afterEach(() => {
    process.env = { ...env };
  });

  it('is DATABASE_URL by default, and the tables are in the schema "durable"', async () => {
    await emptyDatabase();
    process.env['DATABASE_URL'] = url;
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot()],
      providers: [PlainWorkflow],
    }).compile();
    apps.push(await module.init());
    expect(await resultOf(module.get(DurableClient))).toEqual(WORKED);
    expect(await schemas()).toEqual(['durable']);
  });

  it('may be { url }, before DATABASE_URL', async () => {
    process.env['DATABASE_URL'] = 'postgres://nobody@127.0.0.1:1/nothing';
    expect(await resultOf(await node({ database: { url } }))).toEqual(WORKED);
  });

  it('may be pg connection options', async () => {
    await emptyDatabase();
    const { hostname, port, username, password, pathname } = new URL(url);
    const database = {
      host: hostname,
      port: Number(port),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: pathname.slice(1),
    };
    expect(await resultOf(await node({ database }))).toEqual(WORKED);
    expect(await schemas()).toEqual(['durable']);
  });

  it("may be the app's DataSource", async () => {
    const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
    const client = await node({ database: { dataSource } });
    expect(await resultOf(client)).toEqual(WORKED);
    await dataSource.transaction((manager) => client.start(PlainWorkflow, {}, { id: NOBODY, manager }));
    expect(await client.handle(NOBODY).result()).toEqual({ worked: true });
    await Promise.all(apps.splice(0).map((app) => app.close()));
    // It is the app's: still open.
    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await dataSource.destroy();
  });

  it('may be the DataSource of TypeOrmModule', async () => {
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url, installExtensions: false }),
        DurableModule.forRootAsync({
          inject: [getDataSourceToken()],
          useFactory: (dataSource: DataSource) => ({ database: { dataSource } }),
        }),
      ],
      providers: [PlainWorkflow],
    }).compile();
    apps.push(await module.init());
    expect(await resultOf(module.get(DurableClient))).toEqual(WORKED);
  });
});

describe('schema', () => {
  it('is where the tables are', async () => {
    await emptyDatabase();
    expect(await resultOf(await node({ database: { url }, schema: 'flows' }))).toEqual(WORKED);
    expect(await schemas()).toEqual(['flows']);
  });

  it('keeps two apps apart', async () => {
    const [one, two] = [
      await node({ database: { url }, schema: 'one' }),
      await node({ database: { url }, schema: 'two' }),
    ];
    const run = await one.start(PlainWorkflow, {});
    await run.result();
    expect(await two.getExecution(run.id)).toBeNull();
  });
});

describe('migrations', () => {
  it('are run at boot, by many nodes at once', async () => {
    await emptyDatabase();
    const clients = await Promise.all([1, 2, 3, 4].map(() => node({ database: { url } })));
    for (const client of clients) expect(await resultOf(client)).toEqual(WORKED);
  });

  it('"check" refuses to boot when behind, and boots when not', async () => {
    await emptyDatabase();
    const behind = { imports: [DurableModule.forRoot({ database: { url }, migrations: 'check' })] };
    expect(await bootError(behind)).toBeInstanceOf(DurableError);
    expect(await schemas()).toEqual([]);
    await node({ database: { url }, migrations: 'run' });
    expect(await resultOf(await node({ database: { url }, migrations: 'check' }))).toEqual(WORKED);
  });

  it('"none" makes no tables', async () => {
    await node({ database: { url } });
    expect(await resultOf(await node({ database: { url }, migrations: 'none' }))).toEqual(WORKED);
    await emptyDatabase();
    const { app } = await openApp({ database: { url }, migrations: 'none', workers: false }).catch(() => ({
      app: null,
    }));
    await app?.close();
    expect(await schemas()).toEqual([]);
  });
});

describe('workers', () => {
  it('false: starts and queries runs but executes none', async () => {
    const api = await node({ database: { url }, workers: false });
    const run = await api.start(PlainWorkflow, {});
    await api.sweep();
    expect((await api.getExecution(run.id))?.status).toBe('pending');
    await node({ database: { url } });
    expect(await run.result()).toEqual({ worked: true });
  });

  it('are not needed for a start by name', async () => {
    await node({ database: { url } });
    const { app, client } = await openApp({ database: { url }, workers: false });
    apps.push(app);
    expect(await (await client.start('plain', {})).result()).toEqual({ worked: true });
  });
});

describe('notify', () => {
  it('false: polling alone', async () => {
    const [one, two] = [
      await node({ database: { url }, notify: false, workers: false }),
      await node({ database: { url }, notify: false, queues: { default: { pollInterval: 50 } } }),
    ];
    expect(await resultOf(two)).toEqual(WORKED);
    expect(await resultOf(one)).toEqual(WORKED);
  });
});

describe('maxPayloadBytes', () => {
  it('is 2 MiB', async () => {
    const client = await node({ database: { url } });
    const fits = await client.start(PlainWorkflow, { text: 'x'.repeat(2 * 1024 * 1024 - 100) });
    expect(await fits.result()).toMatchObject({ worked: true });
    await caught(client.start(PlainWorkflow, { text: 'x'.repeat(2 * 1024 * 1024 + 1) }), DurableError);
    const grown = await client.start(LargeWorkflow, { size: 2 * 1024 * 1024 + 1 });
    await grown.result().catch(() => {});
    expect((await grown.execution())?.status).toBe('failed');
  });

  it('holds for each payload', async () => {
    const client = await node({ database: { url }, maxPayloadBytes: 1_000 });
    await expect(client.start(PlainWorkflow, { text: 'x'.repeat(1_001) })).rejects.toBeInstanceOf(DurableError);
    const run = await client.start(PlainWorkflow, {}, { delay: 60_000 });
    await expect(run.sendEvent('x', 'x'.repeat(1_001))).rejects.toBeInstanceOf(DurableError);
    await run.sendEvent('x', 'x'.repeat(900));
  });
});

describe('isGlobal', () => {
  @Injectable()
  class Service {
    constructor(readonly client: DurableClient) {}
  }
  @Module({ providers: [Service] })
  class FeatureModule {}

  it('is true: every module can inject the client', async () => {
    const { app, client } = await openApp({ database: { url } }, [], [FeatureModule]);
    apps.push(app);
    expect(app.get(Service, { strict: false }).client).toBe(client);
  });

  it('false: a module that does not import it cannot', async () => {
    const options = { database: { url }, isGlobal: false };
    const error = await bootError({ imports: [DurableModule.forRoot(options), FeatureModule] });
    expect(String(error)).toContain('DurableClient');
    const { app, client } = await openApp(options);
    apps.push(app);
    expect(client).toBeInstanceOf(DurableClient);
  });
});

describe('sqlLog', () => {
  it('is false', async () => {
    const lines: string[] = [];
    const keep = (message: unknown): void => void lines.push(String(message));
    const logger: LoggerService = { log: keep, error: keep, warn: keep, debug: keep, verbose: keep };
    const open = async (options: DurableModuleOptions): Promise<void> => {
      const module = await Test.createTestingModule({ imports: [DurableModule.forRoot(options)] })
        .setLogger(logger)
        .compile();
      apps.push(await module.init());
      await module.get(DurableClient).listExecutions();
    };
    await open({ database: { url } });
    expect(lines.filter((line) => /\bSELECT\b/i.test(line))).toEqual([]);
    await open({ database: { url }, sqlLog: true });
    expect(lines.filter((line) => /\bSELECT\b/i.test(line))).not.toEqual([]);
    Logger.overrideLogger(false);
  });
});
