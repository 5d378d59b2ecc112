import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ConfigurationError, DatabaseUnavailableError } from './core/errors.js';
import { textOf } from './core/text-of.js';
import type { ResolvedDatabase } from './durable.options.js';
import {
  type DatabaseTarget,
  describeTarget,
  hardened,
  isConnectionError,
  resolveTarget,
  serverAnswer,
} from './storage/connection.js';

/** ms that a boot waits for a database that is not there yet: as long as a container of it takes to start. */
export const CONNECT_TIMEOUT = 30_000;
/** ms between two tries. */
const RETRY_DELAY = 500;
/** ms between two lines in the log. */
const WARN_INTERVAL = 5_000;
const OLDEST_SERVER = 14;

/** Where the engine's own connections go; `embedded` has a URL only once its server runs. */
export function targetOf(database: Exclude<ResolvedDatabase, { kind: 'embedded' }>): DatabaseTarget {
  if (database.kind === 'dataSource') return resolveTarget({ dataSource: database.dataSource });
  const { connectionString, ...rest } = database.server;
  return resolveTarget(connectionString === undefined ? rest : { ...rest, url: connectionString });
}

/**
 * Returns once the database takes a connection. One that is not reachable, is starting, or does not exist yet is tried
 * again for `patience` ms; a refused password is not, since it will not become right by itself.
 * @throws DatabaseUnavailableError naming host, port and database, never user or password
 * @throws ConfigurationError for a server that is older than PostgreSQL 14
 */
export async function waitForDatabase(
  target: DatabaseTarget,
  warn: (message: string) => void,
  patience = CONNECT_TIMEOUT,
): Promise<void> {
  const where = describeTarget(target);
  const begin = performance.now();
  let warned = -Infinity;
  for (;;) {
    const failure = await tryConnect(target, where);
    if (failure === null) return;
    const waited = performance.now() - begin;
    if (!failure.retry || waited >= patience) {
      const tried = failure.retry ? ` It was tried for ${Math.round(waited / 1_000)} s.` : '';
      throw new DatabaseUnavailableError(
        `The database at ${where} cannot be used: ${failure.why}.${tried} ` +
          'Check that PostgreSQL runs there, and the option "database" (or DATABASE_URL).',
        { cause: failure.cause },
      );
    }
    if (performance.now() - warned >= WARN_INTERVAL) {
      warned = performance.now();
      const left = Math.ceil((patience - waited) / 1_000);
      warn(`The database at ${where} is not there yet (${failure.why}); trying again for ${left} s.`);
    }
    await delay(Math.min(RETRY_DELAY, Math.max(1, patience - waited)));
  }
}

interface Failure {
  readonly why: string;
  readonly retry: boolean;
  readonly cause: unknown;
}

async function tryConnect(target: DatabaseTarget, where: string): Promise<Failure | null> {
  const client = new pg.Client(hardened(target, 'nest-durable boot'));
  client.on('error', () => {});
  try {
    await client.connect();
    const found = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::integer / 10000 AS version`,
    );
    checkVersion(found.rows[0]?.version ?? 0, where);
    return null;
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    return failureOf(error);
  } finally {
    await client.end().catch(() => {});
  }
}

function checkVersion(version: number, where: string): void {
  if (version >= OLDEST_SERVER) return;
  throw new ConfigurationError([
    { path: 'database', message: `expected PostgreSQL ${OLDEST_SERVER} or later, the one at ${where} is ${version}` },
  ]);
}

/** SQLSTATE: no such database. It may be about to be created. */
const NO_DATABASE = '3D000';

function failureOf(error: unknown): Failure {
  const code = serverAnswer(error)?.code ?? '';
  // The server's own text names the user.
  if (code.startsWith('28')) return { why: `it refused user or password (${code})`, retry: false, cause: undefined };
  return { why: textOf(error), retry: code === NO_DATABASE || isConnectionError(error), cause: error };
}
