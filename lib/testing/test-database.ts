import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { ConfigurationError } from '../core/errors/errors.js';
import { resolveTarget } from '../storage/connection/database-target.js';
import { Session } from '../storage/connection/session.js';
import type { SessionSpec } from '../storage/connection/session-settings.js';
import { migrate } from '../storage/migrations/migrator.js';
import { exclusively, type TestServer, testServer } from './test-server.js';
import { cloneStatement } from './throw-away.js';

/** Schema of the engine's tables, whatever it is in the app: the one that the statements here are written for. */
export const TEST_SCHEMA = 'durable';

/**
 * `durable.clock()`, which all that workflows live by is measured with, becomes a time in a table: it stands still until
 * it is moved. Leases go by now() and take no part in it.
 */
const STANDING_CLOCK = `
CREATE TABLE durable.test_clock (now timestamptz NOT NULL);
INSERT INTO durable.test_clock VALUES (date_trunc('milliseconds', now()));
CREATE OR REPLACE FUNCTION durable.clock() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now FROM durable.test_clock';
`;

/** A fresh, migrated database whose clock stands still. */
export class TestDatabase {
  private constructor(
    private readonly server: TestServer,
    private readonly name: string,
    private readonly session: Session,
  ) {}

  /**
   * @param given URL of the server; undefined: the embedded one of this process
   * @throws ConfigurationError where the role of the URL may not make databases, or there is no embedded server
   */
  static async create(given: string | undefined): Promise<TestDatabase> {
    const server = await testServer(given);
    const name = `${server.prefix}_${randomBytes(5).toString('hex')}`;
    await makeTemplate(server);
    await onServer(server, (run) => run(cloneStatement(name, templateOf(server), server.throwAway)));
    const database = new TestDatabase(server, name, await openSession(urlOf(server, name)));
    await database.query(`UPDATE durable.test_clock SET now = date_trunc('milliseconds', now())`);
    return database;
  }

  get url(): string {
    return urlOf(this.server, this.name);
  }

  /** ms since 1970. */
  async now(): Promise<number> {
    const [row] = await this.query<{ now: number }>(
      'SELECT (extract(epoch FROM durable.clock()) * 1000)::float8 AS now',
    );
    return row?.now ?? NaN;
  }

  async setClock(now: number): Promise<void> {
    await this.query(`UPDATE durable.test_clock SET now = to_timestamp($1::numeric / 1000)`, [now]);
  }

  async drop(): Promise<void> {
    await this.session.end().catch(() => {});
    await onServer(this.server, (run) => run(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`));
  }

  private async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    return (await this.session.query<R>(text, values)).rows;
  }
}

const templates = new WeakMap<TestServer, Promise<void>>();

function templateOf(server: TestServer): string {
  return `${server.prefix}_template`;
}

/** Made once for each process: a clone of it takes a tenth of the time of the migrations. */
function makeTemplate(server: TestServer): Promise<void> {
  let made = templates.get(server);
  if (made === undefined) {
    // Another spec file of this process may have made it, or be at it.
    made = exclusively(server, () => onServer(server, (run) => draftTemplate(server, run)));
    templates.set(server, made);
    made.catch(() => templates.delete(server));
  }
  return made;
}

async function draftTemplate(server: TestServer, run: Run): Promise<void> {
  if ((await run(`SELECT FROM pg_database WHERE datname = '${templateOf(server)}'`)) > 0) return;
  const draft = `${server.prefix}_draft`;
  await run(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await run(`CREATE DATABASE ${draft} TEMPLATE template0`);
  const connectionString = urlOf(server, draft);
  await migrate({ connectionString, schema: TEST_SCHEMA });
  const client = await openSession(connectionString);
  await client.query(STANDING_CLOCK);
  await client.end();
  // No connections, so that autovacuum never stands in the way of a clone.
  await run(`ALTER DATABASE ${draft} ALLOW_CONNECTIONS false`);
  await run(`ALTER DATABASE ${draft} RENAME TO ${templateOf(server)}`);
}

/** SQLSTATE: insufficient privilege. */
const NOT_ALLOWED = '42501';

/** Runs a statement; how many rows it gave. Names come from here, with nothing in them to quote. */
type Run = (text: string) => Promise<number>;

async function onServer(server: TestServer, work: (run: Run) => Promise<unknown>): Promise<void> {
  const client = await openSession(server.url);
  try {
    await work(async (text) => (await client.query(text)).rowCount ?? 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === NOT_ALLOWED)) throw error;
    const why = `each test gets a database of its own, and the role of the URL may not make one (${error.message})`;
    const role = pg.escapeIdentifier(client.user ?? '');
    const mend = `ALTER ROLE ${role} CREATEDB, or leave out DATABASE_URL for an embedded server`;
    throw new ConfigurationError([{ path: 'databaseUrl', message: `${why}: ${mend}` }]);
  } finally {
    await client.end().catch(() => {});
  }
}

const SESSION: SessionSpec = {
  role: 'kit',
  name: 'nest-durable:kit',
  direct: true,
  limits: { statement: 60_000, lock: 30_000, idleInTransaction: 10_000 },
};

/** One that is as the engine's own, whatever the server, the role and the app's `pg` are set to. */
async function openSession(url: string): Promise<Session> {
  const session = new Session(resolveTarget({ url }, 'databaseUrl'), SESSION);
  await session.connect();
  return session;
}

function urlOf(server: TestServer, database: string): string {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return url.href;
}
