import type pg from 'pg';
import { textOf } from '../core/text-of.js';
import { StoreError } from '../engine/store.js';
import { ConnectionLostError, isRejectedByServer, isRetryableRejection, SteadyClient } from './connection.js';
import type { DatabaseTarget } from './database-target.js';
import { SESSION_PLANNER } from './planner.js';
import { sql } from './sql.js';

/** Runs a named statement. */
export type Run = <R extends pg.QueryResultRow>(statement: string, values?: unknown[]) => Promise<R[]>;

/** One of the engine's own connections: statements by name, failures as what the engine must know of them. */
export class StoreClient {
  private readonly client: SteadyClient;

  constructor(
    target: DatabaseTarget,
    private readonly schema: string,
    role: string,
    /** Prepared statements and session settings; not behind a transaction-mode pooler. */
    private readonly direct: boolean,
  ) {
    this.client = new SteadyClient(target, {
      role,
      applicationName: `nest-durable:${role}`,
      onConnect: direct ? SESSION_PLANNER : [],
    });
  }

  async run<R extends pg.QueryResultRow>(statement: string, values: unknown[] = []): Promise<R[]> {
    const text = sql(statement, this.schema);
    try {
      const { rows } = await this.client.query<R>(this.direct ? { name: statement, text, values } : { text, values });
      return rows;
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /** Statements in one transaction. */
  async transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    try {
      return await this.client.transaction((query) =>
        work(async <R extends pg.QueryResultRow>(statement: string, values: unknown[] = []) => {
          const text = sql(statement, this.schema);
          const config = this.direct ? { name: statement, text, values } : { text, values };
          return (await query<R>(config)).rows;
        }),
      );
    } catch (error) {
      throw asStoreError(error);
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

export function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = textOf(error);
  if (isRetryableRejection(error)) return new StoreError('retry', message, { cause: error });
  if (isRejectedByServer(error)) return new StoreError('rejected', message, { cause: error });
  const unsent = error instanceof ConnectionLostError && !error.sent;
  return new StoreError(unsent ? 'unavailable' : 'unknown', message, { cause: error });
}
