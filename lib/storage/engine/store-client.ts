import type pg from 'pg';
import { textOf } from '../../core/text-of.js';
import { StoreError } from '../../engine/ports/store.js';
import {
  ConnectionLostError,
  isConnectionError,
  isReadOnly,
  isRejectedByServer,
  isRetryableRejection,
  isScarcity,
  serverAnswer,
  type SteadyClient,
} from '../connection/connection.js';
import type { Connections, Role } from '../connection/connections.js';
import { sql } from '../sql.js';

/** Runs a named statement. */
export type Run = <R extends pg.QueryResultRow>(statement: string, values?: unknown[]) => Promise<R[]>;

/** One of the engine's own connections: statements by name, failures as what the engine must know of them. */
export class StoreClient {
  private readonly client: SteadyClient;
  /** Prepared statements; not behind a transaction-mode pooler. */
  private readonly named: boolean;

  constructor(
    connections: Connections,
    private readonly schema: string,
    role: Role,
  ) {
    this.client = connections.steady(role);
    this.named = connections.direct;
  }

  /** True while something is under way, or waits for its turn. */
  get isBusy(): boolean {
    return this.client.isBusy;
  }

  /** Ends the session when it is free; the next statement opens another. */
  rest(): Promise<void> {
    return this.client.rest();
  }

  async run<R extends pg.QueryResultRow>(statement: string, values: unknown[] = []): Promise<R[]> {
    try {
      const { rows } = await this.client.query<R>(this.config(statement, values));
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
          return (await query<R>(this.config(statement, values))).rows;
        }),
      );
    } catch (error) {
      throw asStoreError(error);
    }
  }

  private config(statement: string, values: unknown[]): pg.QueryConfig<unknown[]> {
    const text = sql(statement, this.schema);
    return this.named ? { name: statement, text, values } : { text, values };
  }
}

export function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = textOf(error);
  // A server that takes no writes is left, whatever the statement was.
  if (isReadOnly(error)) return new StoreError('unavailable', message, { cause: error });
  if (isRetryableRejection(error))
    return new StoreError(isScarcity(error) ? 'scarce' : 'retry', message, { cause: error });
  // An error that is neither the server's nor a lost connection was thrown in this process: nothing was committed.
  if (isRejectedByServer(error) || (serverAnswer(error) === undefined && !isConnectionError(error)))
    return new StoreError('rejected', message, { cause: error });
  const unsent = error instanceof ConnectionLostError && !error.sent;
  return new StoreError(unsent ? 'unavailable' : 'unknown', message, { cause: error });
}
