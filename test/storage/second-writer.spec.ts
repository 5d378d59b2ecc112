import type pg from 'pg';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { SecondWriter } from '../../lib/storage/engine/second-writer.js';
import { StoreClient } from '../../lib/storage/engine/store-client.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase } from '../support/database.js';
import { onServer } from '../support/leak-check.mjs';

/** A second session for commits stands for one of the pool's. */

let connections: Connections;
let second: SecondWriter;
let name: string;

async function open(poolSize: number): Promise<void> {
  const database = await createTestDatabase();
  name = database.name;
  connections = connectTo(database.url, { poolSize });
  second = new SecondWriter(connections.pool, new StoreClient(connections, 'durable', 'writer'));
}

afterEach(() => connections.close());

async function sessions(): Promise<string[]> {
  const rows = await onServer(
    `SELECT application_name AS name FROM pg_stat_activity
     WHERE datname = $1 AND backend_type = 'client backend' ORDER BY 1`,
    [name],
  );
  return rows.map((row) => String(row['name']).replace('nest-durable:', ''));
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function ready(): Promise<void> {
  while (!second.isReady()) await turn();
}

function take(count: number): Promise<pg.PoolClient[]> {
  return Promise.all(Array.from({ length: count }, () => connections.pool.connect()));
}

function free(clients: readonly pg.PoolClient[]): void {
  for (const client of clients) client.release();
}

it('is opened when it is asked for, in place of a session of the pool that nobody uses', async () => {
  await open(3);
  expect(await sessions()).toEqual([]);
  free(await take(3));
  expect(await sessions()).toEqual(['pool', 'pool', 'pool']);
  expect(second.isReady()).toBe(false);
  await ready();
  expect(await sessions()).toEqual(['pool', 'pool', 'writer']);
});

it('keeps the pool from opening as many as before', async () => {
  await open(3);
  await ready();
  const taken = await take(2);
  const third = connections.pool.connect();
  await turn();
  expect(connections.pool.waitingCount).toBe(1);
  expect(await sessions()).toEqual(['pool', 'pool', 'writer']);
  free(taken);
  free([await third]);
});

it('gives way when somebody waits for a session of the pool, who has it then', async () => {
  await open(2);
  await ready();
  const taken = await take(1);
  const other = connections.pool.connect();
  await turn();
  expect(second.isReady()).toBe(false);
  const more = await other;
  expect(await sessions()).toEqual(['pool', 'pool']);
  // None is free.
  for (let n = 0; n < 10; n++) {
    expect(second.isReady()).toBe(false);
    await turn();
  }
  free([...taken, more]);
  await ready();
  expect(await sessions()).toEqual(['pool', 'writer']);
});

it.each([1, 2])('is not there where the pool of %d has none to spare', async (poolSize) => {
  await open(poolSize);
  const taken = poolSize === 1 ? [] : await take(poolSize);
  for (let n = 0; n < 10; n++) {
    expect(second.isReady()).toBe(false);
    await turn();
  }
  free(taken);
  expect(await sessions()).toEqual(taken.map(() => 'pool'));
});
