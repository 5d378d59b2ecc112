import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { FINISHED_STATUSES } from '../../lib/core/run/status.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { type CleanupFilter, idRanges, PgRetention, RUN_TABLES } from '../../lib/storage/client/retention.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import type { Lender } from '../../lib/storage/connection/transaction.js';
import { Rows } from './rows.js';

/** Deletes without the rests in between, which are ten times as long as the work. */
const AT_ONCE = 0;

let rows: Rows;
let retention: PgRetention;

beforeEach(async () => {
  rows = await Rows.open();
  retention = new PgRetention(rows.pool, 'durable', AT_ONCE);
});

afterEach(() => rows.close());

const HOUR = 3_600_000;
const ago = (ms: number): Date => new Date(Date.now() - ms);

/** A run that ended two hours ago. */
function old(columns: Record<string, unknown> = {}): Promise<string> {
  const ended = { status: 'completed', created_at: ago(3 * HOUR), completed_at: ago(2 * HOUR) };
  const error = 'status' in columns && columns['status'] !== 'completed' ? { error: '{"name":"Error"}' } : {};
  return rows.run({ id: uuidv7(Date.now() - 3 * HOUR), ...ended, ...error, ...columns });
}

function clean(filter: Partial<CleanupFilter> = {}): Promise<number> {
  return retention.cleanup({
    before: ago(HOUR), statuses: FINISHED_STATUSES, batchSize: 1_000, dryRun: false, ...filter,
  }); // prettier-ignore
}

async function left(): Promise<string[]> {
  const { rows: found } = await rows.pool.query<{ id: string }>('SELECT id FROM durable.workflow_executions');
  return found.map(({ id }) => id);
}

it('knows every table whose rows belong to a run', async () => {
  const { rows: tables } = await rows.pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
      WHERE table_schema = 'durable' AND column_name = 'run_id' ORDER BY 1`,
  );
  expect([...RUN_TABLES].sort()).toEqual(tables.map(({ name }) => name));
});

describe('cleanup', () => {
  it('deletes no run to which a transaction that is still open has sent an event, which would be left of it', async () => {
    const run = await rows.open({}, { created_at: ago(3 * HOUR), id: uuidv7(Date.now() - 3 * HOUR) });
    const { instanceId } = rows;
    const waits = new PgWaits({ pool: rows.pool, schema: 'durable', instanceId, unmatchedHint: null });
    await rows.dataSource.transaction(async (manager) => {
      await waits.sendEventWithin(manager, { runId: run, name: 'paid', payload: '1', dedupeKey: null });
      await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [run]);
      await rows.pool.query(
        `UPDATE durable.workflow_executions SET status = 'completed', completed_at = $2, end_token = 1 WHERE id = $1`,
        [run, ago(2 * HOUR)],
      );
      expect(await clean()).toBe(0);
    });
    expect(await clean()).toBe(1);
    expect(await rows.count('events')).toBe(0);
  });

  it('deletes what ended before the time, with its journal, and nothing else', async () => {
    const gone = await old();
    await rows.record(gone, 1);
    await rows.record(gone, 2);
    const kept = await old({ completed_at: ago(HOUR / 2) });
    await rows.record(kept, 1);
    const active = await rows.open({ state: 'sleeping' }, { created_at: ago(9 * HOUR) });
    expect(await clean({ dryRun: true })).toBe(1);
    expect(await clean()).toBe(1);
    expect((await left()).sort()).toEqual([kept, active].sort());
    expect(await rows.count('step_executions')).toBe(1);
    expect(await clean()).toBe(0);
  });

  it.each(FINISHED_STATUSES)('deletes only what is %s where that is asked for', async (status) => {
    for (const one of FINISHED_STATUSES) await old({ status: one });
    expect(await clean({ statuses: [status] })).toBe(1);
    const { rows: found } = await rows.pool.query('SELECT FROM durable.workflow_executions WHERE status = $1', [
      status,
    ]);
    expect(found).toHaveLength(0);
    expect(await left()).toHaveLength(FINISHED_STATUSES.length - 1);
  });

  it('finds runs whose ids were chosen by callers, wherever they sort', async () => {
    const ids = [
      '00000000-0000-4000-8000-000000000001',
      'ffffffff-ffff-4fff-bfff-fffffffffffe',
      ...Array.from({ length: 10 }, randomUUID),
    ];
    for (const id of ids) await old({ id });
    expect(await clean()).toBe(ids.length);
  });

  it('goes on from stretch to stretch, in batches of any size', async () => {
    for (let n = 0; n < 250; n++) await old({ status: n % 2 === 0 ? 'completed' : 'failed' });
    expect(await clean({ batchSize: 7, statuses: ['failed'], dryRun: true })).toBe(125);
    expect(await clean({ batchSize: 7, statuses: ['failed'] })).toBe(125);
    expect(await clean({ batchSize: 100 })).toBe(125);
    expect(await left()).toEqual([]);
  });
});

describe('a run with children', () => {
  it('goes with all of them, whatever their status, each counted once', async () => {
    const parent = await old();
    const child = await old({ parent_id: parent, status: 'failed' });
    const grandchild = await old({ parent_id: child, completed_at: ago(60_000) });
    await rows.record(grandchild, 1);
    const filter = { statuses: ['completed'] } as const;
    expect(await clean({ ...filter, dryRun: true })).toBe(3);
    expect(await clean({ ...filter, batchSize: 1 })).toBe(3);
    expect(await left()).toEqual([]);
    expect(await rows.count('step_executions')).toBe(0);
  });

  it('stays while one of them is unfinished, at any depth; its finished ones stay with their parents', async () => {
    const parent = await old();
    const child = await old({ parent_id: parent });
    await rows.open({ state: 'sleeping', due_at: 'infinity' }, { parent_id: child });
    // Finished, with a finished parent and nothing unfinished below it.
    const done = await old({ parent_id: parent });
    expect(await clean({ dryRun: true })).toBe(1);
    expect(await clean()).toBe(1);
    expect(await left()).not.toContain(done);
    expect(await left()).toHaveLength(3);
  });

  it('keeps them while it is unfinished itself: it may call them again', async () => {
    const parent = await rows.open({ state: 'running', worker_id: 1 });
    await old({ parent_id: parent });
    expect(await clean()).toBe(0);
    await rows.pool.query('DELETE FROM durable.workflow_queue');
    expect(await clean()).toBe(1);
  });

  it('stays where one of them is locked', async () => {
    const parent = await old();
    const child = await old({ parent_id: parent });
    const client = await rows.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT FROM durable.workflow_executions WHERE id = $1 FOR SHARE', [child]);
      expect(await clean({ batchSize: 1 })).toBe(0);
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    expect(await clean()).toBe(2);
  });
});

describe('a chain of runs, each of which has started the next', () => {
  /** A lender that counts the rows that it reads. */
  function counting(): { lender: Lender; read: () => number } {
    let count = 0;
    const connect = async (): Promise<pg.PoolClient> => {
      const client = await rows.pool.connect();
      const query = async (text: string, values: unknown[]): Promise<pg.QueryResult> => {
        const result = await client.query(text, values);
        count += result.rows.length;
        return result;
      };
      return { query, release: (broken?: Error) => client.release(broken) } as unknown as pg.PoolClient;
    };
    return { lender: { connect }, read: () => count };
  }

  async function chain(length: number): Promise<string> {
    const id = (n: string): string => `('01900000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
    await rows.pool.query(
      `INSERT INTO durable.workflow_executions (id, parent_id, created_at, updated_at, completed_at, definition_id, priority, workflow, queue, input, status)
       SELECT ${id('n')}, CASE WHEN n > 1 THEN ${id('n - 1')} END, t, t, t, $1, 0, 'order', 'default', '{}', 'completed'
       FROM generate_series(1, $2) AS n, LATERAL (SELECT now() - interval '2 hours' AS t) at`,
      [rows.definitionId, length],
    );
    const { rows: last } = await rows.pool.query<{ id: string }>(`SELECT ${id('$1::integer')} AS id`, [length]);
    return last[0]?.id ?? '';
  }

  it('is gone through once, not once for each of them, and may be longer than a statement goes down', async () => {
    const { lender, read } = counting();
    retention = new PgRetention(lender, 'durable', AT_ONCE);
    await chain(2_300);
    expect(await clean({ dryRun: true })).toBe(2_300);
    expect(await clean()).toBe(2_300);
    expect(await left()).toEqual([]);
    expect(read()).toBeLessThan(10 * 2_300);
  });

  it('stays as a whole while the last is unfinished, and is gone through once', async () => {
    const { lender, read } = counting();
    retention = new PgRetention(lender, 'durable', AT_ONCE);
    await rows.open({ state: 'sleeping' }, { parent_id: await chain(2_300) });
    const beside = await old();
    expect(await clean({ batchSize: 100 })).toBe(1);
    const kept = await left();
    expect(kept).toHaveLength(2_301);
    expect(kept).not.toContain(beside);
    expect(read()).toBeLessThan(4 * 2_300);
  });
});

it('deletes of runs with long journals some at a time, and of a very long one some rows at a time', async () => {
  await rows.pool.query(`
    CREATE TABLE deleted (tx bigint, n integer);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO deleted SELECT txid_current(), count(*) FROM gone; RETURN NULL; END $$;
    CREATE TRIGGER note AFTER DELETE ON durable.step_executions REFERENCING OLD TABLE AS gone
      FOR EACH STATEMENT EXECUTE FUNCTION note()`);
  for (const records of [...Array.from({ length: 10 }, () => 7_000), 50_000]) {
    await rows.pool.query(
      `INSERT INTO durable.step_executions (run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path)
       SELECT $1, n, 0, now(), 1, 1, n, 1, 1, 'step', 'completed', 'charge' FROM generate_series(1, $2) AS n`,
      [await old(), records],
    );
  }
  expect(await clean()).toBe(11);
  expect(await rows.count('step_executions')).toBe(0);
  const { rows: found } = await rows.pool.query<{ statement: number; transaction: number; many: number }>(
    `SELECT (SELECT max(n) FROM deleted)::integer AS statement, max(n)::integer AS transaction, count(*) FILTER (WHERE n > 20000)::integer AS many
     FROM (SELECT sum(n) AS n FROM deleted GROUP BY tx) t`,
  );
  expect(found).toEqual([{ statement: 20_000, transaction: 50_000, many: 1 }]);
}, 60_000);

describe('races', () => {
  it('of two cleanups delete and count each run once', async () => {
    for (let n = 0; n < 60; n++) {
      const parent = await old();
      if (n % 3 === 0) await old({ parent_id: parent });
    }
    const counts = await Promise.all(Array.from({ length: 4 }, () => clean({ batchSize: 5 })));
    const again = await clean();
    expect(counts.reduce((sum, n) => sum + n, again)).toBe(80);
    expect(await left()).toEqual([]);
  });

  it('with resume, a thousand times: what is unfinished is never touched', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) {
      const id = await rows.open({ paused: true }, { id: uuidv7(Date.now() - 5 * HOUR), created_at: ago(5 * HOUR) });
      await rows.record(id, 1);
      ids.push(id);
      await old();
    }
    for (let round = 0; round < 100; round++) {
      await Promise.all([
        clean({ before: new Date(Date.now() + HOUR), batchSize: 3 }),
        ...ids.map((id) =>
          rows.pool.query('UPDATE durable.workflow_queue SET paused = NOT paused WHERE id = $1', [id]),
        ),
      ]);
    }
    expect((await left()).sort()).toEqual(ids.sort());
    expect(await rows.count('step_executions')).toBe(10);
  });
});

describe('history of many runs', () => {
  beforeEach(async () => {
    await rows.pool.query(
      `INSERT INTO durable.workflow_executions (id, created_at, updated_at, completed_at, definition_id, priority, workflow, queue, input, status)
       SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
         t, t, t, $1, 0, 'order', 'default', '{}', 'completed'
       FROM generate_series(1, 20000) AS n, LATERAL (SELECT now() - n * interval '1 minute' AS t) at`,
      [rows.definitionId],
    );
    await rows.pool.query('ANALYZE durable.workflow_executions');
  });

  async function plan(statement: string, parameters: unknown[]): Promise<string> {
    const { sql } = await import('../../lib/storage/sql.js');
    const { rows: lines } = await rows.pool.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, COSTS off, TIMING off) ${sql(statement, 'durable')}`,
      parameters,
    );
    return lines.map((line) => line['QUERY PLAN']).join('\n');
  }

  it('is read along an index, no further than a stretch, and young runs not at all', async () => {
    const [[first, last] = ['', '']] = idRanges(Date.now() - 240 * HOUR, Date.now());
    const all = await plan('old-runs', [first, last, ['completed'], new Date(), 1_000, true, '0']);
    expect(all).not.toContain('Seq Scan on workflow_executions');
    expect(all).toMatch(/Index Scan using workflow_executions_pkey on workflow_executions e .*rows=1000(\.00)? /);
    const failed = await plan('old-runs', [first, last, ['failed'], new Date(), 1_000, false, '0']);
    expect(failed).toMatch(/executions_error.* \(actual rows=0/);
    expect(idRanges(Date.now() - 240 * HOUR, Date.now())).toHaveLength(2);
  });

  it('goes to the cutoff, and not beyond', async () => {
    expect(await clean({ before: ago(100 * HOUR), dryRun: true })).toBe(20_000 - 6_000 + 1);
    expect(await clean({ before: ago(100 * HOUR) })).toBe(20_000 - 6_000 + 1);
    expect(await rows.count('workflow_executions')).toBe(5_999);
  });
});
