import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { isConnectionError } from '../../lib/storage/connection/connection-errors.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import {
  inTransaction,
  type Query,
  queryOf,
  readsOf,
  snapshot,
  transaction,
  withReconnect,
} from '../../lib/storage/connection/transaction.js';
import { sql } from '../../lib/storage/sql.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { onServer } from '../support/leak-check.mjs';

let database: TestDatabase;
let outside: pg.Client;
const open: Connections[] = [];

const LOCK = 'SELECT id FROM things WHERE id = 1 FOR UPDATE';

/** What a wait for a lock comes to that is kept. It is begun before all tests and goes on beside them: 25 s of it are waiting. */
let kept: Promise<{ readonly error: unknown; readonly ms: number }>;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const owner = await openThings(url);
  await owner.query(`BEGIN; ${LOCK}`);
  kept = waitIn(url).finally(() => owner.end());
});

afterAll(() => kept);

async function waitIn(url: string): Promise<{ error: unknown; ms: number }> {
  const connections = connectTo(url);
  const begun = performance.now();
  try {
    await transaction(connections.pool.lane, (query) => query(LOCK, []), 'thing 1');
    return { error: null, ms: performance.now() - begun };
  } catch (error) {
    return { error, ms: performance.now() - begun };
  } finally {
    await connections.close();
  }
}

/** Until so many sessions wait, as one sees it that is in a transaction. */
async function untilWaiting(client: pg.Client, count: number): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event IN ('transactionid', 'PgSleep')`;
  do await client.query('SELECT pg_stat_clear_snapshot()');
  while ((await client.query(waiting)).rowCount !== count);
}

/** A session outside of the engine, with a row that can be locked. */
async function openThings(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query('CREATE TABLE things (id integer PRIMARY KEY); INSERT INTO things VALUES (1)');
  return client;
}

beforeEach(async () => {
  database = await createTestDatabase();
  outside = await openThings(database.url);
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await outside.end();
});

function connect(options: Parameters<typeof connectTo>[1] = {}): Connections {
  const connections = connectTo(database.url, options);
  open.push(connections);
  return connections;
}

it('gives up the transaction of a process that stands still in it', async () => {
  const { pool } = connect({ leaseTimeout: 1_000 });
  const frozen = inTransaction(pool, async (query) => {
    await query(LOCK, []);
    // Until the server has given the row to somebody else, which it does well within a lease of the default length.
    await outside.query(LOCK);
    return query('SELECT 1', []);
  });
  await expect(frozen).rejects.toThrow(/Connection terminated|idle-in-transaction|connection error/);
});

it.each([true, false])(
  'is READ COMMITTED and has the settings of the engine in each transaction (direct: %p)',
  async (direct) => {
    await onServer(`ALTER DATABASE ${database.name} SET default_transaction_isolation = 'serializable'`);
    await onServer(`ALTER DATABASE ${database.name} SET DateStyle = 'German'`);
    const { pool } = connect({ direct });
    const text = `SELECT current_setting('transaction_isolation') AS level, current_setting('DateStyle') AS style,
    now() AS now, ARRAY['a', NULL, 'b"c\\']::text[] AS list`;
    const expected = { level: 'read committed', style: 'ISO, MDY', now: expect.any(Date), list: ['a', null, 'b"c\\'] };
    expect(await queryOf(pool)(text, [])).toEqual([expected]);
    expect(await inTransaction(pool, (query) => query(text, []))).toEqual([expected]);
    const client = await pool.connect();
    const { rows } = await client.query('SHOW DateStyle');
    client.release();
    // Behind a pooler the session is somebody else's next.
    expect(rows).toEqual([{ DateStyle: direct ? 'ISO, MDY' : 'German, DMY' }]);
  },
);

it('does not lend a session again that has become read-only', async () => {
  const { pool } = connect({ poolSize: 1 });
  const query = queryOf(pool);
  const pid = async () => (await query<{ pid: number }>('SELECT pg_backend_pid() AS pid', []))[0]?.pid;
  const first = await pid();
  await query('SET default_transaction_read_only = on', []);
  await expect(query('CREATE TABLE no (n int)', [])).rejects.toMatchObject({ code: '25006' });
  expect(await pid()).not.toBe(first);
  await query('CREATE TABLE yes (n int)', []);
});

it('a session whose transaction could not be set is lent again without it', async () => {
  const { pool } = connect({ poolSize: 1 });
  const pid = async (query: Query) => (await query<{ pid: number }>('SELECT pg_backend_pid() AS pid', []))[0]?.pid;
  const before = await pid(queryOf(pool));
  await expect(inTransaction(pool, pid, 'SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
  expect(await inTransaction(pool, pid)).toBe(before);
});

it.each([true, false])(
  'where one session finds its server read-only all leave it, also such as read or wait for a statement (direct: %p)',
  async (direct) => {
    const connections = connect({ direct, poolSize: 1 });
    const readers = connections.readers();
    const heartbeat = connections.steady('heartbeat');
    const pid = async (query: Query) => (await query<{ pid: number }>('SELECT pg_backend_pid() AS pid', []))[0]?.pid;
    const steady: Query = async (text) => (await heartbeat.query({ text })).rows as never;
    const before = [await pid(queryOf(readers)), await pid(steady)];
    await queryOf(connections.pool)('SET default_transaction_read_only = on', []);
    await expect(queryOf(connections.pool)('CREATE TABLE no (n int)', [])).rejects.toMatchObject({ code: '25006' });
    const after = [await pid(readsOf(readers)), await pid(steady)];
    expect(after.filter((one) => before.includes(one))).toEqual([]);
  },
);

it.each([true, false])(
  'what was under way when the server was left is out of reach, and done again where it may be (direct: %p)',
  async (direct) => {
    const connections = connect({ direct, poolSize: 2 });
    const steady = connections.steady('heartbeat');
    await outside.query(`BEGIN; ${LOCK}`);
    const sleep = 'SELECT pg_sleep(60)';
    const asked = [
      queryOf(connections.pool)(sleep, []),
      snapshot(connections.readers(), (query) => query(sleep, [])),
      steady.query({ text: sleep }),
    ].map((answer) => answer.then(String, isConnectionError));
    const again = withReconnect(() => queryOf(connections.pool)(LOCK, []));
    await untilWaiting(outside, asked.length + 1);
    connections.leaveServer();
    expect(await Promise.all(asked)).toEqual([true, true, true]);
    await outside.query('COMMIT');
    expect(await again).toEqual([{ id: 1 }]);
  },
);

it.each([true, false])(
  'prepares what is sent often, and takes another session where that is gone (direct: %p)',
  async (direct) => {
    const { pool } = connect({ direct, poolSize: 1 });
    const event = [randomUUID(), 'go', 'null', null, null, randomUUID(), false];
    const sendEvent = () => withReconnect(() => queryOf(pool)(sql('send-event', 'durable'), event));
    const prepared = () => queryOf(pool)('SELECT name FROM pg_prepared_statements', []);
    expect(await sendEvent()).toMatchObject([{ outcome: 'unknown' }]);
    // Behind a pooler the next statement may be another session's.
    expect(await prepared()).toEqual(direct ? [{ name: 'send-event' }] : []);
    await queryOf(pool)('DEALLOCATE ALL', []);
    expect(await sendEvent()).toMatchObject([{ outcome: 'unknown' }]);
    expect(await transaction(pool, (query) => query(sql('send-event', 'durable'), event))).toHaveLength(1);
    expect(await prepared()).toHaveLength(direct ? 1 : 0);
  },
);

it('waits for locks where others are not held up, with a bound, and says for what it waited', async () => {
  const { pool } = connect({ poolSize: 2 });
  await outside.query(`BEGIN; ${LOCK}`);
  const waiting = Array.from({ length: 5 }, () => transaction(pool.lane, (query) => query(LOCK, []), 'thing 1'));
  while (pool.totalCount === 0) await new Promise((resolve) => setImmediate(resolve));
  // Each of them comes to its turn while all the others wait.
  for (let n = 0; n < 20; n++) expect(await queryOf(pool)('SELECT 1 AS n', [])).toEqual([{ n: 1 }]);
  await outside.query('COMMIT');
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 5 }, () => [{ id: 1 }]));
});

it('a lock that is kept is told of by a DatabaseUnavailableError within 30 s, never by an error of the driver', async () => {
  const { error, ms } = await kept;
  expect(error).toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringMatching(/^Another transaction has kept thing 1 locked for 25 s/) as string,
  });
  expect(ms).toBeLessThan(30_000);
});
