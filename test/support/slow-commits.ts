import type pg from 'pg';

/** The commits of claims, and of starts that are leased as they are written, take as long as the test wants, as those behind a slow replica do. */
export class SlowCommits {
  private constructor(private readonly pool: pg.Pool) {}

  static async begin(pool: pg.Pool): Promise<SlowCommits> {
    await pool.query(
      `CREATE TABLE let_go ();
       CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         WHILE NOT EXISTS (SELECT FROM public.let_go) LOOP PERFORM pg_sleep(0.01); END LOOP;
         RETURN NULL;
       END $$;
       CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON durable.workflow_queue DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW WHEN (NEW.state = 'running' AND OLD.state = 'ready') EXECUTE FUNCTION wait();
       CREATE CONSTRAINT TRIGGER wait_start AFTER INSERT ON durable.workflow_queue DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW WHEN (NEW.state = 'running') EXECUTE FUNCTION wait()`,
    );
    return new SlowCommits(pool);
  }

  /** Resolves when one is under way. */
  async underWay(): Promise<void> {
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    while ((await this.pool.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** They take no longer from now on. */
  async letGo(): Promise<void> {
    await this.pool.query('INSERT INTO public.let_go DEFAULT VALUES');
  }
}
