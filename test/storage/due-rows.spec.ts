import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** Rows whose time has come are woken, and are claimed; whatever they slept for. */

let rows: Rows;
let store: PgStore;
let connections: Connections;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

afterAll(async () => {
  await connections.close();
  await rows.close();
});

const PAST = new Date(Date.now() - 60_000);

async function claim(): Promise<Awaited<ReturnType<PgStore['claim']>>> {
  const id = rows.definitionId;
  return store.claim(worker, 'default', 10, [{ id, runAs: id, timeout: null }]);
}

it('a run that slept has been due since the time that it slept until', async () => {
  const run = await rows.open({ state: 'sleeping', due_at: PAST, started_at: PAST, token: 1 });
  expect(await store.wakeDue(10)).toMatchObject({ woken: 1 });
  const [row] = await claim();
  expect(row).toMatchObject({ runId: run });
  expect(row?.lagMs).toBeGreaterThanOrEqual(60_000);
});

it('a row that a process of an earlier version has woken, due at no time, is claimed all the same', async () => {
  const run = await rows.open({ state: 'ready', due_at: 'infinity', started_at: PAST, token: 1 });
  expect(await claim()).toMatchObject([{ runId: run, lagMs: 0 }]);
});

it('says where it has left what is due, since somebody had it locked', async () => {
  const run = await rows.open({ state: 'sleeping', due_at: PAST, started_at: PAST, token: 1 });
  const other = await rows.pool.connect();
  await other.query(`BEGIN; SELECT FROM durable.workflow_queue WHERE id = '${run}' FOR UPDATE`);
  expect(await store.wakeDue(10)).toMatchObject({ woken: 0, locked: true });
  await other.query('ROLLBACK');
  other.release();
  expect(await store.wakeDue(10)).toMatchObject({ woken: 1, locked: false });
  expect(await store.wakeDue(10)).toMatchObject({ woken: 0, locked: false });
});
