import { readFile } from 'node:fs/promises';
import type pg from 'pg';

export interface Sample {
  /** s since the first one. */
  readonly at: number;
  /** Runs whose end the client was told of, a second, since the sample before. */
  readonly runsPerSecond: number;
  /** MB of memory of the worker process that is never killed. */
  readonly memory: number;
  /** MB of the engine's tables, their TOAST included. */
  readonly tables: number;
  /** MB of their indexes. */
  readonly indexes: number;
  /** Dead rows in them. */
  readonly dead: number;
  /** kB of WAL a run, since the sample before; null: no run has ended meanwhile. */
  readonly wal: number | null;
  /** Runs that have not ended. */
  readonly open: number;
}

const SIZES = `
  SELECT sum(pg_table_size(c.oid))::float8 / 1048576 AS tables, sum(pg_indexes_size(c.oid))::float8 / 1048576 AS indexes,
    sum(s.n_dead_tup)::float8 AS dead, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal,
    (SELECT count(*)::integer FROM durable.workflow_queue WHERE step_of IS NULL) AS open
  FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE s.schemaname = 'durable'`;

/** Looks at one worker process and at the database. */
export class Sampler {
  private begun = 0;
  private last: { readonly at: number; readonly ended: number; readonly wal: number } | null = null;

  constructor(
    private readonly pool: pg.Pool,
    private readonly pid: number,
    private readonly ended: () => number,
  ) {}

  async take(): Promise<Sample> {
    const { rows } = await this.pool.query<{
      tables: number;
      indexes: number;
      dead: number;
      wal: number;
      open: number;
    }>(SIZES);
    const { wal = 0, ...sizes } = rows[0] ?? { tables: 0, indexes: 0, dead: 0, open: 0 };
    const now = { at: performance.now(), ended: this.ended(), wal };
    this.begun ||= now.at;
    const before = this.last ?? now;
    this.last = now;
    const runs = now.ended - before.ended;
    return {
      at: Math.round((now.at - this.begun) / 1_000),
      runsPerSecond: runs === 0 ? 0 : (runs * 1_000) / (now.at - before.at),
      memory: await residentMemory(this.pid),
      ...sizes,
      wal: runs === 0 ? null : (wal - before.wal) / 1_000 / runs,
    };
  }
}

async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
}
