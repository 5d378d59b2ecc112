import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError, MigrationError } from '../../core/errors/errors.js';
import { textOf } from '../../core/text-of.js';
import { isConnectionError, isRetryableRejection, serverAnswer } from '../connection/connection-errors.js';
import { describeTarget, resolveTarget, type DatabaseTarget } from '../connection/database-target.js';
import { knownMigrations, type Migration } from './migration-files.js';
import {
  applyMigration,
  lockMigrations,
  readState,
  revertMigration,
  type MigrationState,
  type RunSql,
} from './migration-state.js';
import type { SessionSpec } from '../connection/session-settings.js';
import { Session } from '../connection/session.js';
import { assertSchemaName } from '../sql.js';

/** ms one statement of a migration, or the wait for other migrators, may take before a dead network is assumed. */
const STATEMENT_TIMEOUT = 30 * 60_000;

/**
 * ms that a migration waits for a lock on a table that is in use: while it waits, all that comes after it waits behind
 * it, commits and claims of running processes included. Then it lets them through, and tries again.
 */
const LOCK_TIMEOUT = 2_000;
const LOCK_AGAIN = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';
/** ms for which any other passing refusal (a deadlock, a cancelled statement) is tried again. */
const PATIENCE = 30_000;

/** All in transactions that set what they need: nobody has looked yet whether a pooler stands between. */
const SESSION: SessionSpec = {
  role: 'migrating',
  name: 'nest-durable:migrate',
  direct: false,
  // A migrator that stands still must not keep all others from booting.
  limits: { statement: STATEMENT_TIMEOUT, lock: STATEMENT_TIMEOUT, idleInTransaction: 60_000 },
};

export interface MigrateOptions {
  /** Target; this or `connectionString`. */
  readonly target?: DatabaseTarget;
  readonly connectionString?: string;
  readonly schema: string;
  /** For tests: in place of the package's own. */
  readonly migrations?: readonly Migration[];
  /** Gets the name of each as it is done. */
  readonly onStep?: (name: string) => void;
}

/**
 * Brings the schema to this package's version; each migration in a transaction of its own, together with its row in
 * <schema>.migrations. Any number of processes may do so at once: each migration is applied by one of them.
 *
 * @param options.to the version to stop at. Default: the last
 * @returns the names of the migrations that this call applied
 * @throws MigrationError if one fails (nothing of it is kept), the database is newer, or an applied file was changed
 * @throws DatabaseUnavailableError if the database cannot be reached; calling again is safe
 */
export async function migrate(options: MigrateOptions & { readonly to?: number }): Promise<string[]> {
  const { to = Infinity } = options;
  return inSession(options, async (session) => {
    const names: string[] = [];
    // Looks without the lock first: at most boots there is nothing to do, and nobody to wait for.
    let state = await session.state();
    while (state.pending.some(({ version }) => version <= to)) {
      const name = await session.transaction(async (run, { pending }) => {
        await run(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT}`);
        const next = pending.find(({ version }) => version <= to);
        return step(next, 'failed', session.where, (migration) => applyMigration(run, options.schema, migration));
      });
      if (name !== null) names.push(name);
      if (name !== null) options.onStep?.(name);
      state = await session.state();
    }
    return names;
  });
}

/**
 * Takes migrations back, the last one first, until the schema is at version `to`. 0 drops all tables with their data.
 * @returns the names of the migrations that were taken back
 * @throws MigrationError if one has no way back, or fails
 */
export async function revertMigrations(options: MigrateOptions & { readonly to: number }): Promise<string[]> {
  return inSession(options, async (session) => {
    const names: string[] = [];
    let state = await session.state();
    while (state.current > options.to) {
      const name = await session.transaction((run, { current }) => {
        const last = current > options.to ? session.known.find(({ version }) => version === current) : undefined;
        return step(last, 'could not be taken back', session.where, (migration) =>
          revertMigration(run, options.schema, migration),
        );
      });
      if (name !== null) names.push(name);
      if (name !== null) options.onStep?.(name);
      state = await session.state();
    }
    return names;
  });
}

/** Applied and pending migrations of the schema. Throws as `migrate` does. */
export async function migrationStatus(options: MigrateOptions): Promise<MigrationState> {
  return inSession(options, (session) => session.state());
}

/** The migrations the schema lacks, in order. Throws as `migrate` does. */
export async function pendingMigrations(options: MigrateOptions): Promise<readonly Migration[]> {
  return (await migrationStatus(options)).pending;
}

/** @throws MigrationError if the schema is not at this package's version, naming what to run; else as `migrate` does */
export async function checkMigrations(options: MigrateOptions): Promise<void> {
  const { current, latest, pending } = await migrationStatus(options);
  if (pending.length === 0) return;
  throw new MigrationError(
    `Schema "${options.schema}" is at version ${current}, this version of nest-durable needs ${latest} ` +
      `(missing: ${pending.map(({ name }) => name).join(', ')}). ` +
      howToMigrate(options.schema),
  );
}

/** Instruction to the operator for tables that are not there yet. */
export function howToMigrate(schema: string): string {
  const [option, given] = schema === 'durable' ? ['', ''] : [` --schema ${schema}`, `{ schema: '${schema}' }`];
  return (
    `Run npx nest-durable migrate${option}, or boot one process with migrations: 'run', or run durableMigrations(` +
    `${given}) of nest-durable/migrations with TypeORM's own runner.`
  );
}

interface MigrationSession {
  readonly where: string;
  readonly known: readonly Migration[];
  state(): Promise<MigrationState>;
  /** The state is read under the lock: another migrator may have been there in between. */
  transaction<T>(work: (run: RunSql, state: MigrationState) => Promise<T>): Promise<T>;
}

async function inSession<T>(options: MigrateOptions, work: (session: MigrationSession) => Promise<T>): Promise<T> {
  const { schema, migrations: known = knownMigrations() } = options;
  assertSchemaName(schema);
  const target = options.target ?? resolveTarget({ url: options.connectionString ?? '' });
  const where = describeTarget(target);
  // One for each try: a session is opened once.
  let client = new Session(target, SESSION);
  const run: RunSql = async (text, values) => {
    // Several statements give several results, none of which is asked for.
    const result: { rows?: Record<string, unknown>[] } = await client.query(text, values);
    return result.rows ?? [];
  };
  const transaction = <R>(inside: () => Promise<R>): Promise<R> =>
    again(async () => {
      // READ COMMITTED: what is read after the wait for the lock must be what is there then.
      await run(client.begin);
      try {
        const result = await inside();
        await run('COMMIT');
        return result;
      } catch (error) {
        // The first error counts; a session that is broken has rolled back by itself.
        await run('ROLLBACK').catch(() => {});
        throw error;
      }
    });
  try {
    await again(async () => {
      client = new Session(target, SESSION);
      await client.connect();
    });
    return await work({
      where,
      known,
      state: () => transaction(() => readState(run, schema, known)),
      transaction: (inside) =>
        transaction(async () => {
          await lockMigrations(run, schema);
          return inside(run, await readState(run, schema, known));
        }),
    });
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    const cause = textOf(error);
    throw new DatabaseUnavailableError(`PostgreSQL (${where}) was out of reach for its migrations: ${cause}.`, {
      cause: error,
    });
  } finally {
    await client.end().catch(() => {});
  }
}

/** Until it gets the locks that it needs; other passing refusals by the server are not waited out for so long. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (const since = performance.now(); ; await pause(LOCK_AGAIN)) {
    try {
      return await work();
    } catch (error) {
      const patience = serverAnswer(error)?.code === LOCK_NOT_AVAILABLE ? STATEMENT_TIMEOUT : PATIENCE;
      if (!isRetryableRejection(error) || performance.now() - since > patience) throw error;
    }
  }
}

async function step(
  migration: Migration | undefined,
  failed: string,
  where: string,
  work: (migration: Migration) => Promise<void>,
): Promise<string | null> {
  if (migration === undefined) return null;
  try {
    await work(migration);
    return migration.name;
  } catch (error) {
    if (isConnectionError(error) || error instanceof MigrationError) throw error;
    const code = serverAnswer(error)?.code;
    const state = code === undefined ? '' : ` (SQLSTATE ${code})`;
    const mend = code === '42501' ? ' Give the role the right to create in the database and the schema.' : '';
    throw new MigrationError(
      `Migration ${migration.name}.sql ${failed} on ${where}: ${textOf(error)}${state}. ` +
        `Nothing of it was kept.${mend}`,
      { cause: error },
    );
  }
}
