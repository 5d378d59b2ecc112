import { DurableClient, DurableModule, Step, Workflow } from 'nest-durable';
import { Test } from '@nestjs/testing';
import {
  allVersions,
  currentVersion,
  durableMigrations,
  migratedVersions,
  pendingVersions,
} from 'nest-durable/migrations';
import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { bootError } from '../support/plain-app.js';

/** `nest-durable/migrations`: our migrations with TypeORM's own runner. */

@Workflow({ name: 'plain' })
class PlainWorkflow {
  @Step()
  work() {
    return { worked: true };
  }
}

let url: string;
const open: DataSource[] = [];

beforeEach(async () => {
  ({ url } = await createTestDatabase({ migrated: false }));
});

afterEach(() => Promise.all(open.splice(0).map((one) => one.destroy())));

async function source(
  migrations: DataSourceOptions['migrations'],
  more: Partial<{ migrationsTransactionMode: 'all' | 'none' | 'each' }> = {},
): Promise<DataSource> {
  const options = { type: 'postgres', url, installExtensions: false, migrations: migrations ?? [], ...more } as const;
  const dataSource = await new DataSource(options).initialize();
  open.push(dataSource);
  return dataSource;
}

async function tables(schema = 'durable'): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const text = 'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1';
  const { rows } = await client.query<{ name: string }>(text, [schema]);
  await client.end();
  return rows.map(({ name }) => name);
}

it('the classes have up and down', () => {
  const classes = durableMigrations();
  expect(classes.length).toBeGreaterThan(0);
  for (const type of classes) {
    expect(type.prototype).toMatchObject({ up: expect.any(Function), down: expect.any(Function) });
  }
});

it('versions: all, current, migrated and pending', async () => {
  const dataSource = await source(durableMigrations());
  const all = allVersions();
  expect(all.length).toBe(durableMigrations().length);
  expect(all).toEqual(all.toSorted((a, b) => a - b));
  expect(await currentVersion(dataSource)).toBe(0);
  expect(await migratedVersions(dataSource)).toEqual([]);
  expect(await pendingVersions(dataSource)).toEqual(all);
  await dataSource.runMigrations();
  expect(await currentVersion(dataSource)).toBe(all.at(-1));
  expect(await migratedVersions(dataSource)).toEqual(all);
  expect(await pendingVersions(dataSource)).toEqual([]);
  await dataSource.undoLastMigration();
  expect(await currentVersion(dataSource)).toBe(all.at(-2) ?? 0);
  expect(await migratedVersions(dataSource)).toEqual(all.slice(0, -1));
  expect(await pendingVersions(dataSource)).toEqual(all.slice(-1));
});

it.each(['all', 'each', 'none'] as const)('run with transactions %s, and taken back one by one', async (mode) => {
  const dataSource = await source(durableMigrations(), { migrationsTransactionMode: mode });
  await dataSource.runMigrations();
  expect(await tables()).not.toEqual([]);
  expect(await dataSource.runMigrations()).toEqual([]);
  for (let left = allVersions().length; left > 0; left -= 1) await dataSource.undoLastMigration();
  expect((await tables()).filter((name) => name !== 'migrations')).toEqual([]);
  await dataSource.runMigrations();
  expect(await pendingVersions(dataSource)).toEqual([]);
});

it('a module boots on what they made', async () => {
  const dataSource = await source(durableMigrations());
  await dataSource.runMigrations();
  for (const migrations of ['check', 'none', 'run'] as const) {
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot({ database: { url }, migrations })],
      providers: [PlainWorkflow],
    }).compile();
    const app = await module.init();
    expect(await (await module.get(DurableClient).start(PlainWorkflow, {})).result()).toEqual({ worked: true });
    await app.close();
  }
});

it('a module that checks does not boot when they are behind', async () => {
  const dataSource = await source(durableMigrations());
  await dataSource.runMigrations();
  await dataSource.undoLastMigration();
  const error = await bootError({ imports: [DurableModule.forRoot({ database: { url }, migrations: 'check' })] });
  expect(error).toBeInstanceOf(Error);
});

it('they agree with what the module itself has migrated', async () => {
  const module = await Test.createTestingModule({ imports: [DurableModule.forRoot({ database: { url } })] }).compile();
  await (await module.init()).close();
  const dataSource = await source(durableMigrations());
  expect(await pendingVersions(dataSource)).toEqual([]);
  await dataSource.runMigrations();
  expect(await migratedVersions(dataSource)).toEqual(allVersions());
});

it('another schema is possible', async () => {
  const dataSource = await source(durableMigrations({ schema: 'flows' }));
  await dataSource.runMigrations();
  expect(await tables()).toEqual([]);
  expect(await tables('flows')).not.toEqual([]);
  expect(await pendingVersions(dataSource, { schema: 'flows' })).toEqual([]);
  expect(await currentVersion(dataSource)).toBe(0);
});
