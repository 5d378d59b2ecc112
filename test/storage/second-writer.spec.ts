import { jest } from '@jest/globals';
import type pg from 'pg';
import { StoreError } from '../../lib/engine/ports/store.js';
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

afterEach(async () => {
  jest.restoreAllMocks();
  await connections.close();
});

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

it.each([
  ['a session of the pool', () => connections.pool.connect()],
  ['a place for what may wait for a lock', () => connections.pool.lane.connect()],
])('gives way when somebody waits for %s, who has it then', async (_, ask) => {
  await open(3);
  await ready();
  const taken = [await ask(), await connections.pool.connect()];
  const another = await ask();
  expect(await sessions()).toEqual(['pool', 'pool', 'pool']);
  expect(second.isReady()).toBe(false);
  free([...taken, another]);
});

it.each([2, 3])('is not there where the pool of %d has none to spare', async (poolSize) => {
  await open(poolSize);
  const taken = poolSize === 2 ? [] : await take(poolSize);
  for (let n = 0; n < 10; n++) {
    expect(second.isReady()).toBe(false);
    await turn();
  }
  free(taken);
  expect(await sessions()).toEqual(taken.map(() => 'pool'));
});

it('is not asked for again and again where it cannot be had, and leaves the pool its session', async () => {
  await open(3);
  let tries = 0;
  jest.spyOn(connections.pool, 'lend').mockImplementation(async () => {
    tries++;
    return () => void tries++;
  });
  jest.spyOn(StoreClient.prototype, 'run').mockRejectedValue(new StoreError('scarce', 'too many connections'));
  for (let n = 0; n < 20; n++) {
    expect(second.isReady()).toBe(false);
    await turn();
  }
  // Lent once, and given back.
  expect(tries).toBe(2);
});

it('is not asked for again and again where the pool fails to end a session of its own', async () => {
  await open(3);
  const lend = jest.spyOn(connections.pool, 'lend').mockRejectedValue(new Error('the connection broke'));
  for (let n = 0; n < 20; n++) {
    expect(second.isReady()).toBe(false);
    await turn();
  }
  expect(lend).toHaveBeenCalledTimes(1);
});

it('is left after it was lost, with an error for what was being written', async () => {
  await open(3);
  await ready();
  const lost = second.write(() => Promise.reject(new StoreError('unknown', 'the connection broke')));
  await expect(lost).rejects.toMatchObject({ kind: 'unknown' });
  expect(second.isReady()).toBe(false);
  free(await take(3));
});
