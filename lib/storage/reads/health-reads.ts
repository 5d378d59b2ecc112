import { knownMigrations } from '../migrations/migration-files.js';
import { sql } from '../sql.js';
import { type Lender, type Query, queryOf } from '../connection/transaction.js';

/** Reads of health checks. They reject at once where the database cannot be reached. */
export class PgHealthReads {
  private readonly query: Query;

  constructor(
    pool: Lender,
    private readonly schema: string,
  ) {
    this.query = queryOf(pool);
  }

  /** True when the database takes writes: not on a standby, nor where transactions are read-only. */
  async isWritable(): Promise<boolean> {
    const text = `SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable`;
    return (await this.query<{ writable: boolean }>(text, []))[0]?.writable === true;
  }

  /** Names of the migrations that this package brings and the tables have not had. A database may be ahead. */
  async pendingMigrations(): Promise<string[]> {
    const rows = await this.query<{ version: number }>(sql('schema-versions', this.schema), []);
    const versions = new Set(rows.map(({ version }) => version));
    return knownMigrations()
      .filter(({ version }) => !versions.has(version))
      .map(({ name }) => name);
  }

  /** For how many ms the oldest row that is next in line has been due. */
  async lag(queues: readonly string[], definitions: readonly number[]): Promise<number> {
    const [row] = await this.query<{ lag: number | null }>(sql('queue-lag', this.schema), [queues, definitions]);
    return Math.round(row?.lag ?? 0);
  }
}
