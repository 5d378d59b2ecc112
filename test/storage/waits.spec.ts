import { randomUUID } from 'node:crypto';
import { decode, encode } from '../../lib/core/codec/codec.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import type { WaitSpec } from '../../lib/core/run/wait-spec.js';
import type { ClaimOffer, Wake } from '../../lib/engine/ports/store.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { connectTo } from '../support/connections.js';
import { losingAnswers } from '../support/lender.js';
import { Rows } from './rows.js';

let rows: Rows;
let waits: PgWaits;
let store: PgStore;
let connections: Connections;
let worker: number;

beforeAll(async () => {
  rows = await Rows.open();
  const { pool, instanceId } = rows;
  waits = new PgWaits({
    pool,
    schema: 'durable',
    instanceId,
    unmatchedHint: { channel: 'test_hints', payload: 'unmatched' },
  });
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
  worker = await rows.worker();
});

afterAll(async () => {
  await connections.close();
  await rows.close();
});

describe('the mailbox of a run', () => {
  const MOST = 10_000;

  async function fill(runId: string, count: number): Promise<void> {
    await rows.pool.query(
      `INSERT INTO durable.events (run_id, sent_at, name, payload) SELECT $1, now(), 'other', '1' FROM generate_series(1, $2::int)`,
      [runId, count],
    );
  }

  it('takes 10 000 events, and then only what the run waits for; a repeated delivery stays one', async () => {
    const run = await rows.open(SLEEPING);
    await rows.wait(run, { kind: 'any', names: ['paid', 'late'] });
    await fill(run, MOST - 1);
    const post = (name: string, dedupeKey: string | null = null): Promise<Wake> =>
      waits.sendEvent({ runId: run, name, payload: encode(1), dedupeKey, request: uuidv7() });
    await post('more', 'k');
    await expect(post('more')).rejects.toMatchObject({ code: 'MAILBOX_FULL', executionId: run, limit: MOST });
    await expect(
      rows.dataSource.transaction((manager) =>
        waits.sendEventWithin(manager, { runId: run, name: 'more', payload: encode(1), dedupeKey: null }),
      ),
    ).rejects.toMatchObject({ code: 'MAILBOX_FULL' });
    await post('more', 'k');
    expect((await post('paid')).woken).toHaveLength(1);
    await expect(post('paid')).rejects.toThrow(`"${run}" has 10000 events that no wait has taken`);
    await rows.pool.query(`DELETE FROM durable.events WHERE run_id = $1 AND name = 'more'`, [run]);
    await post('more');
  });
});

const SLEEPING = { state: 'sleeping', due_at: 'infinity', started_at: new Date() };

/** A run that sleeps, with one wait. */
async function waiting(columns: Record<string, unknown>): Promise<{ id: string; wait: string }> {
  const id = await rows.open(SLEEPING);
  return { id, wait: await rows.wait(id, columns) };
}

async function send(runId: string, name: string, payload: unknown = null, dedupeKey: string | null = null) {
  return (await waits.sendEvent({ runId, name, payload: encode(payload), dedupeKey, request: uuidv7() })).woken;
}

/** The events of a run in order: name, payload, and the wait that has them. */
async function mailbox(runId: string): Promise<[string, unknown, string | null][]> {
  const { rows: found } = await rows.pool.query<{ name: string; payload: string; wait_id: string | null }>(
    'SELECT name, payload, wait_id FROM durable.events WHERE run_id = $1 ORDER BY id',
    [runId],
  );
  return found.map(({ name, payload, wait_id }) => [name, decode(payload), wait_id]);
}

function idsOf(runs: readonly { readonly id: string }[]): string[] {
  return runs.map((run) => run.id).toSorted();
}

/** Ends a run in the tables. */
async function end(id: string, status = 'completed'): Promise<void> {
  await rows.pool.query(
    `WITH gone AS (DELETE FROM durable.workflow_queue WHERE id = $1)
     UPDATE durable.workflow_executions SET status = $2, completed_at = now(), snapshot = NULL WHERE id = $1`,
    [id, status],
  );
}

describe('an event', () => {
  it('wakes the run that waits for it, and says where it goes on', async () => {
    const { id, wait } = await waiting({ kind: 'event', names: ['paid'] });
    expect(await send(id, 'other')).toEqual([]);
    expect(await send(id, 'paid', { at: new Date(0) })).toEqual([
      { runId: id, queue: 'default', paused: false, state: 'ready' },
    ]);
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'done', active: true });
    expect(await rows.one('workflow_queue', id)).toMatchObject({ state: 'ready', wake: false });
    expect(await mailbox(id)).toEqual([
      ['other', null, null],
      ['paid', { at: new Date(0) }, wait],
    ]);
  });

  it('marks a run that is held, and leaves a paused one paused', async () => {
    const held = await rows.open({ state: 'running', worker_id: worker, started_at: new Date() });
    await rows.wait(held, { kind: 'event', names: ['paid'] });
    expect(await send(held, 'paid')).toEqual([{ runId: held, queue: 'default', paused: false, state: 'running' }]);
    expect(await rows.one('workflow_queue', held)).toMatchObject({ state: 'running', wake: true });
    const paused = await rows.open({ ...SLEEPING, paused: true });
    await rows.wait(paused, { kind: 'event', names: ['paid'] });
    expect(await send(paused, 'paid')).toEqual([{ runId: paused, queue: 'default', paused: true, state: 'ready' }]);
  });

  it('of one name goes to the waits in the order in which they asked, and stays for those that are to come', async () => {
    const id = await rows.open(SLEEPING);
    const first = await rows.wait(id, { kind: 'event', names: ['n'], key: 'event:n:1' });
    const second = await rows.wait(id, { kind: 'any', names: ['m', 'n'], key: 'any:m,n:1' });
    for (const n of [1, 2, 3]) await send(id, 'n', n);
    expect(await mailbox(id)).toEqual([
      ['n', 1, first],
      ['n', 2, second],
      ['n', 3, null],
    ]);
  });

  it('of several is taken by a wait for all of them only when all are there', async () => {
    const { id, wait } = await waiting({ kind: 'all', names: ['a', 'b'] });
    await send(id, 'b', 1);
    await send(id, 'b', 2);
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'open' });
    expect(await send(id, 'a', 3)).toHaveLength(1);
    expect(await mailbox(id)).toEqual([
      ['b', 1, wait],
      ['b', 2, null],
      ['a', 3, wait],
    ]);
  });

  it('is delivered once for each dedupe key, in each run', async () => {
    const [one, other] = [await rows.open(SLEEPING), await rows.open(SLEEPING)];
    await Promise.all(Array.from({ length: 20 }, (_, n) => send(one, 'paid', n, 'charge-1')));
    await send(other, 'paid', 'x', 'charge-1');
    expect(await mailbox(one)).toHaveLength(1);
    expect(await mailbox(other)).toHaveLength(1);
    await end(one);
    expect(await send(one, 'paid', 1, 'charge-1')).toEqual([]);
  });

  it('is refused by a run that has ended, and by one that never was', async () => {
    const id = await rows.open(SLEEPING);
    await end(id);
    await expect(send(id, 'paid')).rejects.toMatchObject({ code: 'EXECUTION_FINISHED', status: 'completed' });
    await expect(send(randomUUID(), 'paid')).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('is sent once where the connection breaks after it was', async () => {
    const id = await rows.open({ ...SLEEPING, queue: 'held' });
    const wait = await rows.wait(id, { kind: 'event', names: ['paid'] });
    let statements = 0;
    const pool = losingAnswers(rows.pool, () => ++statements > 0);
    const flaky = new PgWaits({ pool, schema: 'durable', instanceId: rows.instanceId, unmatchedHint: null });
    const sent = { runId: id, name: 'paid', payload: encode(1), dedupeKey: null, request: uuidv7() };
    const definitions = [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }];
    const offer = { worker, places: [{ queue: 'held', places: 1 }], definitions };
    // It is claimed, and nobody was told: whoever offered the place must look.
    expect(await flaky.sendEvent(sent, offer)).toEqual({ woken: [], claimed: [], unsure: true });
    expect(await rows.one('workflow_queue', id)).toMatchObject({ state: 'running', worker_id: worker });
    expect(statements).toBe(2);
    expect(await mailbox(id)).toEqual([['paid', 1, wait]]);
  });
});

describe('an event whose sender has a place free', () => {
  const offerOf = (queue: string, more: Partial<ClaimOffer> = {}): ClaimOffer => ({
    worker,
    places: [{ queue, places: 1 }],
    definitions: [{ id: rows.definitionId, runAs: rows.definitionId, timeout: null }],
    ...more,
  });
  const sent = (runId: string, offer: ClaimOffer): Promise<Wake> =>
    waits.sendEvent({ runId, name: 'paid', payload: encode(1), dedupeKey: null, request: uuidv7() }, offer);
  const asked = { kind: 'event', names: ['paid'] };

  it('has the run that it wakes claimed for it: a new token, the definition that runs it, all that a session needs', async () => {
    const newer = await rows.addDefinition('order', 2);
    const id = await rows.open(
      { ...SLEEPING, queue: 'held', token: 4, recoveries: 1 },
      { snapshot: '{"at":1}', snapshot_seq: 3, round: 2, priority: 2 },
    );
    const wait = await rows.wait(id, asked);
    const definitions = [{ id: rows.definitionId, runAs: newer, timeout: null }];
    const { woken, claimed, unsure } = await sent(id, offerOf('held', { definitions }));
    expect([woken, unsure]).toEqual([[], false]);
    expect(claimed).toEqual([
      {
        rowId: id, runId: id, token: 5, workflow: 'order', definitionId: newer, ranBy: rows.definitionId, queue: 'held',
        input: '{"n":1}', snapshot: '{"at":1}', snapshotSeq: 3, round: 2, fresh: false, recoveries: 1, deadlineInMs: null,
        step: null, scheduledTime: null, priority: 2, parentId: null, cancel: null, traceparent: null, lagMs: 0,
        ageMs: expect.any(Number),
      },
    ]); // prettier-ignore
    expect(await rows.one('workflow_queue', id)).toMatchObject({
      state: 'running',
      worker_id: worker,
      token: 5,
      definition_id: newer,
      wake: false,
    });
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'done' });
    await end(id);
  });

  it.each<[string, Record<string, unknown>, () => Promise<Partial<ClaimOffer>>]>([
    ['the run is paused', { paused: true }, async () => ({})],
    ['the place is in another queue', { queue: 'other' }, async () => ({})],
    [
      'its definition is not one of the worker',
      {},
      async () => ({ definitions: [{ id: 999, runAs: 999, timeout: null }] }),
    ],
    ['the worker is declared dead', {}, async () => ({ worker: await rows.worker({ dead_at: new Date() }) })],
  ])('leaves it to the claims where %s', async (_, columns, more) => {
    const id = await rows.open({ ...SLEEPING, queue: 'held', ...columns });
    await rows.wait(id, asked);
    const { woken, claimed } = await sent(id, offerOf('held', await more()));
    expect([woken.map((run) => run.runId), claimed]).toEqual([[id], []]);
    expect(await rows.one('workflow_queue', id)).toMatchObject({ state: 'ready', worker_id: null, token: 0 });
    await end(id);
  });

  it.each(['paused_at = now()', 'global_concurrency = 5', 'rate_limit = 5, rate_period_ms = 1000'])(
    'leaves it to the claims where the queue has %s',
    async (setting) => {
      await rows.pool.query(`INSERT INTO durable.queue_settings (queue) VALUES ('set') ON CONFLICT DO NOTHING`);
      await rows.pool.query(`UPDATE durable.queue_settings SET ${setting} WHERE queue = 'set'`);
      const id = await rows.open({ ...SLEEPING, queue: 'set' });
      await rows.wait(id, asked);
      expect(await sent(id, offerOf('set'))).toMatchObject({ claimed: [], woken: [{ runId: id }] });
      await end(id);
      await rows.pool.query(`DELETE FROM durable.queue_settings`);
    },
  );

  it('gives the place to what comes first in the queue, whichever that is', async () => {
    const low = await rows.open({ queue: 'row', priority: -9 });
    const id = await rows.open({ ...SLEEPING, queue: 'row' });
    await rows.wait(id, asked);
    // Rows of one millisecond would go by their ids.
    const earlier = new Date(Date.now() - 1_000);
    const before = await rows.open({ queue: 'row', due_at: earlier, started_at: earlier, token: 1 });
    expect(await sent(id, offerOf('row'))).toMatchObject({
      claimed: [{ runId: before, token: 2 }],
      woken: [{ runId: id, state: 'ready' }],
    });
    const next = await rows.open({ ...SLEEPING, queue: 'row' });
    await rows.wait(next, asked);
    await end(id);
    expect(await sent(next, offerOf('row'))).toMatchObject({ claimed: [{ runId: next, token: 1 }], woken: [] });
    for (const one of [low, before, next]) await end(one);
  });

  it('marks a run that a worker has, and claims nothing where nothing asks for the event', async () => {
    const id = await rows.open({ state: 'running', queue: 'held', worker_id: worker, started_at: new Date() });
    await rows.wait(id, asked);
    expect(await sent(id, offerOf('held'))).toEqual({
      woken: [{ runId: id, queue: 'held', paused: false, state: 'running' }],
      claimed: [],
      unsure: false,
    });
    const idle = await rows.open(SLEEPING);
    expect(await sent(idle, offerOf('default'))).toEqual({ woken: [], claimed: [], unsure: false });
    for (const one of [id, idle]) await end(one);
  });
});

describe('an event in a transaction of the caller', () => {
  const within = (id: string, name: string, payload: unknown = null, dedupeKey: string | null = null) =>
    rows.dataSource.transaction((manager) =>
      waits.sendEventWithin(manager, { runId: id, name, payload: encode(payload), dedupeKey }),
    );

  it('is there if and only if it commits; a hint for the transaction, and no lock of the run', async () => {
    const listening = await rows.pool.connect();
    const heard: string[] = [];
    listening.on('notification', ({ payload }) => heard.push(payload ?? ''));
    await listening.query('LISTEN test_hints');
    const { id, wait } = await waiting({ kind: 'event', names: ['paid'] });
    await rows.dataSource.transaction(async (manager) => {
      for (const n of [1, 2]) {
        await waits.sendEventWithin(manager, { runId: id, name: 'paid', payload: encode(n), dedupeKey: null });
      }
      await rows.pool.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE NOWAIT', [id]);
      expect(await store.matchEvents(10)).toEqual({ woken: [], left: 'none' });
    });
    await expect(
      rows.dataSource.transaction(async (manager) => {
        await waits.sendEventWithin(manager, { runId: id, name: 'paid', payload: encode(3), dedupeKey: null });
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await listening.query('UNLISTEN *');
    listening.release(true);
    expect(heard).toEqual(['unmatched']);
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'open' });
    expect(await store.matchEvents(10)).toMatchObject({
      woken: [{ runId: id, queue: 'default', paused: false, state: 'ready' }], left: 'none',
    }); // prettier-ignore
    expect(await mailbox(id)).toEqual([
      ['paid', 1, wait],
      ['paid', 2, null],
    ]);
    expect(await store.matchEvents(10)).toEqual({ woken: [], left: 'none' });
  });

  it('is sent once for each key, and refused where it can be seen that the run takes nothing more', async () => {
    const id = await rows.open(SLEEPING);
    await within(id, 'paid', 1, 'k');
    await within(id, 'paid', 2, 'k');
    await send(id, 'paid', 3, 'k');
    expect(await mailbox(id)).toEqual([['paid', 1, null]]);
    await end(id);
    await within(id, 'paid', 4, 'k');
    await expect(within(id, 'paid')).rejects.toMatchObject({ code: 'EXECUTION_FINISHED', status: 'completed' });
    await expect(within(randomUUID(), 'paid')).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
    const outside = waits.sendEventWithin(rows.dataSource.manager, {
      runId: id, name: 'paid', payload: '1', dedupeKey: null,
    }); // prettier-ignore
    await expect(outside).rejects.toMatchObject({ code: 'CONFIGURATION', violations: [{ path: 'manager' }] });
  });

  it('is history where the run has ended before anyone looked', async () => {
    const id = await rows.open(SLEEPING);
    await within(id, 'late', 1);
    await end(id);
    await store.matchEvents(10);
    expect(await store.matchEvents(10)).toEqual({ woken: [], left: 'none' });
    expect(await mailbox(id)).toEqual([['late', 1, null]]);
  });

  it('waits for a run that somebody has locked, without waiting itself', async () => {
    const { id, wait } = await waiting({ kind: 'event', names: ['paid'] });
    await within(id, 'paid', 1);
    const client = await rows.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [id]);
    expect(await store.matchEvents(10)).toMatchObject({ woken: [], left: 'locked' });
    await client.query('ROLLBACK');
    client.release();
    expect((await store.matchEvents(10)).woken).toHaveLength(1);
    expect(await mailbox(id)).toEqual([['paid', 1, wait]]);
  });

  it('of many runs is matched in batches', async () => {
    const runs = await Promise.all(Array.from({ length: 5 }, () => waiting({ kind: 'event', names: ['paid'] })));
    for (const { id } of runs) await within(id, 'paid');
    const woken: string[] = [];
    for (let left = 'more'; left === 'more';) {
      const done = await store.matchEvents(2);
      expect(done.woken.length).toBeLessThanOrEqual(2);
      woken.push(...done.woken.map((run) => run.runId));
      ({ left } = done);
    }
    expect(woken.toSorted()).toEqual(runs.map((run) => run.id).toSorted());
  });
});

describe('an answer', () => {
  const input = (name: string, spec: WaitSpec = {}) => ({ kind: 'input', names: [name], spec: encode(spec) });

  it('closes the input, and the run goes on; what was declared decides about it', async () => {
    const spec: WaitSpec = { type: 'approval', prompt: 'Well?' };
    const { id, wait } = await waiting(input('approve', spec));
    const refusing = waits.provideInput(id, { name: 'approve' }, (asked) => {
      expect(asked).toMatchObject({ name: 'approve', spec });
      throw new Error('no good');
    });
    await expect(refusing).rejects.toThrow('no good');
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'open' });
    expect(await waits.provideInput(id, { name: 'approve' }, () => encode(true))).toEqual([
      { runId: id, queue: 'default', paused: false, state: 'ready' },
    ]);
    expect(await rows.one('waits', wait)).toMatchObject({
      state: 'done', result: 'true', active: true, closed_at: expect.any(Date),
    }); // prettier-ignore
  });

  it('is refused where nothing waits for it any more, or never did', async () => {
    const { id, wait } = await waiting(input('a'));
    await rows.wait(id, { ...input('late'), state: 'timed_out' });
    await rows.wait(id, { ...input('gone'), state: 'cancelled', result: 'null' });
    await waits.provideInput(id, { inputId: wait }, () => encode(1));
    const provide = (selector: { name: string } | { inputId: string }) =>
      waits.provideInput(id, selector, () => encode(1));
    const code = 'INPUT_NOT_PENDING';
    await expect(provide({ name: 'a' })).rejects.toMatchObject({ code, input: 'a', status: 'completed' });
    await expect(provide({ inputId: wait })).rejects.toMatchObject({ code, input: 'a', status: 'completed' });
    await expect(provide({ name: 'late' })).rejects.toMatchObject({ code, status: 'timed_out' });
    await expect(provide({ name: 'gone' })).rejects.toMatchObject({ code, status: 'cancelled' });
    await expect(provide({ name: 'never' })).rejects.toMatchObject({ code, input: 'never', status: null });
    await end(id);
    await expect(provide({ name: 'a' })).rejects.toMatchObject({ code, status: 'completed' });
    const nobody = waits.provideInput(randomUUID(), { name: 'a' }, () => encode(1));
    await expect(nobody).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('must say which of several inputs of a name it is for', async () => {
    const id = await rows.open(SLEEPING);
    const first = await rows.wait(id, { ...input('sign'), path: 'people[0]/sign' });
    const second = await rows.wait(id, { ...input('sign'), path: 'people[1]/sign' });
    await expect(waits.provideInput(id, { name: 'sign' }, () => encode(1))).rejects.toMatchObject({
      code: 'AMBIGUOUS_INPUT', inputs: [{ id: first, step: 'sign' }, { id: second, step: 'sign' }],
    }); // prettier-ignore
    await waits.provideInput(id, { inputId: second }, () => encode(2));
    await waits.provideInput(id, { name: 'sign' }, () => encode(1));
    expect(await rows.one('waits', first)).toMatchObject({ result: '1' });
    expect(await rows.one('waits', second)).toMatchObject({ result: '2' });
  });
});

describe('the end of waiting', () => {
  it('is for all open waits, or those of a name, and says how many', async () => {
    const id = await rows.open(SLEEPING);
    const paid = await rows.wait(id, { kind: 'any', names: ['paid', 'refused'] });
    const asked = await rows.wait(id, { kind: 'input', names: ['approve'] });
    const slept = await rows.wait(id, { kind: 'sleep' });
    const done = await rows.wait(id, { kind: 'event', names: ['paid'], state: 'done' });
    expect(await waits.cancelWait(id, 'nothing', null)).toMatchObject({ count: 0, woken: [] });
    expect(await waits.cancelWait(id, 'refused', 'too late')).toEqual({
      count: 1, ended: [], undoing: [], woken: [{ runId: id, queue: 'default', paused: false, state: 'ready' }],
    }); // prettier-ignore
    expect(await rows.one('waits', paid)).toMatchObject({ state: 'cancelled', active: true, result: '"too late"' });
    expect(await waits.cancelWait(id, null, null)).toMatchObject({ count: 2 });
    expect(await rows.one('waits', asked)).toMatchObject({ state: 'cancelled', result: 'null' });
    expect(await rows.one('waits', slept)).toMatchObject({ state: 'cancelled' });
    expect(await rows.one('waits', done)).toMatchObject({ state: 'done', result: null });
    await end(id);
    expect(await waits.cancelWait(id, null, null)).toMatchObject({ count: 0 });
    await expect(waits.cancelWait(randomUUID(), null, null)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('cancels the children that were waited for, and no others', async () => {
    const id = await rows.open(SLEEPING);
    const child = await rows.open(SLEEPING, { parent_id: id, workflow: 'invoice' });
    const below = await rows.open({}, { parent_id: child });
    const other = await rows.open({}, { parent_id: id });
    const wait = await rows.wait(id, { kind: 'child', child_id: child });
    expect(await waits.cancelWait(id, 'order', null)).toMatchObject({ count: 0 });
    const done = await waits.cancelWait(id, 'invoice', 'stop');
    expect(done).toMatchObject({ count: 1, woken: [{ runId: id }] });
    expect(idsOf(done.ended)).toEqual([below, child].toSorted());
    expect(await rows.one('waits', wait)).toMatchObject({ state: 'cancelled', result: '"stop"' });
    expect(await rows.one('workflow_executions', below)).toMatchObject({ status: 'cancelled' });
    expect(await rows.one('workflow_executions', other)).toMatchObject({ status: 'active' });
  });
});
