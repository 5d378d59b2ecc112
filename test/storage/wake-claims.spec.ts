import type { DueRows } from '../../lib/engine/ports/store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** What wakes with places offered for it is leased in the same statement, where a claim behind it would take it. */

let rows: Rows;
let store: PgStore;
let connections: ReturnType<typeof connectTo>;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

afterEach(async () => {
  await rows.pool.query('DELETE FROM durable.workflow_queue; DELETE FROM durable.queue_settings');
});

afterAll(async () => {
  await connections.close();
  await rows.close();
});

const ago = (ms: number): Date => new Date(Date.now() - ms);

function asleep(dueMsAgo: number, queue: Record<string, unknown> = {}): Promise<string> {
  const run = { snapshot: '{}', snapshot_needs: [] };
  return rows.open({ state: 'sleeping', token: 1, started_at: ago(90_000), due_at: ago(dueMsAgo), ...queue }, run);
}

function wake(places = 10, limit = 10, by = worker): Promise<DueRows> {
  const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: 60_000 }];
  return store.wakeDue(limit, { worker: by, places: [{ queue: 'default', places }], definitions });
}

async function state(id: string): Promise<unknown> {
  return (await rows.one('workflow_queue', id))?.['state'];
}

it('leases what comes first, as far as there are places, and leaves the rest ready', async () => {
  const later = await asleep(1_000);
  const first = await asleep(3_000);
  // Three minutes of waiting are worth more than two seconds.
  const foremost = await asleep(2_000, { priority: 3 });
  const { claimed, queues, woken } = await wake(2);
  expect(claimed.map(({ rowId, token }) => [rowId, token])).toEqual([[foremost, 2], [first, 2]]); // prettier-ignore
  expect([queues, woken]).toEqual([['default'], 3]);
  expect(claimed[1]?.lagMs).toBeGreaterThanOrEqual(3_000);
  expect(await rows.one('workflow_queue', first)).toMatchObject({ state: 'running', worker_id: worker, token: 2 });
  expect(await state(later)).toBe('ready');
});

it('names no queue in which all of it is leased, and tells when the next is due', async () => {
  await asleep(1_000);
  const next = await asleep(-60_000);
  const { claimed, queues, nextInMs } = await wake();
  expect([claimed.length, queues, await state(next)]).toEqual([1, [], 'sleeping']);
  expect(nextInMs).toBeGreaterThan(30_000);
});

it('gives what a suspended run needs, its waits ended', async () => {
  const id = await asleep(1_000);
  await rows.wait(id, { kind: 'sleep', due_at: ago(1_000) });
  const { claimed } = await wake();
  expect(claimed[0]?.read?.waits).toMatchObject([{ kind: 'sleep', state: 'done' }]);
});

it('leases a delayed start, whose timeout begins, and a step on another queue', async () => {
  const start = await rows.open({ state: 'sleeping', due_at: ago(2_000) });
  const run = await asleep(-60_000);
  const step = await rows.queued({ state: 'sleeping', due_at: ago(1_000), step_of: run, step: '{}', token: 1, started_at: ago(5_000) }); // prettier-ignore
  const { claimed } = await wake();
  // What was begun before has a step of priority more.
  expect(claimed.map(({ rowId, runId, fresh }) => [rowId, runId, fresh])).toEqual([[step, run, false], [start, start, true]]); // prettier-ignore
  expect(claimed.find(({ fresh }) => fresh)?.deadlineInMs).toBeCloseTo(60_000, -1);
});

describe('leaves ready, for a claim,', () => {
  it.each([
    ['what is behind something that is ready', async () => void (await rows.open({}))],
    ['what is in a paused queue', () => setting({ paused_at: new Date() })],
    ['what is in a limited queue', () => setting({ global_concurrency: 5 })],
  ])('%s', async (_, prepare) => {
    const id = await asleep(1_000);
    await prepare();
    const { claimed, queues } = await wake();
    expect([claimed, queues, await state(id)]).toEqual([[], ['default'], 'ready']);
  });

  it('what wakes for a worker that was declared dead', async () => {
    const dead = await rows.worker({ dead_at: new Date() });
    const id = await asleep(1_000);
    expect([(await wake(10, 10, dead)).claimed, await state(id)]).toEqual([[], 'ready']);
  });

  it.each([
    ['a run whose own timeout is over', { deadline_at: ago(500) }],
    ['a run of another definition', { definition_id: 99 }],
    ['a run of another queue', { queue: 'other' }],
  ])('%s', async (_, queue) => {
    const id = await asleep(1_000, queue);
    const other = await asleep(1_000);
    const { claimed } = await wake();
    expect([claimed.map(({ rowId }) => rowId), await state(id)]).toEqual([[other], 'ready']);
  });

  it('a paused run', async () => {
    const id = await asleep(1_000, { paused: true });
    const { claimed, queues, woken } = await wake();
    expect([claimed, queues, woken, await state(id)]).toEqual([[], [], 1, 'ready']);
  });
});

it('wakes all the same where what one of them has stored cannot be read', async () => {
  const id = await asleep(1_000);
  await rows.pool.query(`ALTER FUNCTION durable.active_waits(uuid[]) RENAME TO active_waits_away`);
  try {
    const { claimed, queues } = await wake();
    expect([claimed, queues, await state(id)]).toEqual([[], ['default'], 'ready']);
  } finally {
    await rows.pool.query(`ALTER FUNCTION durable.active_waits_away(uuid[]) RENAME TO active_waits`);
  }
});

async function setting(columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns);
  const marks = names.map((_, at) => `$${String(at + 2)}`);
  await rows.pool.query(
    `INSERT INTO durable.queue_settings (queue, ${names.join(', ')}) VALUES ($1, ${marks.join(', ')})`,
    ['default', ...Object.values(columns)],
  );
}
