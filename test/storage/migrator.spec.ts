import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { DataSource } from 'typeorm';
import {
  allVersions,
  currentVersion,
  durableMigrations,
  migratedVersions,
  pendingVersions,
} from '../../lib/migrations.js';
import { knownMigrations, type Migration } from '../../lib/storage/migrations/migration-files.js';
import {
  checkMigrations,
  migrate,
  type MigrateOptions,
  migrationStatus,
  pendingMigrations,
  revertMigrations,
} from '../../lib/storage/migrations/migrator.js';
import { resolveTarget } from '../../lib/storage/connection/connection.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startFakePooler } from '../support/fake-pooler.js';
import { dumpSchema } from '../support/schema-dump.js';

let database: TestDatabase;
let client: pg.Client;
let options: MigrateOptions;
const names = knownMigrations().map(({ name }) => name);
const latest = knownMigrations().at(-1)?.version ?? 0;

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
  options = { connectionString: database.url, schema: 'durable' };
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
});

function extra(version: number, up: string, down: string | null = null): Migration {
  return { version, name: `${String(version).padStart(4, '0')}-extra`, up, down, checksum: `of ${up}` };
}

async function tables(schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    [schema],
  );
  return rows.map(({ name }) => name);
}

describe('migrate', () => {
  it('applies everything once, and notes it', async () => {
    expect(await pendingMigrations(options)).toHaveLength(names.length);
    expect(await migrate(options)).toEqual(names);
    expect(await migrate(options)).toEqual([]);
    const state = await migrationStatus(options);
    expect(state).toMatchObject({ current: latest, latest, pending: [] });
    expect(state.applied.map(({ name, checksum }) => ({ name, checksum }))).toEqual(
      knownMigrations().map(({ name, checksum }) => ({ name, checksum })),
    );
    expect(state.applied[0]?.appliedAt).toBeInstanceOf(Date);
  });

  it('20 at once, schema included: each migration is applied by one of them', async () => {
    const applied = await Promise.all(Array.from({ length: 20 }, () => migrate(options)));
    expect(applied.flat().sort()).toEqual(names);
    expect((await migrationStatus(options)).current).toBe(latest);
  });

  it('8 processes at once', async () => {
    const script = `
      import { migrate } from './lib/storage/migrations/migrator.ts';
      console.log(JSON.stringify(await migrate(JSON.parse(process.argv[1]))));`;
    const run = promisify(execFile);
    const args = [
      '--import',
      './test/support/register-ts.mjs',
      '--input-type=module',
      '-e',
      script,
      JSON.stringify(options),
    ];
    const runs = await Promise.all(Array.from({ length: 8 }, () => run(process.execPath, args)));
    expect(runs.flatMap(({ stdout }) => JSON.parse(stdout) as string[]).sort()).toEqual(names);
  });

  it('waits for another migrator even where the role limits waiting', async () => {
    await client.query(`ALTER DATABASE "${database.name}" SET lock_timeout = '1ms'`);
    await client.query(`ALTER DATABASE "${database.name}" SET statement_timeout = '5s'`);
    await client.query(`ALTER DATABASE "${database.name}" SET default_transaction_isolation = 'serializable'`);
    const slow = [...knownMigrations(), extra(latest + 1, 'SELECT pg_sleep(0.2); CREATE TABLE durable.late (n int)')];
    const applied = await Promise.all([1, 2, 3].map(() => migrate({ ...options, migrations: slow })));
    expect(applied.flat()).toHaveLength(names.length + 1);
  });

  it('that needs a table which a transaction holds lets others at it in between, and is made when that is over', async () => {
    await migrate(options);
    await client.query('BEGIN; SELECT FROM durable.workflow_executions');
    const up = 'ALTER TABLE durable.workflow_executions ADD COLUMN extra integer';
    const migrating = migrate({ ...options, migrations: [...knownMigrations(), extra(latest + 1, up)] });
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    const waiting = `SELECT FROM pg_locks WHERE relation = 'durable.workflow_executions'::regclass AND NOT granted`;
    while ((await other.query(waiting)).rowCount === 0) await pause(10);
    // Behind the migration, while the transaction before it stays open.
    await other.query('SELECT FROM durable.workflow_executions');
    await client.query('COMMIT');
    expect(await migrating).toHaveLength(1);
    await other.end();
  });

  it('opens another session where one is refused for a reason that passes', async () => {
    const server = await startFakePooler(database.url, { notifications: false, cancels: 2 });
    expect(await migrate({ ...options, connectionString: server.url })).toEqual(names);
    await server.close();
  });

  it('uses a schema an administrator has made, without the right to create one', async () => {
    const role = `role_${database.name}`;
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; CREATE SCHEMA given AUTHORIZATION ${role}`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'x';
    try {
      expect(await migrate({ connectionString: url.href, schema: 'given' })).toEqual(names);
      await expect(migrate({ connectionString: url.href, schema: 'made' })).rejects.toThrow(
        /^Migration 0001-tables\.sql failed on .*permission denied for database .*Give the role the right/,
      );
    } finally {
      await client.query(`DROP SCHEMA given CASCADE; DROP ROLE ${role}`);
    }
  });

  it('a migration that fails leaves nothing behind, and those before it stay', async () => {
    const broken = [...knownMigrations(), extra(latest + 1, 'CREATE TABLE durable.half (n int); SELECT 1/0')];
    await expect(migrate({ ...options, migrations: broken })).rejects.toMatchObject({
      code: 'MIGRATION',
      message: expect.stringMatching(
        /^Migration \d+-extra\.sql failed on .*division by zero \(SQLSTATE 22012\)/,
      ) as string,
    });
    expect(await tables('durable')).not.toContain('half');
    expect(await migrationStatus(options)).toMatchObject({ current: latest, pending: [] });
  });

  it('refuses a database that is newer than the package, to run and to check', async () => {
    await migrate({ ...options, migrations: [...knownMigrations(), extra(latest + 1, 'SELECT 1')] });
    for (const call of [migrate, checkMigrations]) {
      await expect(call(options)).rejects.toMatchObject({
        code: 'MIGRATION',
        message: expect.stringMatching(
          /-extra, which this version .* the database is newer\. Upgrade nest-durable/,
        ) as string,
      });
    }
  });

  it('refuses when an applied file was changed afterwards, naming it', async () => {
    await migrate(options);
    const changed = knownMigrations().map((one) => ({ ...one, checksum: 'another' }));
    await expect(migrate({ ...options, migrations: changed })).rejects.toThrow(
      /migrations\/0001-tables\.sql is not the file that was applied.*checksum differs/,
    );
  });

  it("refuses a table of versions that is somebody else's", async () => {
    await client.query('CREATE SCHEMA app; CREATE TABLE app.migrations (id int, "timestamp" bigint, name text)');
    await expect(migrate({ ...options, schema: 'app' })).rejects.toThrow(/"migrations" in schema "app" is not ours/);
    await expect(migrate({ ...options, schema: 'public' })).rejects.toThrow(/not public, where the app's own tables/);
  });

  it('an unreachable database is told apart from a failed migration', async () => {
    const target = resolveTarget({ url: 'postgres://u:secret@127.0.0.1:1/d' });
    const error = await migrate({ target, schema: 'durable' }).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect((error as Error).message).not.toContain('secret');
  });
});

describe('checkMigrations', () => {
  it('says what to run when the schema is behind', async () => {
    await expect(checkMigrations(options)).rejects.toThrow(
      /^Schema "durable" is at version 0, .* needs \d+ \(missing: 0001-tables.*\)\. Run npx nest-durable migrate, or boot one process with migrations: 'run', or run durableMigrations\(\) of nest-durable\/migrations with TypeORM's own runner\.$/,
    );
    await expect(checkMigrations({ ...options, schema: 'other' })).rejects.toThrow(
      /Run npx nest-durable migrate --schema other, .* run durableMigrations\(\{ schema: 'other' \}\) of nest-durable\/migrations/,
    );
    await migrate(options);
    await expect(checkMigrations(options)).resolves.toBeUndefined();
  });
});

describe('revertMigrations', () => {
  it('takes everything back, and the way up is open again', async () => {
    await migrate(options);
    const before = await dumpSchema(client, 'durable');
    expect(await revertMigrations({ ...options, to: 0 })).toEqual([...names].reverse());
    expect(await dumpSchema(client, 'durable')).toBe('');
    expect(await migrate(options)).toEqual(names);
    expect(await dumpSchema(client, 'durable')).toBe(before);
  });

  it('takes back the functions alone, and the tables keep what they hold', async () => {
    await migrate(options);
    const before = await dumpSchema(client, 'durable');
    await client.query(`INSERT INTO durable.queue_settings (queue, paused_at) VALUES ('mail', now())`);
    expect(await revertMigrations({ ...options, to: 1 })).toEqual(['0002-functions']);
    const functions = `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'durable'::regnamespace`;
    expect((await client.query(functions)).rows).toEqual([{ name: 'clock' }]);
    await expect(checkMigrations(options)).rejects.toThrow('is at version 1, ');
    expect(await migrate(options)).toEqual(['0002-functions']);
    expect(await dumpSchema(client, 'durable')).toBe(before);
    expect((await client.query('SELECT queue FROM durable.queue_settings')).rows).toEqual([{ queue: 'mail' }]);
  });

  it('stops at a migration that cannot be taken back', async () => {
    const migrations = [...knownMigrations(), extra(latest + 1, 'CREATE TABLE durable.late (n int)')];
    await migrate({ ...options, migrations });
    await expect(revertMigrations({ ...options, migrations, to: 0 })).rejects.toThrow('cannot be taken back');
    expect((await migrationStatus({ ...options, migrations })).current).toBe(latest + 1);
  });
});

describe("TypeORM's own runner", () => {
  async function host(work: (source: DataSource) => Promise<void>, schema = 'durable'): Promise<void> {
    const source = new DataSource({
      type: 'postgres',
      url: database.url,
      migrations: durableMigrations({ schema }),
    });
    await source.initialize();
    await work(source).finally(() => source.destroy());
  }

  it.each(['all', 'each', 'none'] as const)('runs and reverts them, transaction: %s', async (transaction) => {
    await host(async (source) => {
      expect(await currentVersion(source)).toBe(0);
      expect(await pendingVersions(source)).toEqual(allVersions());
      expect(await source.runMigrations({ transaction })).toHaveLength(names.length);
      expect(await migratedVersions(source)).toEqual(allVersions());
      await checkMigrations(options);
      for (let left = names.length; left > 0; left--) await source.undoLastMigration({ transaction });
      expect(await currentVersion(source)).toBe(0);
      expect(await tables('durable')).toEqual([]);
    });
  });

  it('makes the same schema as ours, and both agree on what was applied', async () => {
    await host(async (source) => {
      await source.runMigrations();
      expect(await migrate(options)).toEqual([]);
    });
    await migrate({ ...options, schema: 'other' });
    await host(async (source) => {
      // TypeORM notes them as run; nothing is done twice.
      await source.runMigrations();
      expect(await pendingVersions(source, { schema: 'other' })).toEqual([]);
    }, 'other');
    const [one, two] = [await dumpSchema(client, 'durable'), await dumpSchema(client, 'other')];
    expect(two.replaceAll('other.', 'durable.')).toBe(one);
  });

  it('names that TypeORM accepts, which never change', () => {
    const [first] = durableMigrations().map((Migration) => new Migration().name);
    expect(first).toBe('DurableTables1767225600001');
    const all = [...durableMigrations(), ...durableMigrations({ schema: 'second' })].map((Class) => new Class().name);
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((name) => /\D\d{13}$/.test(name))).toBe(true);
  });
});
