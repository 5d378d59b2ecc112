import { DataSource } from 'typeorm';
import { createEntities, type Entities } from '../entities.js';
import type { SessionPool } from './session-pool.js';
import { withReconnect } from './transaction.js';

/** The engine's own TypeORM DataSource, with the entities of its schema. */
export interface EngineDatabase {
  readonly dataSource: DataSource;
  readonly entities: Entities;
  readonly schema: string;
}

/**
 * Opens a DataSource on the engine's own pool: TypeORM makes no session. It needs no closing, the pool does.
 * @throws DatabaseUnavailableError if the database cannot be reached
 */
export async function openDataSource(pool: SessionPool, schema: string): Promise<EngineDatabase> {
  const entities = createEntities(schema);
  const shared = {
    on: () => shared,
    connect: (callback: Parameters<SessionPool['connect']>[0]) => pool.connect(callback),
    end: (callback: () => void) => callback(),
  };
  const dataSource = new DataSource({
    type: 'postgres',
    // TypeORM asks its driver for nothing but a pool.
    driver: {
      Pool: class {
        constructor() {
          return shared;
        }
      },
    },
    entities: Object.values(entities),
    installExtensions: false,
    logging: false,
  });
  await withReconnect(() => dataSource.initialize());
  return { dataSource, entities, schema };
}
