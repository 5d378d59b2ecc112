import type { MigrationInterface, QueryRunner } from 'typeorm';
import { MigrationError } from './core/errors/errors.js';
import { knownMigrations, type Migration } from './storage/migrations/migration-files.js';
import {
  applyMigration,
  lockMigrations,
  readState,
  revertMigration,
  type MigrationState,
  type RunSql,
} from './storage/migrations/migration-state.js';
import { assertSchemaName } from './storage/sql.js';

/** Options of the functions of this module. */
export interface DurableMigrationsOptions {
  /** PostgreSQL schema of the tables. Default: `'durable'`. */
  readonly schema?: string;
}

/** A TypeORM DataSource, QueryRunner or EntityManager. */
export interface Queryable {
  query(query: string, parameters?: unknown[]): Promise<unknown>;
}

/** A class as TypeORM's `migrations` option takes it. */
export type DurableMigrationClass = new () => MigrationInterface & { readonly name: string };

/** TypeORM orders migrations by the 13 digits at the end of their names; ours never change: this plus the version. */
const FIRST_TIMESTAMP = Date.UTC(2026, 0, 1);

/**
 * Migrations of this package for TypeORM's own runner. Spread them into a DataSource's `migrations` and set the
 * module's `migrations` option to `'check'` or `'none'`. They keep the table of versions that the module's own
 * migrations keep, so both agree on what was applied, whichever of them ran it.
 *
 * @throws ConfigurationError for a schema name that cannot be used
 */
export function durableMigrations({ schema = 'durable' }: DurableMigrationsOptions = {}): DurableMigrationClass[] {
  assertSchemaName(schema);
  return knownMigrations().map((migration) => adapt(migration, schema));
}

/** The versions that this package knows, in order. */
export function allVersions(): number[] {
  return knownMigrations().map(({ version }) => version);
}

/** The highest version in the database; 0: none. @throws ConfigurationError for a schema name that cannot be used */
export async function currentVersion(database: Queryable, options?: DurableMigrationsOptions): Promise<number> {
  return (await stateOf(database, options)).current;
}

/** The versions in the database, in order. @throws ConfigurationError for a schema name that cannot be used */
export async function migratedVersions(database: Queryable, options?: DurableMigrationsOptions): Promise<number[]> {
  return (await stateOf(database, options)).applied.map(({ version }) => version);
}

/** The versions that the database lacks, in order. @throws ConfigurationError for a schema name that cannot be used */
export async function pendingVersions(database: Queryable, options?: DurableMigrationsOptions): Promise<number[]> {
  return (await stateOf(database, options)).pending.map(({ version }) => version);
}

function adapt(migration: Migration, schema: string): DurableMigrationClass {
  const title = migration.name.replace(/^\d+/, '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  // Several instances in one app: TypeORM wants each name once.
  const instance = schema === 'durable' ? '' : `_${schema}_`;
  const name = `Durable${title}${instance}${FIRST_TIMESTAMP + migration.version}`;
  return class implements MigrationInterface {
    readonly name = name;

    async up(runner: QueryRunner): Promise<void> {
      await inTransaction(runner, schema, async (run, { pending }) => {
        const [next] = pending;
        if (!pending.includes(migration)) return;
        if (next !== migration) {
          throw new MigrationError(
            `${name} comes after ${next?.name}, which is not applied: run all migrations in order.`,
          );
        }
        await applyMigration(run, schema, migration);
      });
    }

    async down(runner: QueryRunner): Promise<void> {
      await inTransaction(runner, schema, async (run, { applied, current }) => {
        if (!applied.some(({ version }) => version === migration.version)) return;
        if (current !== migration.version) {
          throw new MigrationError(
            `${name} cannot be taken back before version ${current}, which was applied after it.`,
          );
        }
        await revertMigration(run, schema, migration);
      });
    }
  };
}

/** In TypeORM's transaction; in one of our own where the host runs migrations with `transaction: 'none'`. */
async function inTransaction(
  runner: QueryRunner,
  schema: string,
  work: (run: RunSql, state: MigrationState) => Promise<void>,
): Promise<void> {
  const own = !runner.isTransactionActive;
  if (own) await runner.startTransaction('READ COMMITTED');
  try {
    const run = runOn(runner);
    // Between the migrations of the host's transaction anything may take its time.
    await run('SET LOCAL idle_in_transaction_session_timeout = 0');
    await lockMigrations(run, schema);
    await work(run, await readState(run, schema, knownMigrations()));
    if (own) await runner.commitTransaction();
  } catch (error) {
    // The first error counts.
    if (own) await runner.rollbackTransaction().catch(() => {});
    throw error;
  }
}

async function stateOf(
  database: Queryable,
  { schema = 'durable' }: DurableMigrationsOptions = {},
): Promise<MigrationState> {
  assertSchemaName(schema);
  return readState(runOn(database), schema, knownMigrations());
}

function runOn(database: Queryable): RunSql {
  return async (text, values) => {
    // TypeORM gives the rows of a SELECT, and something else or nothing for other statements.
    const rows = await database.query(text, values);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  };
}
