import pg from 'pg';
import { DataSource } from 'typeorm';
import { DatabaseUnavailableError } from '../core/errors.js';
import { textOf } from '../core/text-of.js';
import { hardened } from './connection.js';
import { isConnectionError } from './connection-errors.js';
import { describeTarget, type DatabaseTarget } from './database-target.js';
import { createEntities, type Entities } from './entities.js';

const POOL_SIZE = 5;

/** The engine's own TypeORM DataSource, with the entities of its schema. */
export interface EngineDatabase {
  readonly dataSource: DataSource;
  readonly entities: Entities;
  readonly schema: string;
  /** Ends its sessions. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens the DataSource that the engine reads with: a small pool beside the app's own, so that steps that hold all of
 * the app's connections do not stop the engine.
 * @throws DatabaseUnavailableError if the database cannot be reached
 */
export async function openDataSource(target: DatabaseTarget, schema: string): Promise<EngineDatabase> {
  const entities = createEntities(schema);
  const dataSource = new DataSource({
    type: 'postgres',
    driver: pg,
    entities: Object.values(entities),
    // Wins over all that TypeORM would set for the pool.
    extra: { ...hardened(target, 'nest-durable:queries'), max: POOL_SIZE, allowExitOnIdle: true },
    // The pool drops a session that ends while idle by itself.
    poolErrorHandler: () => {},
    installExtensions: false,
    logging: false,
  });
  try {
    await dataSource.initialize();
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    const message = textOf(error);
    throw new DatabaseUnavailableError(`PostgreSQL (${describeTarget(target)}) cannot be reached: ${message}.`, {
      cause: error,
    });
  }
  return {
    dataSource,
    entities,
    schema,
    async close() {
      if (dataSource.isInitialized) await dataSource.destroy();
    },
  };
}
