import pg from 'pg';

/**
 * A failover to an asynchronous replica that has not got the last transactions, in one database: `take` keeps what the tables
 * hold now, as the replica has it; `failOver` puts it back in the place of all that came since.
 */
export class Replica {
  private constructor(
    private readonly pool: pg.Pool,
    private readonly tables: readonly string[],
  ) {}

  static async take(pool: pg.Pool): Promise<Replica> {
    const { rows } = await pool.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'durable'::regnamespace AND relkind = 'r' ORDER BY 1`,
    );
    const tables = rows.map(({ name }) => name);
    await pool.query('DROP SCHEMA IF EXISTS replica CASCADE; CREATE SCHEMA replica');
    const client = await pool.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      for (const table of tables) await client.query(`CREATE TABLE replica.${table} AS TABLE durable.${table}`);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    return new Replica(pool, tables);
  }

  /** Nobody else may be in a transaction: let the clients lose their connections first. */
  async failOver(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      for (const table of this.tables) {
        await client.query(`DELETE FROM durable.${table}`);
        await client.query(`INSERT INTO durable.${table} OVERRIDING SYSTEM VALUE TABLE replica.${table}`);
      }
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}
