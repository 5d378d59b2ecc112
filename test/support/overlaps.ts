import type pg from 'pg';

/**
 * Notes at each claim how many leases there are in each queue and under each limit key. Counted in the claim's own
 * transaction, so nothing is missed between two looks.
 */
export async function watchOverlaps(pool: pg.Pool): Promise<void> {
  await pool.query(`
    CREATE TABLE lease_counts (scope text, n int);
    CREATE FUNCTION note_leases() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO lease_counts
      SELECT 'queue ' || queue, count(*) FROM durable.workflow_queue WHERE worker_id IS NOT NULL GROUP BY 1
      UNION ALL
      SELECT limit_key, count(*) FROM durable.workflow_queue
      WHERE worker_id IS NOT NULL AND limit_key IS NOT NULL GROUP BY 1;
      RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER UPDATE ON durable.workflow_queue FOR EACH STATEMENT EXECUTE FUNCTION note_leases()`);
}

/** The most leases there ever were at a time, by queue, and by key where the workflow has a limit. */
export async function largestOverlaps(pool: pg.Pool): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ scope: string; n: number }>(
    'SELECT scope, max(n)::int AS n FROM lease_counts GROUP BY 1',
  );
  return Object.fromEntries(rows.map(({ scope, n }) => [scope, n]));
}
