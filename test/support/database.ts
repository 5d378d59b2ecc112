import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { migrate } from '../../lib/storage/migrations/migrator.js';
import { cloneStatement } from '../../lib/testing/throw-away.js';
import { closeDatabase, type DatabaseRules, type ServerSession } from './leak-check.mjs';

/** Schema of the engine's tables in the template, the module's default. */
export const testSchema = 'durable';

/** A migrated database of its own for one spec file or test. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /**
   * Drops it early; left alone it goes after the spec file.
   * @throws Error if a session is still there 30 s later, naming what it does
   */
  drop(): Promise<void>;
}

/**
 * A database cloned from the run's template (10 ms of CPU). After the spec file a check fails the file if a session, a
 * transaction or a lock is left on it, if a safety net had to mend something in it, and if `verify` finds anything.
 *
 * @param options.breaksRows the spec writes rows by hand that the engine would not: neither of the two is looked at
 * @param options.leaves the spec leaves rows on purpose as they must not be: `verify` is left out
 * @param options.migrated `false` gives an empty database, for tests of the migrations themselves
 */
export async function createTestDatabase(options: { migrated?: boolean } & DatabaseRules = {}): Promise<TestDatabase> {
  const run = variable('TEST_RUN');
  const name = `${run}_${randomBytes(5).toString('hex')}`;
  const { testSession: session, testDatabases: open } = given();
  const from = options.migrated === false ? 'template0' : `${run}_template`;
  const [facts] = await session.ask(
    `SELECT current_setting('server_version_num')::integer / 10000 AS version,
       EXISTS (SELECT FROM pg_database WHERE datname = $1) AS there`,
    [from],
  );
  if (facts?.['there'] !== true) await withSession(variable('TEST_SERVER_URL'), (own) => makeTemplate(from, own));
  await session.ask(cloneStatement(name, from, Number(facts?.['version'])));
  open.set(name, options);
  return {
    name,
    url: urlOf(name),
    async drop() {
      open.delete(name);
      await closeDatabase(name, options, session);
    },
  };
}

/** URL of a database on the run's server. */
export function urlOf(database: string): string {
  const url = new URL(variable('TEST_SERVER_URL'));
  url.pathname = `/${database}`;
  return url.href;
}

/** What the environment gives a spec file. */
export function given(): { readonly testSession: ServerSession; readonly testDatabases: Map<string, DatabaseRules> } {
  return globalThis as unknown as ReturnType<typeof given>;
}

/** Done by the first spec file that wants a database; the others wait for it at the lock. */
async function makeTemplate(template: string, session: pg.Client): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await session.query('SELECT FROM pg_database WHERE datname = $1', [template])).rowCount === 1;
  await session.query('SELECT pg_advisory_lock(hashtext($1))', [template]);
  if (await isThere()) return;
  const draft = `${template}_draft`;
  await session.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await session.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
  await migrate({ connectionString: urlOf(draft), schema: testSchema });
  const notes = await readFile(new URL('./reconciled.sql', import.meta.url), 'utf8');
  await withSession(urlOf(draft), (there) => there.query(notes));
  // No connections, so that autovacuum never stands in the way of a clone.
  await session.query(`ALTER DATABASE ${draft} ALLOW_CONNECTIONS false`);
  await session.query(`ALTER DATABASE ${draft} RENAME TO ${template}`);
}

async function withSession(connectionString: string, work: (session: pg.Client) => Promise<unknown>): Promise<void> {
  const session = new pg.Client({ connectionString });
  await session.connect();
  try {
    await work(session);
  } finally {
    await session.end();
  }
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests with npm test`);
  return value;
}
