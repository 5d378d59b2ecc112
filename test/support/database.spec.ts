import { spawnSync } from 'node:child_process';
import pg from 'pg';
import { createTestDatabase, given } from './database.js';
import { closeDatabase, findingsOf, leaksOf } from './leak-check.mjs';
import { startPostgres } from './postgres-server.mjs';

describe('test databases', () => {
  it('gives each caller a database of its own, and drops it', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    expect(one.name).not.toBe(two.name);
    const client = new pg.Client(one.url);
    await client.connect();
    await client.query('CREATE TABLE mark (id int)');
    await client.end();
    await one.drop();
    await two.drop();
    await expect(new pg.Client(one.url).connect()).rejects.toThrow('does not exist');
  });

  it('reports a session that is left behind, with what it last did', async () => {
    const database = await createTestDatabase({ migrated: false });
    const client = new pg.Client({ connectionString: database.url, application_name: 'forgotten' });
    client.on('error', () => {});
    const cut = new Promise((resolve) => client.once('end', () => resolve(true)));
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT 42');
    const leaks = await leaksOf(database.name, 0);
    expect(leaks).toEqual([expect.stringMatching(/session \d+ of "forgotten", idle in transaction: SELECT 42/)]);
    await expect(closeDatabase(database.name, {}, given().testSession, 0)).rejects.toThrow(
      'left behind on the test database',
    );
    expect(await cut).toBe(true);
    await database.drop();
  });

  it('reports what a safety net had to mend, and what verify finds, unless the spec says that it breaks rows', async () => {
    const database = await createTestDatabase({ breaksRows: true });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`
      INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue, token)
      VALUES ('00000000-0000-4000-8000-000000000001', now(), 1, 0, 'ready', 'default', 1);
      SELECT durable.reconcile(ARRAY['00000000-0000-4000-8000-000000000001'::uuid]);
      INSERT INTO durable.step_executions (run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type,
        status, path)
      VALUES ('00000000-0000-4000-8000-000000000002', 1, 0, now(), 1, 1, 1, 1, 1, 'step', 'completed', 'a')`);
    await client.end();
    const mended = 'reconciled (over): run 00000000-0000-4000-8000-000000000001';
    expect(await findingsOf(database.name, { breaksRows: true })).toEqual([]);
    expect(await findingsOf(database.name, { leaves: true })).toEqual([mended]);
    expect(await findingsOf(database.name)).toEqual([mended, expect.stringContaining('and there is no such run')]);
    await database.drop();
  });
});

describe('a private server', () => {
  it('survives kill -9 with what was committed, on the same port', async () => {
    const server = await startPostgres();
    try {
      const { url, pid } = server;
      await query(url, 'CREATE TABLE kept AS SELECT 7 AS n');
      await server.kill();
      expect(server.pid).toBe(0);
      await server.start();
      expect(server.url).toBe(url);
      expect(server.pid).not.toBe(pid);
      expect(await query(url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    } finally {
      await server.close();
    }
  });

  it('ends with the process that started it, also when that one is killed', async () => {
    const script = `
      import { startPostgres } from ${JSON.stringify(new URL('./postgres-server.mjs', import.meta.url).href)};
      const server = await startPostgres();
      console.log(server.url);
      process.kill(process.pid, 'SIGKILL');`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(run.signal).toBe('SIGKILL');
    const url = run.stdout.trim();
    expect(url).toMatch(/^postgres:/);
    const deadline = Date.now() + 10_000;
    let refused: unknown;
    while (refused === undefined && Date.now() < deadline) {
      refused = await query(url, 'SELECT 1').then(
        () => undefined,
        (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? error : undefined),
      );
    }
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
