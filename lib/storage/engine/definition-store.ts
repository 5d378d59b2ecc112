import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { EngineDatabase } from '../connection/data-source.js';
import { withReconnect } from '../connection/transaction.js';

export interface NewDefinition {
  readonly name: string;
  readonly hash: string;
  /** Stored as JSON, in the order of its keys. */
  readonly definition: object;
  /** JSON Schema of the input. Default: there is none. */
  readonly inputSchema?: object | null;
}

export interface SavedDefinition {
  readonly id: number;
  /** Order of first appearance within the name, from 1. */
  readonly version: number;
}

/**
 * Stores a definition, or finds it by its hash; either way it was last seen now. One that was here before keeps its
 * version, so a rollback of the code is known as such. Any number of processes may do so at once.
 */
export function saveDefinition(database: EngineDatabase, definition: NewDefinition): Promise<SavedDefinition> {
  return withReconnect(() => save(database, definition), `the definitions of workflow "${definition.name}"`);
}

async function save(database: EngineDatabase, definition: NewDefinition): Promise<SavedDefinition> {
  // At most boots it is there already, and no lock is needed.
  const found = await touch(database, database.dataSource.manager, definition);
  if (found !== null) return found;

  const { name, hash, inputSchema = null } = definition;
  return database.dataSource.transaction('READ COMMITTED', async (manager) => {
    // Versions are numbered without gaps, so one process at a time for each name.
    await manager.query('SELECT pg_advisory_xact_lock($1::bigint)', [lockKey(database.schema, name)]);
    const other = await touch(database, manager, definition);
    if (other !== null) return other;
    const repository = manager.getRepository(database.entities.definitions);
    const version = ((await repository.maximum('version', { name })) ?? 0) + 1;
    const { identifiers } = await repository.insert({
      name,
      hash,
      version,
      definition: definition.definition,
      inputSchema,
    });
    return { id: Number(identifiers[0]?.['id']), version };
  });
}

async function touch(
  { entities }: EngineDatabase,
  manager: EntityManager,
  { name, hash, inputSchema = null }: NewDefinition,
): Promise<SavedDefinition | null> {
  const result = await manager
    .createQueryBuilder()
    .update(entities.definitions)
    .set({ lastSeen: () => 'now()', inputSchema })
    .where({ name, hash })
    .returning(['id', 'version'])
    .execute();
  const [row] = result.raw as SavedDefinition[];
  return row === undefined ? null : { id: row.id, version: row.version };
}

function lockKey(schema: string, name: string): string {
  const digest = createHash('sha256').update(`nest-durable definitions ${schema} ${name}`).digest();
  return digest.readBigInt64BE().toString();
}
