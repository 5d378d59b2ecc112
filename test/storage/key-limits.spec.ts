import type { KeyLimit, LimitedClaims } from '../../lib/engine/ports/queue-store.js';
import { StoreError } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgQueueStore } from '../../lib/storage/engine/queue-store.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

/** The limit of a workflow: runs of one key that have a place at a time. */

let rows: Rows;
let connections: Connections;
let queues: PgQueueStore;
let worker: number;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  queues = new PgQueueStore(connections.pool, 'durable');
  worker = await rows.worker();
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

const A = 'order\n=a';
const B = 'order\n=b';

const working = (limit: number): KeyLimit => ({ limit, whole: false });
const whole = (limit: number): KeyLimit => ({ limit, whole: true });

/** Claims as a process that has the workflow `order`. */
function claim(count: number, limit: KeyLimit | null, queue = 'default'): Promise<LimitedClaims> {
  const id = rows.definitionId;
  const definitions = [{ id, runAs: id, timeout: null, workflow: 'order', limit }];
  return queues.claimLimited({ worker, queue, count, definitions });
}

/** Twenty claims at once. One that has not come to a session or to the lock in time is made again, as the engine does. */
async function claimTwentyTimes(count: number, limit: KeyLimit): Promise<void> {
  const one = async (): Promise<void> => {
    for (;;) {
      try {
        return void (await claim(count, limit));
      } catch (error) {
        if (!(error instanceof StoreError) || !['retry', 'unavailable'].includes(error.kind)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
}

/** Claims again as long as something was set aside, as the engine does; gives the runs. */
async function claimAll(count: number, limit: KeyLimit, queue = 'default'): Promise<string[]> {
  const ids: string[] = [];
  for (let blocked = 1; blocked > 0 && ids.length < count;) {
    const found = await claim(count - ids.length, limit, queue);
    ids.push(...found.rows.map(({ rowId }) => rowId));
    blocked = found.blocked;
  }
  return ids;
}

const HOUR = 3_600_000;
const START = Date.now() - HOUR;

async function ready(n: number, columns: Record<string, unknown> = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < n; at++)
    ids.push(await rows.open({ due_at: new Date(START + at * 1_000), limit_key: A, ...columns }));
  return ids;
}

/** As the end of a run does. */
async function end(ids: readonly string[]): Promise<void> {
  await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = ANY ($1)', [ids]);
}

async function set(id: string, columns: string): Promise<void> {
  await rows.pool.query(`UPDATE durable.workflow_queue SET ${columns} WHERE id = $1`, [id]);
}

async function states(ids: readonly string[]): Promise<unknown[]> {
  return Promise.all(ids.map(async (id) => (await rows.one('workflow_queue', id))?.['state']));
}

const ASLEEP = `state = 'sleeping', worker_id = NULL, due_at = 'infinity'`;

it('holds for each key, sets aside what has no place, and brings it back in order', async () => {
  const first = await ready(3);
  const second = await ready(2, { limit_key: B });
  const { rows: taken, blocked } = await claim(10, working(1));
  expect(new Map(taken.map(({ rowId, limitKey }) => [rowId, limitKey]))).toEqual(new Map([[first[0], A], [second[0], B]])); // prettier-ignore
  expect(blocked).toBe(3);
  expect(await states([...first, ...second])).toEqual(['running', 'blocked', 'blocked', 'running', 'blocked']);

  const keys = [A, B].map((limitKey) => ({ limitKey, ...working(1) }));
  expect(await queues.unblock(keys)).toEqual([]);
  await end(first.slice(0, 1));
  expect(await queues.unblock(keys)).toEqual(['default']);
  expect(await states(first.slice(1))).toEqual(['ready', 'blocked']);
  expect(await claimAll(10, working(1))).toEqual([first[1]]);
});

it('is never exceeded by 20 claims at once', async () => {
  await ready(20);
  await ready(20, { limit_key: B });
  await claimTwentyTimes(5, working(3));
  const { rows: held } = await rows.pool.query(
    `SELECT limit_key, count(*)::int AS n FROM durable.workflow_queue WHERE worker_id IS NOT NULL GROUP BY 1 ORDER BY 1`,
  );
  expect(held).toEqual([{ limit_key: A, n: 3 }, { limit_key: B, n: 3 }]); // prettier-ignore
});

it('leaves rows of other workflows alone, and gives back those that have no key yet', async () => {
  const [unkeyed = ''] = await ready(1, { limit_key: null });
  const found = await claim(10, working(1));
  expect(found.rows).toEqual([]);
  expect(found.unkeyed).toMatchObject([{ rowId: unkeyed, runId: unkeyed, workflow: 'order', input: '{"n":1}' }]);
  await queues.setLimitKeys([{ runId: unkeyed, limitKey: 'order\n' }]);
  expect(await claimAll(10, working(1))).toEqual([unkeyed]);
});

it('is not in the way of what has none', async () => {
  const other = await rows.addDefinition('free', 1);
  await ready(3);
  await ready(3, { definition_id: other, limit_key: null });
  const { rows: taken } = await queues.claimLimited({
    worker,
    queue: 'default',
    count: 10,
    definitions: [
      { id: rows.definitionId, runAs: rows.definitionId, timeout: null, workflow: 'order', limit: working(1) },
      { id: other, runAs: other, timeout: null, workflow: 'free', limit: null },
    ],
  });
  expect(taken).toHaveLength(4);
});

it('pauses a run that has no key', async () => {
  const [id = ''] = await ready(1, { limit_key: null });
  await queues.refuseUnkeyed(id, '{"name":"InvalidInputError","message":"no"}');
  expect(await rows.one('workflow_queue', id)).toMatchObject({ paused: true });
  expect(await rows.one('workflow_executions', id)).toMatchObject({ error: expect.stringContaining('no') });
});

describe('the order of what was set aside', () => {
  it('is kept against a run of the key that becomes ready when a place is free', async () => {
    const [first = '', second = '', third = ''] = await ready(3);
    await claimAll(10, working(1));
    const [late = ''] = await ready(1, { due_at: new Date() });
    await end([first]);
    // Nobody has brought anything back yet.
    expect(await states([second, third, late])).toEqual(['blocked', 'blocked', 'ready']);
    expect(await claimAll(10, working(1))).toEqual([second]);
    await end([second]);
    await queues.unblock([{ limitKey: A, ...working(1) }]);
    expect(await claimAll(10, working(1))).toEqual([third]);
    await end([third]);
    await queues.unblock([{ limitKey: A, ...working(1) }]);
    expect(await claimAll(10, working(1))).toEqual([late]);
  });

  it('gives way to a run of a higher priority', async () => {
    const [first = '', second = ''] = await ready(2);
    await claimAll(10, working(1));
    const [urgent = ''] = await ready(1, { due_at: new Date(), priority: 1_000 });
    await end([first]);
    expect(await claimAll(10, working(1))).toEqual([urgent]);
    expect(await states([second])).toEqual(['blocked']);
  });

  it('passes over runs that are paused, which come in turn when they go on', async () => {
    const [first = '', second = '', third = ''] = await ready(3);
    await claimAll(10, working(1));
    await set(second, 'paused = true');
    await end([first]);
    expect(await queues.unblock([{ limitKey: A, ...working(1) }])).toEqual(['default']);
    expect(await claimAll(10, working(1))).toEqual([third]);
    expect(await states([second])).toEqual(['blocked']);
  });

  it('is that of each queue: what a queue without workers has set aside holds up no other', async () => {
    const [elsewhere = ''] = await ready(1, { queue: 'nobody', state: 'blocked' });
    const here = await ready(2, { due_at: new Date() });
    expect(await claimAll(10, working(1))).toEqual([here[0]]);
    await end(here.slice(0, 1));
    expect((await queues.unblock([{ limitKey: A, ...working(1) }])).toSorted()).toEqual(['default', 'nobody']);
    expect(await claimAll(10, working(1))).toEqual([here[1]]);
    expect(await states([elsewhere])).toEqual(['ready']);
    expect(await claimAll(10, working(1), 'nobody')).toEqual([]);
  });
});

describe('a look through the keys of what was set aside', () => {
  it('finds those with a place free, of the workflows that it knows, page after page', async () => {
    await ready(1, { state: 'blocked' });
    await ready(1, { state: 'blocked', limit_key: B });
    await ready(1, { state: 'running', worker_id: worker, limit_key: B });
    await ready(1, { state: 'blocked', paused: true, limit_key: 'order\n=c' });
    await ready(1, { state: 'blocked', limit_key: 'other\n' });
    const order = [{ workflow: 'order', ...working(1) }];
    expect(await queues.blockedKeys(order, '')).toEqual({ free: [A], last: null });
    expect(await queues.blockedKeys([{ workflow: 'order', ...working(2) }], '')).toEqual({ free: [A, B], last: null });
    expect(await queues.blockedKeys(order, A)).toEqual({ free: [], last: null });
    await rows.pool.query(
      `INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue, limit_key)
       SELECT gen_random_uuid(), now(), $1, 0, 'blocked', 'default', E'order\\n=k' || to_char(n, 'FM0000')
       FROM generate_series(1, 1500) n, generate_series(1, 2)`,
      [rows.definitionId],
    );
    const first = await queues.blockedKeys(order, '');
    expect([first.free.length, first.last]).toEqual([999, 'order\n=k0998']);
    const second = await queues.blockedKeys(order, first.last ?? '');
    expect([second.free.length, second.free[0], second.last]).toEqual([502, 'order\n=k0999', null]);
  });
});

describe('where a run keeps its place until it has ended', () => {
  it('no other of its key begins while it waits, backs off, or is paused', async () => {
    const [first = '', second = ''] = await ready(2);
    expect(await claimAll(10, whole(1))).toEqual([first]);
    for (const columns of [ASLEEP, 'paused = true', `paused = false, state = 'ready'`]) {
      await set(first, columns);
      expect(await queues.unblock([{ limitKey: A, ...whole(1) }])).toEqual([]);
      expect(await queues.blockedKeys([{ workflow: 'order', ...whole(1) }], '')).toEqual({ free: [], last: null });
    }
    // It goes on in its place, though others of its key came before it.
    expect(await claimAll(10, whole(1))).toEqual([first]);
    await end([first]);
    expect(await queues.unblock([{ limitKey: A, ...whole(1) }])).toEqual(['default']);
    expect(await claimAll(10, whole(1))).toEqual([second]);
  });

  it('as many begin as there are places, and what was asleep goes on at once', async () => {
    const ids = await ready(4);
    expect(await claimAll(10, whole(2))).toEqual(ids.slice(0, 2));
    await set(ids[0] ?? '', ASLEEP);
    await set(ids[0] ?? '', `state = 'ready', due_at = now()`);
    expect(await claimAll(10, whole(2))).toEqual([ids[0]]);
    expect(await states(ids)).toEqual(['running', 'running', 'blocked', 'blocked']);
  });

  it('its steps on other queues have its place too', async () => {
    const [run = '', other = ''] = await ready(2);
    expect(await claimAll(10, whole(1))).toEqual([run]);
    const step = await rows.queued({ step_of: run, step: '{}', queue: 'ai', limit_key: A });
    expect(await claimAll(10, whole(1), 'ai')).toEqual([step]);
    expect(await states([other])).toEqual(['blocked']);
  });

  it('those that had begun before the limit came keep their places, and none begins until they are few enough', async () => {
    const begun = await ready(3, { state: 'sleeping', due_at: 'infinity', started_at: new Date(), token: 1 });
    const [fresh = ''] = await ready(1);
    expect(await claimAll(10, whole(2))).toEqual([]);
    for (const id of begun) await set(id, `state = 'ready', due_at = now()`);
    expect((await claimAll(10, whole(2))).toSorted()).toEqual(begun.toSorted());
    await end(begun.slice(0, 1));
    expect(await queues.unblock([{ limitKey: A, ...whole(2) }])).toEqual([]);
    await end(begun.slice(1, 2));
    expect(await queues.unblock([{ limitKey: A, ...whole(2) }])).toEqual(['default']);
    expect(await claimAll(10, whole(2))).toEqual([fresh]);
  });

  it('20 claims at once never exceed it, whatever sleeps', async () => {
    const ids = await ready(12);
    for (let round = 0; round < 4; round++) {
      await claimTwentyTimes(5, whole(3));
      await rows.pool.query(`UPDATE durable.workflow_queue SET ${ASLEEP} WHERE worker_id IS NOT NULL`);
      await queues.unblock([{ limitKey: A, ...whole(3) }]);
    }
    const query = 'SELECT id FROM durable.workflow_queue WHERE started_at IS NOT NULL';
    const { rows: begun } = await rows.pool.query<{ id: string }>(query);
    expect(new Set(begun.map(({ id }) => id))).toEqual(new Set(ids.slice(0, 3)));
  });
});
