import { newRun } from '../../lib/core/run/new-run.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgQueueControl } from '../../lib/storage/client/queue-control.js';
import { limitsRow } from '../../lib/storage/schedules/queue-limits.js';
import { PgQueueStore } from '../../lib/storage/engine/queue-store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { sql } from '../../lib/storage/sql.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import type { LimitedClaims } from '../../lib/engine/ports/queue-store.js';
import type { ClaimedRow, ClaimOffer, QueueLimits, StartOp } from '../../lib/engine/ports/store.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { fullOr } from '../support/full.js';
import { connectTo } from '../support/connections.js';
import { plansOf } from '../support/plans.js';
import { SlowCommits } from '../support/slow-commits.js';
import { Rows } from './rows.js';

let rows: Rows;
let connections: Connections;
let store: PgStore;
let queues: PgQueueStore;
let control: PgQueueControl;
let worker: number;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  queues = new PgQueueStore(connections.pool, 'durable');
  control = new PgQueueControl(rows.pool, 'durable');
  worker = await rows.worker();
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

async function limits(given: Partial<QueueLimits>): Promise<void> {
  const row = limitsRow({
    queue: 'default',
    globalConcurrency: null,
    rateLimit: null,
    priorityAgeing: 60_000,
    ...given,
  });
  await rows.pool.query(sql('save-queue-limits', 'durable'), [JSON.stringify([row])]);
}

/** Claims as a process that counts. */
function claim(count: number, by = worker): Promise<LimitedClaims> {
  const definitions = [
    { id: rows.definitionId, runAs: rows.definitionId, timeout: null, workflow: 'order', limit: null },
  ];
  return queues.claimLimited({ worker: by, queue: 'default', count, definitions });
}

function claimPlainly(count: number): Promise<string[]> {
  return store
    .claim(worker, 'default', count, [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }])
    .then((found) => found.map(({ rowId }) => rowId));
}

async function ready(n: number, columns: Record<string, unknown> = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < n; at++) ids.push(await rows.open({ due_at: new Date(Date.now() - 10_000 + at), ...columns }));
  return ids;
}

async function stateOf(id: string): Promise<unknown> {
  return (await rows.one('workflow_queue', id))?.['state'];
}

describe('a plain claim', () => {
  it('gets nothing from a queue that is paused or limited', async () => {
    await ready(2);
    await control.pause('default');
    expect(await claimPlainly(1)).toEqual([]);
    await control.resume('default');
    expect(await claimPlainly(1)).toHaveLength(1);
    await limits({ globalConcurrency: 5 });
    expect(await claimPlainly(1)).toEqual([]);
    await limits({ rateLimit: { limit: 5, period: 1_000, counts: 'runs' } });
    expect(await claimPlainly(1)).toEqual([]);
    await limits({});
    expect(await claimPlainly(1)).toHaveLength(1);
  });

  it('reads its index in order, no further than it has places, and the settings once', async () => {
    await ready(3);
    const client = await rows.pool.connect();
    try {
      const definitions = JSON.stringify([{ id: rows.definitionId, run_as: rows.definitionId, timeout: null }]);
      const plans = await plansOf(client, sql('claim', 'durable'), ['default', definitions, 1, worker, true]);
      const [settings, ...more] = plans.filter((plan) => plan.includes('queue_settings'));
      expect([settings, more]).toEqual([expect.stringMatching(/using queue_settings_pkey .* loops=1\)/), []]);
      const body = plans.find((plan) => plan.includes('queue_claim')) ?? '';
      expect(body).toMatch(/Index Scan using queue_claim .*rows=1(\.00)? loops=1/);
      expect(body).toMatch(/Update on workflow_queue q\S* .*rows=1(\.00)? loops=1/);
    } finally {
      client.release(true);
    }
  });
});

describe('a start by a worker that has a place free', () => {
  const start = (more: Partial<StartOp> = {}): StartOp =>
    newRun({
      id: uuidv7(),
      workflow: 'order',
      definitionId: rows.definitionId,
      queue: 'default',
      priority: 0,
      input: '{}',
      ...more,
    });

  async function begin(starts: readonly StartOp[], places = starts.length): Promise<ClaimedRow[]> {
    const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: 5_000 }];
    const offer = { worker, places: [{ queue: 'default', places }], definitions };
    return [...(await store.commitGroup(worker, { ops: [], starts, offer })).claimed];
  }

  it('is claimed in the same statement, as a claim would', async () => {
    const op = start({ input: '{"n":2}', priority: 3, traceparent: 't' });
    const [row, more] = await begin([op]);
    expect(more).toBeUndefined();
    expect(row).toEqual({
      rowId: op.id, runId: op.id, token: 1, workflow: 'order', definitionId: rows.definitionId, ranBy: rows.definitionId,
      queue: 'default', input: '{"n":2}', snapshot: null, snapshotSeq: 0, round: 1, fresh: true, recoveries: 0,
      deadlineInMs: 5_000, step: null, scheduledTime: null, priority: 3, parentId: null, cancel: null, traceparent: 't',
      lagMs: 0, ageMs: 0,
    }); // prettier-ignore
    expect(await rows.one('workflow_queue', op.id)).toMatchObject({ state: 'running', worker_id: worker, token: 1 });
  });

  it('is not, in a queue that is paused or limited', async () => {
    await control.pause('default');
    expect(await begin([start()])).toEqual([]);
    await control.resume('default');
    await limits({ globalConcurrency: 5 });
    expect(await begin([start()])).toEqual([]);
    await limits({});
    // The two are ready, and come first.
    expect((await claim(2)).rows).toHaveLength(2);
    expect(await begin([start()])).toHaveLength(1);
  });

  it('overtakes nothing: where something is ready, claims give the places to what comes first, whichever that is', async () => {
    const [waited] = await ready(1);
    const [low, high] = [start({ priority: -1 }), start({ priority: 1 })];
    expect(await begin([low, high], 2)).toEqual([]);
    expect((await claim(2)).rows.map(({ rowId }) => rowId)).toEqual([high.id, waited]);
    expect(await stateOf(low.id)).toBe('ready');
  });

  it('is left to the claims where it is for later', async () => {
    expect(await begin([start({ delayMs: 60_000 })])).toEqual([]);
  });
});

describe('the concurrency of a queue', () => {
  it('counts what workers hold, the dead included, until it is taken from them', async () => {
    await limits({ globalConcurrency: 3 });
    await ready(10);
    const dead = await rows.worker();
    expect((await claim(2, dead)).rows).toHaveLength(2);
    expect((await claim(10)).rows).toHaveLength(1);
    expect((await claim(10)).rows).toHaveLength(0);
    await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [dead]);
    expect((await claim(10)).rows).toHaveLength(0);
    await store.recover([]);
    const taken = (await claim(10)).rows;
    // Those that had begun come first.
    expect(taken.map(({ token, recoveries }) => [token, recoveries])).toEqual([[2, 1], [2, 1]]); // prettier-ignore
  });

  it('is never exceeded by 20 claims at once', async () => {
    await limits({ globalConcurrency: 7 });
    await ready(30);
    const claims = await Promise.all(Array.from({ length: 20 }, () => claim(3)));
    expect(claims.reduce((sum, one) => sum + one.rows.length, 0)).toBe(7);
  });

  it('is given to runs by rank: priority, a step more for those that go on, the wait, and last the id', async () => {
    await limits({ globalConcurrency: 10 });
    const [low] = await ready(1, { priority: -1 });
    const [old, young] = await ready(2);
    const [high] = await ready(1, { priority: 3 });
    const [further] = await ready(1, { priority: 1, token: 1, started_at: new Date() });
    expect((await claim(10)).rows.map(({ rowId }) => rowId)).toEqual([high, further, old, young, low]);
  });
});

describe('the rate of a queue', () => {
  it('counts first claims only, and says when the next is let through', async () => {
    await limits({ rateLimit: { limit: 2, period: 600_000, counts: 'runs' } });
    await ready(5);
    await ready(2, { token: 4, started_at: new Date() });
    const first = await claim(10);
    expect(first.rows.map(({ token }) => token)).toEqual([5, 5, 1, 1]);
    expect(first.nextInMs).toBeGreaterThan(590_000);
    expect(first.nextInMs).toBeLessThanOrEqual(612_100);
    expect((await claim(10)).rows).toHaveLength(0);
    // The window has passed.
    await rows.pool.query(`UPDATE durable.queue_rates SET ends_at = ends_at - interval '20 minutes'`);
    expect((await claim(10)).rows).toHaveLength(2);
    expect(await rows.count('queue_rates')).toBe(1);
  });

  it('holds back no run that goes on, however many new ones stand before it', async () => {
    await limits({ rateLimit: { limit: 1, period: 600_000, counts: 'runs' } });
    await ready(30);
    const resumed = await ready(2, { token: 4, started_at: new Date(), due_at: new Date(), priority: -5 });
    expect((await claim(3)).rows.map(({ token }) => token)).toEqual([1, 5, 5]);
    expect(await Promise.all(resumed.map(stateOf))).toEqual(['running', 'running']);
    expect((await claim(3)).rows).toEqual([]);
  });

  it('counts every claim where it is said to count attempts: those of runs that go on too', async () => {
    await limits({ rateLimit: { limit: 3, period: 600_000, counts: 'attempts' } });
    const [further] = await ready(1, { token: 4, started_at: new Date() });
    const firsts = await ready(3);
    const found = await claim(10);
    expect(found.rows.map(({ rowId }) => rowId)).toEqual([further, firsts[0], firsts[1]]);
    expect(found.nextInMs).toBeGreaterThan(590_000);
    // A retry delay is over, and there is no pass left for it.
    await rows.pool.query(
      `UPDATE durable.workflow_queue SET state = 'ready', worker_id = NULL WHERE worker_id IS NOT NULL`,
    );
    expect((await claim(10)).rows).toEqual([]);
    await rows.pool.query(`UPDATE durable.queue_rates SET ends_at = ends_at - interval '20 minutes'`);
    expect((await claim(10)).rows).toHaveLength(3);
  });

  it('counts the first claim of a step handed to the queue', async () => {
    await limits({ rateLimit: { limit: 1, period: 600_000, counts: 'runs' } });
    const run = await rows.open({ state: 'sleeping', queue: 'elsewhere', due_at: 'infinity' });
    const step = { step_of: run, step: '{}' };
    await rows.queued(step);
    await rows.queued({ ...step, token: 1, started_at: new Date() });
    await rows.queued(step);
    expect((await claim(10)).rows).toHaveLength(2);
    expect((await claim(10)).rows).toHaveLength(0);
  });

  it('lets no window hold more than the limit, and as much as it can', async () => {
    await limits({ rateLimit: { limit: 5, period: 100, counts: 'runs' } });
    await ready(30);
    const taken: string[] = [];
    while (taken.length < 30) {
      const { rows: found, nextInMs } = await claim(30);
      taken.push(...found.map(({ rowId }) => rowId));
      if (taken.length < 30) await new Promise((resolve) => setTimeout(resolve, nextInMs ?? 0));
    }
    const { rows: at } = await rows.pool.query<{ ms: number }>(
      'SELECT (extract(epoch FROM started_at) * 1000)::float8 AS ms FROM durable.workflow_queue ORDER BY 1',
    );
    for (let n = 5; n < at.length; n++) expect((at[n]?.ms ?? 0) - (at[n - 5]?.ms ?? 0)).toBeGreaterThanOrEqual(99.99);
  });
});

describe('pausing against claims', () => {
  const ROUNDS = fullOr(1_000, 200);
  /** So many rounds must have had a pause among the claims. A slow machine needs more rounds for that. */
  const RACED = ROUNDS / 10;
  const MOST_ROUNDS = 10 * ROUNDS;
  let others: Connections[] = [];

  afterEach(async () => {
    await Promise.all(others.map((one) => one.close()));
  });

  it(`lets nothing be claimed once it has returned, ${ROUNDS} times`, async () => {
    await ready(50);
    others = Array.from({ length: 3 }, () => connectTo(rows.url));
    const stores = others.map((one) => new PgStore({ connections: one, schema: 'durable', appDataSource: null }));
    const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
    let raced = 0;
    for (let round = 0; round < ROUNDS || (raced <= RACED && round < MOST_ROUNDS); round++) {
      const stop = new AbortController();
      const claimed: string[] = [];
      const takers = stores.map(async (one) => {
        while (!stop.signal.aborted)
          claimed.push(...(await one.claim(worker, 'default', 1, definitions)).map(({ rowId }) => rowId));
      });
      // Somewhere among the claims, another place each time.
      for (let turn = round % 7; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      await control.pause('default');
      const leased = await control.leased('default');
      stop.abort();
      await Promise.all(takers);
      expect(await control.leased('default')).toBe(leased);
      expect(claimed).toHaveLength(leased);
      if (leased > 0 && leased < 50) raced++;
      await rows.pool.query(
        `WITH settings AS (UPDATE durable.queue_settings SET paused_at = NULL)
         UPDATE durable.workflow_queue SET state = 'ready', worker_id = NULL WHERE worker_id IS NOT NULL`,
      );
    }
    expect(raced).toBeGreaterThan(RACED);
  }, 600_000);
});

interface Connected {
  readonly store: PgStore;
  readonly queues: PgQueueStore;
}

describe('a pause that comes while somebody takes rows', () => {
  const definitions = (): ClaimOffer['definitions'] => [
    { id: rows.definitionId, runAs: rows.definitionId, timeout: null },
  ];
  const offer = (): ClaimOffer => ({ worker, places: [{ queue: 'default', places: 1 }], definitions: definitions() });

  /** All that may give a lease, each by the connections of a process. */
  const TAKERS: Record<string, (by: Connected) => Promise<number>> = {
    'a claim': async (by) => (await by.store.claim(worker, 'default', 1, definitions())).length,
    'a claim that counts': async (by) => {
      const limit = { limit: 1, whole: false };
      const limited = definitions().map((one) => ({ ...one, workflow: 'order', limit }));
      return (await by.queues.claimLimited({ worker, queue: 'default', count: 1, definitions: limited })).rows.length;
    },
    'a start': async (by) => {
      const op = newRun({
        id: uuidv7(),
        workflow: 'order',
        definitionId: rows.definitionId,
        queue: 'default',
        priority: 0,
        input: '{}',
      });
      return (await by.store.commitGroup(worker, { ops: [], starts: [op], offer: offer() })).claimed.length;
    },
    'an event': async () => {
      const asleep = { state: 'sleeping', due_at: 'infinity', started_at: new Date(), limit_key: 'order\n' };
      const id = await rows.open(asleep);
      await rows.wait(id, { kind: 'event', names: ['go'] });
      const { pool, instanceId } = rows;
      const waits = new PgWaits({ pool, schema: 'durable', instanceId, unmatchedHint: null });
      const event = { runId: id, name: 'go', payload: '1', dedupeKey: null, request: uuidv7() };
      return (await waits.sendEvent(event, offer())).claimed.length;
    },
  };

  it.each(Object.keys(TAKERS))('returns when %s that began before is committed, and counted', async (taker) => {
    if (taker.startsWith('a claim')) await ready(1, { limit_key: 'order\n' });
    const commits = await SlowCommits.begin(rows.pool);
    const taking = TAKERS[taker]?.({ store, queues });
    await commits.underWay();
    // Whoever looks meanwhile is told that it is not over.
    expect(await control.pause('default', 0)).toEqual({ changed: true, closed: false });
    const pausing = control.pause('default');
    // Nobody else takes anything meanwhile, nor waits for the pause. (Those that count wait for each other.)
    const others = connectTo(rows.url);
    const elsewhere = new PgStore({ connections: others, schema: 'durable', appDataSource: null });
    for (const other of Object.keys(TAKERS)) {
      if (taker === 'a claim that counts' && other === taker) continue;
      expect(await TAKERS[other]?.({ store: elsewhere, queues })).toBe(0);
    }
    await others.close();
    await commits.letGo();
    expect(await pausing).toEqual({ changed: false, closed: true });
    expect(await control.leased('default')).toBe(1);
    expect(await taking).toBe(1);
  });
});
