import pg from 'pg';

/**
 * A failover to an asynchronous replica that has not got the last transactions, in one database: `take` keeps what the tables
 * hold now, as the replica has it; `failOver` puts it back in the place of all that came since.
 */
export class Replica {
  private constructor(
    private readonly pool: pg.Pool,
    /** By table, the columns that are written. */
    private readonly tables: ReadonlyMap<string, string>,
  ) {}

  static async take(pool: pg.Pool): Promise<Replica> {
    const { rows } = await pool.query<{ name: string; columns: string }>(
      `SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ') AS columns
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'durable'::regnamespace AND c.relkind = 'r' AND a.attgenerated = ''
       GROUP BY 1 ORDER BY 1`,
    );
    const tables = new Map(rows.map(({ name, columns }) => [name, columns]));
    await pool.query('DROP SCHEMA IF EXISTS replica CASCADE; CREATE SCHEMA replica');
    const client = await pool.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      for (const table of tables.keys()) await client.query(`CREATE TABLE replica.${table} AS TABLE durable.${table}`);
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
      for (const [table, columns] of this.tables) {
        await client.query(`DELETE FROM durable.${table}`);
        const kept = `SELECT ${columns} FROM replica.${table}`;
        await client.query(`INSERT INTO durable.${table} (${columns}) OVERRIDING SYSTEM VALUE ${kept}`);
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
