import { createHash } from 'node:crypto';
import { MigrationError } from '../../core/errors/errors.js';
import { serverAnswer } from '../connection/connection-errors.js';
import type { Migration } from './migration-files.js';
import { inSchema } from '../sql.js';

/** The table of versions. */
const VERSIONS = `CREATE TABLE IF NOT EXISTS durable.migrations (
  version    integer     PRIMARY KEY,
  name       text        NOT NULL,
  checksum   text        NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** Runs one text (several statements where there are no values) in the caller's session and transaction. */
export type RunSql = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** A row of <schema>.migrations. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: Date;
}

/** Migrations of a schema, compared with those of this package. */
export interface MigrationState {
  /** Highest version in the database; 0: none. */
  readonly current: number;
  /** Highest version of this package. */
  readonly latest: number;
  readonly applied: readonly AppliedMigration[];
  /** Migrations that the database lacks, in order. */
  readonly pending: readonly Migration[];
}

/**
 * Reads the state and checks that it can be built upon.
 * @throws MigrationError if the database is newer than the package, or an applied file was changed afterwards
 */
export async function readState(run: RunSql, schema: string, known: readonly Migration[]): Promise<MigrationState> {
  const applied = await readApplied(run, schema);
  const latest = known.at(-1)?.version ?? 0;
  for (const row of applied) {
    const migration = known.find(({ version }) => version === row.version);
    if (migration === undefined) throw unknownVersion(schema, row, latest);
    if (migration.checksum !== row.checksum) throw edited(schema, row, migration);
  }
  const versions = new Set(applied.map(({ version }) => version));
  return {
    current: applied.at(-1)?.version ?? 0,
    latest,
    applied,
    pending: known.filter(({ version }) => !versions.has(version)),
  };
}

/**
 * To be the first in a transaction of a migration: one migrator at a time for each schema. A lock of the transaction
 * and not of the session, so that it holds through a transaction-mode pooler too. Timeouts are lifted, since they would
 * end the wait for the others' migrations.
 */
export async function lockMigrations(run: RunSql, schema: string): Promise<void> {
  await run('SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0');
  const key = createHash('sha256').update(`nest-durable migrations ${schema}`).digest().readBigInt64BE();
  await run('SELECT pg_advisory_xact_lock($1::bigint)', [key.toString()]);
}

/** Applies one migration and notes it, in the caller's transaction, under the lock. */
export async function applyMigration(run: RunSql, schema: string, migration: Migration): Promise<void> {
  // CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where it exists, made by an administrator.
  const found = await run('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema]);
  if (found.length === 0) await run(`CREATE SCHEMA "${schema}"`);
  await run(inSchema(VERSIONS, schema));
  await run(inSchema(migration.up, schema));
  const { version, name, checksum } = migration;
  await run(inSchema('INSERT INTO durable.migrations (version, name, checksum) VALUES ($1, $2, $3)', schema), [
    version,
    name,
    checksum,
  ]);
}

/**
 * Takes one migration back, in the caller's transaction, under the lock. With the first one goes the table of
 * versions; the schema itself stays, since an administrator may have made it.
 * @throws MigrationError if the migration has no way back
 */
export async function revertMigration(run: RunSql, schema: string, migration: Migration): Promise<void> {
  if (migration.down === null) throw new MigrationError(`Migration ${migration.name}.sql cannot be taken back.`);
  await run(inSchema(migration.down, schema));
  await run(inSchema('DELETE FROM durable.migrations WHERE version = $1', schema), [migration.version]);
  const left = await run(inSchema('SELECT 1 FROM durable.migrations LIMIT 1', schema));
  if (left.length === 0) await run(inSchema('DROP TABLE durable.migrations', schema));
}

/** SQL of `applyMigration`, to be run by hand: a transaction, with the row of the table of versions. */
export function upSql(schema: string, { up, name, version, checksum }: Migration): string {
  const lines = [
    `-- ${name}`,
    'BEGIN;',
    `CREATE SCHEMA IF NOT EXISTS "${schema}";`,
    `${VERSIONS};`,
    up.trim(),
    // All of it is ours: no value of a caller's.
    `INSERT INTO durable.migrations (version, name, checksum) VALUES (${version}, '${name}', '${checksum}');`,
    'COMMIT;',
  ];
  return `${inSchema(lines.join('\n'), schema)}\n`;
}

/** SQL of `revertMigration`. @throws MigrationError if the migration cannot be reverted */
export function downSql(schema: string, { down, name, version }: Migration, isFirst: boolean): string {
  if (down === null) throw new MigrationError(`Migration ${name}.sql cannot be taken back.`);
  const lines = [
    `-- ${name}: back`,
    'BEGIN;',
    down.trim(),
    `DELETE FROM durable.migrations WHERE version = ${version};`,
    ...(isFirst ? ['DROP TABLE durable.migrations;'] : []),
    'COMMIT;',
  ];
  return `${inSchema(lines.join('\n'), schema)}\n`;
}

async function readApplied(run: RunSql, schema: string): Promise<AppliedMigration[]> {
  // Not to_regclass: waiting for an advisory lock does not refresh a session's catalogue cache, so it would still say
  // "no such schema" after another migrator has made it. A query of the catalogue itself sees what is committed.
  const tables = await run(
    `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'migrations'`,
    [schema],
  );
  if (tables.length === 0) return [];
  try {
    const rows = await run(
      inSchema(
        'SELECT version, name, checksum, applied_at AS "appliedAt" FROM durable.migrations ORDER BY version',
        schema,
      ),
    );
    return rows as unknown as AppliedMigration[];
  } catch (error) {
    // undefined_column: TypeORM, for one, calls its own table so.
    if (serverAnswer(error)?.code !== '42703') throw error;
    throw new MigrationError(
      `The table "migrations" in schema "${schema}" is not ours. Set \`schema\` to a schema of nest-durable's own.`,
      { cause: error },
    );
  }
}

function unknownVersion(schema: string, row: AppliedMigration, latest: number): MigrationError {
  const what = `Schema "${schema}" has migration ${row.name}, which this version of nest-durable does not know`;
  return new MigrationError(
    row.version > latest
      ? `${what} (its last is ${latest}): the database is newer. ` +
          'Upgrade nest-durable to the version that migrated it, or restore the database.'
      : `${what}. It was brought by another build: use that one, or restore the database.`,
  );
}

function edited(schema: string, row: AppliedMigration, migration: Migration): MigrationError {
  return new MigrationError(
    `migrations/${migration.name}.sql is not the file that was applied to schema "${schema}" (as ${row.name}): ` +
      'its checksum differs. A released migration never changes: reinstall nest-durable, or put the file back.',
  );
}
