import pg from 'pg';
import { INDEXES_ONLY } from '../../lib/storage/connection/planner.js';
import { sql, statementFiles } from '../../lib/storage/sql.js';
import { createTestDatabase } from '../support/database.js';

/**
 * What a claim and a look for due rows cost does not grow with the backlog, nor with what sleeps, is paused, or belongs
 * to code that this process does not have. Counted in pages, so that it holds on any machine.
 */

const LIMIT = 10;
let pool: pg.Pool;

beforeAll(async () => {
  const { url } = await createTestDatabase({ breaksRows: true });
  pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query(
    `INSERT INTO durable.workers (id, host, pid, version, queues, definitions, expires_at)
     VALUES (1, 'test', 1, '1', '{default}', '{1,2}', now() + interval '1 hour')`,
  );
  // As the engine's own connections are set.
  await pool.query([...INDEXES_ONLY, 'jit'].map((setting) => `SET ${setting} = off`).join('; '));
});

afterAll(() => pool.end());

async function add(count: number, columns: Record<string, string>): Promise<void> {
  const row: Record<string, string> = {
    due_at: "now() - interval '1 minute'",
    definition_id: '1',
    priority: '(random() * 10)::integer',
    state: "'ready'",
    queue: "'default'",
    ...columns,
  };
  await pool.query(
    `WITH run AS (
       INSERT INTO durable.workflow_executions (id, created_at, updated_at, definition_id, priority, workflow, queue, input)
       SELECT gen_random_uuid(), now(), now(), 1, 0, 'w', 'default', '{}' FROM generate_series(1, $1)
       RETURNING id
     )
     INSERT INTO durable.workflow_queue (id, ${Object.keys(row).join(', ')})
     SELECT id, ${Object.values(row).join(', ')} FROM run`,
    [count],
  );
}

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Actual Rows': number;
}

/** Pages that the statement touches, and the rows it gives; nothing of it is kept. */
async function cost(statement: string, values: unknown[]): Promise<{ pages: number; rows: number }> {
  await pool.query('BEGIN');
  try {
    const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql(statement, 'durable')}`;
    const { rows } = await pool.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(text, values);
    const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
    if (plan === undefined) throw new Error('no plan');
    return { pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], rows: plan['Actual Rows'] };
  } finally {
    await pool.query('ROLLBACK');
  }
}

async function costs(): Promise<{ claim: { pages: number; rows: number }; wake: { pages: number; rows: number } }> {
  const definitions = JSON.stringify([1, 2].map((id) => ({ id, run_as: id, timeout: null })));
  return {
    claim: await cost('claim', ['default', definitions, LIMIT, 1, true]),
    wake: await cost('wake-due', [LIMIT]),
  };
}

it('a claim and a wake stay flat', async () => {
  const sleeping = { state: "'sleeping'", due_at: "now() + random() * interval '1 day'" };
  const due = { state: "'sleeping'", due_at: "now() - random() * interval '1 day'" };
  await add(200, {});
  await add(200, due);
  await add(200, { deadline_at: "now() - random() * interval '1 day'" });
  await pool.query('VACUUM ANALYZE durable.workflow_queue, durable.workflow_executions');
  const small = await costs();
  expect([small.claim.rows, small.wake.rows]).toEqual([LIMIT, 1]);

  await add(30_000, {});
  await add(10_000, sleeping);
  await add(10_000, due);
  await add(5_000, { paused: 'true' });
  await add(5_000, { definition_id: '3', priority: '100' });
  await add(5_000, { queue: "'other'", priority: '100' });
  // Runs whose timeout is over or to come, and those whose timeout nobody looks after any more.
  const late = "now() - random() * interval '1 day'";
  await add(10_000, { deadline_at: late });
  await add(10_000, { deadline_at: "now() + random() * interval '1 day'" });
  await add(5_000, { deadline_at: late, cancel: "'{}'" });
  await add(5_000, { deadline_at: late, compensating: 'true' });
  await add(5_000, { deadline_at: late, step_of: 'gen_random_uuid()', step: "'{}'" });
  // Before the tables are analysed, and after.
  const grown = await costs();
  await pool.query('VACUUM ANALYZE durable.workflow_queue, durable.workflow_executions');
  const analysed = await costs();
  for (const large of [grown, analysed]) {
    expect([large.claim.rows, large.wake.rows]).toEqual([LIMIT, 1]);
    // 150 times the rows: each look-up goes a level or two deeper, and that is all.
    expect(large.claim.pages).toBeLessThan(3 * small.claim.pages);
    expect(large.wake.pages).toBeLessThan(3 * small.wake.pages);
  }
});

it('a claim and a wake stay flat where the queue was empty when it was last analysed', async () => {
  await pool.query('ALTER TABLE durable.workflow_queue SET (autovacuum_enabled = false)');
  await add(3_000, {});
  const due = { state: "'sleeping'", due_at: "now() - random() * interval '1 day'" };
  const burst = async (count: number): Promise<Awaited<ReturnType<typeof costs>>> => {
    await pool.query('DELETE FROM durable.workflow_queue');
    await pool.query('VACUUM (TRUNCATE false, ANALYZE) durable.workflow_queue');
    await pool.query('DISCARD PLANS');
    await add(count, {});
    await add(count, due);
    return costs();
  };
  const small = await burst(20);
  const large = await burst(5_000);
  expect([large.claim.rows, large.wake.rows]).toEqual([LIMIT, 1]);
  expect(large.claim.pages).toBeLessThan(3 * small.claim.pages);
  // What is due may be read once and sorted, 5 000 rows in some 200 pages; not each for all others.
  expect(large.wake.pages).toBeLessThan(1_000);
});

it('a look for what nobody answers for, and a sweep of it, cost a probe a worker', async () => {
  await pool.query(
    `INSERT INTO durable.workers (id, host, pid, version, queues, definitions, expires_at)
     SELECT n, 'test', n, '1', '{default}', '{1}', now() + interval '1 hour' FROM generate_series(2, 5) n`,
  );
  const held = (worker: string): Record<string, string> => ({ state: "'running'", worker_id: worker, token: '1' });
  await add(100, held('(1 + random() * 4)::integer'));
  await add(10, held('77'));
  await pool.query('VACUUM ANALYZE durable.workflow_queue');
  const look = (): Promise<{ pages: number; rows: number }> => cost('look-at-workers', [1]);
  const sweep = (): Promise<{ pages: number; rows: number }> => cost('sweep-dead', [1_000]);
  const small = [await look(), await sweep()];
  expect(small.map(({ rows }) => rows)).toEqual([5, 10]);
  await add(20_000, held('(1 + random() * 4)::integer'));
  const grown = [await look(), await sweep()];
  await pool.query('VACUUM ANALYZE durable.workflow_queue');
  for (const large of [grown, [await look(), await sweep()]]) {
    expect(large.map(({ rows }) => rows)).toEqual([5, 10]);
    large.forEach(({ pages }, at) => expect(pages).toBeLessThan(3 * (small[at]?.pages ?? 0)));
  }
});

/** Of a list of runs, in sessions of clients, which plan as the server is set. */
const OF_RUNS = [...statementFiles().keys()].filter((name) => {
  const text = sql(name, 'durable');
  return /\$1\)?::uuid\[\]/.test(text) && !text.includes('$2') && text.includes('workflow_queue');
});

it('what is asked for a list of runs costs some probes for each where the queue was empty when it was last analysed', async () => {
  expect(OF_RUNS).toContain('watch-runs');
  await pool.query('ALTER TABLE durable.workflow_queue SET (autovacuum_enabled = false)');
  await add(1_000, {});
  await pool.query('DELETE FROM durable.workflow_queue');
  await pool.query('VACUUM (TRUNCATE false, ANALYZE) durable.workflow_queue');
  await add(3_000, {});
  const { rows } = await pool.query<{ ids: string[] }>('SELECT array_agg(id) AS ids FROM durable.workflow_queue');
  await pool.query('RESET ALL');
  const found: Record<string, number> = {};
  for (const name of OF_RUNS) found[name] = (await cost(name, [rows[0]?.ids])).pages / 3_000;
  expect(Object.entries(found).filter(([, pages]) => pages > 30)).toEqual([]);
});
