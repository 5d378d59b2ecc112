import { describeTarget } from '../../storage/connection/database-target.js';
import { Connections } from '../../storage/connection/connections.js';
import { knownMigrations } from '../../storage/migrations/migration-files.js';
import { serverAnswer } from '../../storage/connection/connection-errors.js';
import { sql } from '../../storage/sql.js';
import { inTransaction, type Lender, type Query, readsOf } from '../../storage/connection/transaction.js';
import { Failure } from '../failure.js';
import { firstAnswer } from './first-answer.js';
import type { Reached } from './target.js';

/** An open database with the tables of this version. */
export interface Database {
  readonly pool: Lender;
  readonly schema: string;
  /** `host:port/database` */
  readonly name: string;
  readonly instanceId: string;
  /** For reads: tried until the database has answered. */
  readonly query: Query;
  /** Time of the database, ms. */
  now(): number;
  rows<R extends object>(statement: string, parameters?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

/** SQLSTATE: no such schema, no such table; no such function or column. */
const NO_TABLES = new Set(['3F000', '42P01', '42883', '42703']);
/** ms that a lease may last: decides how long statements may take. */
const PATIENCE = 30_000;

/**
 * @throws Failure where the database cannot be reached, has no tables of ours, or those of another version
 */
export async function openDatabase({ target, schema, release }: Reached): Promise<Database> {
  // As behind a pooler: nobody has looked what stands in between, and a command asks for little.
  const connections = new Connections(target, { direct: false, poolSize: 3, leaseTimeout: PATIENCE });
  const { pool } = connections;
  const name = describeTarget(target);
  const close = async (): Promise<void> => {
    await connections.close();
    await release();
  };
  try {
    // It stays, as the pool's first.
    await firstAnswer(target, () => pool.connect().then((session) => session.release()));
    const { instanceId, time } = await lookAtTables(pool, schema, name);
    const [begun, at] = [performance.now(), time.getTime()];
    const query = readsOf(pool);
    return {
      pool,
      schema,
      name,
      instanceId,
      query,
      now: () => at + performance.now() - begun,
      rows: (statement, parameters = []) => query(sql(statement, schema), parameters),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** In one transaction: one by one each has a BEGIN and a COMMIT of its own, or at once each a session. */
async function lookAtTables(pool: Lender, schema: string, name: string): Promise<{ instanceId: string; time: Date }> {
  try {
    return await inTransaction(pool, async (query) => {
      const versions = await query<{ version: number }>(sql('schema-versions', schema), []);
      checkVersions(
        versions.map(({ version }) => version),
        schema,
      );
      const [instance] = await query<{ id: string }>(sql('instance', schema), []);
      const [clock] = await query<{ now: Date }>(sql('clock', schema), []);
      return { instanceId: instance?.id ?? '', time: clock?.now ?? new Date() };
    });
  } catch (error) {
    if (!NO_TABLES.has(serverAnswer(error)?.code ?? '')) throw error;
    throw new Failure(
      `Schema "${schema}" of ${name} has no tables of nest-durable: run nest-durable migrate, or give --schema.`,
    );
  }
}

function checkVersions(versions: readonly number[], schema: string): void {
  const known = knownMigrations();
  const latest = known.at(-1)?.version ?? 0;
  const pending = known.filter(({ version }) => !versions.includes(version));
  if (pending.length > 0) {
    throw new Failure(
      `Schema "${schema}" lacks ${pending.map((migration) => migration.name).join(', ')}: run nest-durable migrate.`,
    );
  }
  const newest = Math.max(0, ...versions);
  if (newest > latest) {
    throw new Failure(
      `Schema "${schema}" is at version ${newest}, this nest-durable knows ${latest}: use the version that migrated it.`,
    );
  }
}
