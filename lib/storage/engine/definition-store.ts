import { createHash } from 'node:crypto';
import type { EngineDatabase } from '../connection/data-source.js';
import { laneOf, type Lender, type Query, readsOf, transaction } from '../connection/transaction.js';
import { sql } from '../sql.js';

export interface NewDefinition {
  readonly name: string;
  readonly hash: string;
  /** Stored as JSON, in the order of its keys. */
  readonly definition: object;
  /** JSON Schema of the input, stored with a definition that is new; afterwards `put-in-force` has the say. Default: none. */
  readonly inputSchema?: object | null;
}

export interface SavedDefinition {
  readonly id: number;
  /** Order of first appearance within the name, from 1. */
  readonly version: number;
}

/** A statement as TypeORM has written it. */
type Written = readonly [text: string, parameters: unknown[]];

/**
 * Stores a definition, or finds it by its hash; either way it was last seen now. One that was here before keeps its
 * version, so a rollback of the code is known as such. Any number of processes may do so at once.
 *
 * TypeORM writes the statements and the engine sends them, in transactions that have its time limits behind a pooler too.
 */
export async function saveDefinition(
  pool: Lender,
  database: EngineDatabase,
  definition: NewDefinition,
): Promise<SavedDefinition> {
  const lane = laneOf(pool);
  // At most boots it is there already, and no lock is needed.
  const found = await touch(readsOf(lane), database, definition);
  if (found !== null) return found;
  const waitsFor = `the definitions of workflow "${definition.name}"`;
  return transaction(lane, (query) => add(query, database, definition), waitsFor);
}

/** Whether another stored definition of a workflow has compensations. */
export async function isUndoneElsewhere(pool: Lender, schema: string, name: string, id: number): Promise<boolean> {
  return (await readsOf(laneOf(pool))(sql('undoes-elsewhere', schema), [name, id])).length > 0;
}

async function add(query: Query, database: EngineDatabase, given: NewDefinition): Promise<SavedDefinition> {
  const { name, hash, definition, inputSchema = null } = given;
  // Versions are numbered without gaps, so one process at a time for each name.
  await query('SELECT pg_advisory_xact_lock($1::bigint)', [lockKey(database.schema, name)]);
  const other = await touch(query, database, given);
  if (other !== null) return other;
  const repository = database.dataSource.getRepository(database.entities.definitions);
  const latest = repository.createQueryBuilder().select('max(version)', 'version').where({ name });
  const [last] = await query<{ version: number | null }>(...written(latest));
  const values = { name, hash, version: (last?.version ?? 0) + 1, definition, inputSchema };
  const insert = repository.createQueryBuilder().insert().values(values).returning(['id', 'version']);
  return theRow(await query<SavedDefinition>(...written(insert)));
}

async function touch(
  query: Query,
  { dataSource, entities }: EngineDatabase,
  { name, hash }: NewDefinition,
): Promise<SavedDefinition | null> {
  const update = dataSource
    .createQueryBuilder()
    .update(entities.definitions)
    .set({ lastSeen: () => 'now()' })
    .where({ name, hash })
    .returning(['id', 'version']);
  const rows = await query<SavedDefinition>(...written(update));
  return rows.length === 0 ? null : theRow(rows);
}

function written(builder: { getQueryAndParameters(): [string, unknown[]] }): Written {
  return builder.getQueryAndParameters();
}

function theRow(rows: readonly SavedDefinition[]): SavedDefinition {
  const [row] = rows;
  if (row === undefined) throw new Error('the definition was not stored');
  return { id: row.id, version: row.version };
}

function lockKey(schema: string, name: string): string {
  const digest = createHash('sha256').update(`nest-durable definitions ${schema} ${name}`).digest();
  return digest.readBigInt64BE().toString();
}
