import { newRun, type NewRun } from '../../lib/core/run/new-run.js';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { decode, encode } from '../../lib/core/codec/codec.js';
import { PgControl } from '../../lib/storage/client/control.js';
import { createTestDatabase } from '../support/database.js';
import { aroundPool } from '../support/lender.js';
import { Rows } from './rows.js';

let rows: Rows;
let control: PgControl;

beforeAll(async () => {
  rows = await Rows.open();
  control = new PgControl({
    pool: rows.pool,
    schema: 'durable',
    instanceId: rows.instanceId,
    hint: (queue) => ({ channel: 'test_hints', payload: queue }),
  });
});

afterAll(() => rows.close());

function orderRun(changes: Partial<NewRun> = {}): NewRun {
  return newRun({
    workflow: 'order',
    definitionId: rows.definitionId,
    queue: 'default',
    priority: 0,
    input: encode({ n: 1, at: new Date(0) }),
    ...changes,
  });
}

/** Resolves once a session of the test's database waits for a lock. */
async function untilBlocked(): Promise<void> {
  for (;;) {
    const { rows: found } = await rows.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (found.length > 0) return;
  }
}

describe('starts', () => {
  it('stores the run with its row in the queue', async () => {
    const run = orderRun({ queue: 'ai', priority: 7, tags: { customer: 'c1' } });
    expect(await control.startUnique(run, true)).toEqual({ id: run.id, created: true });
    expect(await rows.one('workflow_executions', run.id)).toMatchObject({
      status: 'active', workflow: 'order', queue: 'ai', priority: 7, tags: { customer: 'c1' }, input: run.input,
      scheduled_at: null, started_at: null, data_seq: '0', round: 1,
    }); // prettier-ignore
    expect(await rows.one('workflow_queue', run.id)).toMatchObject({
      state: 'ready', queue: 'ai', priority: 7, started_at: null, token: 0,
    }); // prettier-ignore
  });

  it('lets a run sleep until its time, and starts one at once whose time is past', async () => {
    const later = orderRun({ delayMs: 60_000 });
    const dated = orderRun({ scheduledAt: '2100-01-01T00:00:00.000Z' });
    const past = orderRun({ scheduledAt: '2000-01-01T00:00:00.000Z' });
    await control.startMany([later, dated, past]);
    const queued = await Promise.all([later, dated, past].map((run) => rows.one('workflow_queue', run.id)));
    expect(queued.map((row) => row?.['state'])).toEqual(['sleeping', 'sleeping', 'ready']);
    expect(queued[1]?.['due_at']).toEqual(new Date('2100-01-01T00:00:00.000Z'));
    const kept = await rows.one('workflow_executions', later.id);
    expect(kept?.['scheduled_at']).toEqual(queued[0]?.['due_at']);
    expect(Number(kept?.['scheduled_at']) - Number(kept?.['created_at'])).toBe(60_000);
    expect(Number(queued[2]?.['due_at'])).toBeGreaterThan(Date.UTC(2020));
  });

  it('refuses an id that is taken', async () => {
    const run = orderRun();
    await control.startUnique(run, true);
    await expect(control.startUnique(run, true)).rejects.toMatchObject({
      code: 'EXECUTION_EXISTS',
      executionId: run.id,
    });
  });

  it('makes one run of 50 starts with one key', async () => {
    const before = await rows.count('workflow_executions');
    const starts = Array.from({ length: 50 }, () => control.startUnique(orderRun({ idempotencyKey: 'fifty' }), false));
    const started = await Promise.all(starts);
    expect(new Set(started.map((run) => run.id)).size).toBe(1);
    expect(started.filter((run) => run.created)).toHaveLength(1);
    expect(await rows.count('workflow_executions')).toBe(before + 1);
  });

  it('compares the inputs of a key by value, not by the order of their fields', async () => {
    const first = orderRun({ idempotencyKey: 'k', input: encode({ a: 1, b: new Map([[1, 2]]) }) });
    await control.startUnique(first, false);
    const same = orderRun({ idempotencyKey: 'k', input: encode({ b: new Map([[1, 2]]), a: 1 }) });
    expect(await control.startUnique(same, false)).toEqual({ id: first.id, created: false });
    const other = orderRun({ idempotencyKey: 'k', input: encode({ a: 1, b: new Map([[1, 3]]) }) });
    await expect(control.startUnique(other, false)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT', idempotencyKey: 'k', existingId: first.id,
    }); // prettier-ignore
    const elsewhere = orderRun({ idempotencyKey: 'k', workflow: 'invoice' });
    expect(await control.startUnique(elsewhere, false)).toEqual({ id: elsewhere.id, created: true });
  });

  it('gives the run of the key where id and key are both taken', async () => {
    const run = orderRun({ idempotencyKey: 'both' });
    await control.startUnique(run, true);
    expect(await control.startUnique(run, true)).toEqual({ id: run.id, created: false });
  });

  it('waits for the transaction that has the key, and goes by how it ends', async () => {
    const run = orderRun({ idempotencyKey: 'open' });
    const second = orderRun({ idempotencyKey: 'open' });
    let later: Promise<unknown> = Promise.resolve();
    await expect(
      rows.dataSource.transaction(async (manager) => {
        await control.startWithin(manager, [run]);
        later = control.startUnique(second, false);
        await untilBlocked();
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await later).toEqual({ id: second.id, created: true });
  });

  it('starts many in order, all or none', async () => {
    const runs = Array.from({ length: 2_500 }, (_, n) => orderRun({ input: encode({ n }), tags: { n: String(n) } }));
    const started = await control.startMany(runs);
    expect(started).toEqual(runs.map(({ id }) => ({ id, created: true })));
    const before = await rows.count('workflow_executions');
    const taken = runs[2_400] as NewRun;
    const again = [...Array.from({ length: 1_500 }, () => orderRun()), taken];
    await expect(control.startMany(again)).rejects.toMatchObject({ code: 'EXECUTION_EXISTS', executionId: taken.id });
    expect(await rows.count('workflow_executions')).toBe(before);
    expect(await rows.one('workflow_queue', again[0]?.id ?? '')).toBeUndefined();
  });

  it('starts those with new ids in one statement, and refuses an id that is taken all the same', async () => {
    const runs = Array.from({ length: 50 }, () => orderRun());
    const statements: string[] = [];
    const pool = aroundPool(rows.pool, (text, send) => {
      statements.push(text);
      return send();
    });
    const counted = new PgControl({ pool, schema: 'durable', instanceId: rows.instanceId, hint: null });
    expect(await counted.startMany(runs, false)).toEqual(runs.map(({ id }) => ({ id, created: true })));
    expect(statements).toHaveLength(1);
    const taken = runs[7] as NewRun;
    await expect(counted.startMany([taken], false)).rejects.toMatchObject({
      code: 'EXECUTION_EXISTS',
      executionId: taken.id,
    });
  });

  it('finds keys and ids that come twice in one batch', async () => {
    const first = orderRun({ idempotencyKey: 'twice' });
    const second = orderRun({ idempotencyKey: 'twice' });
    expect(await control.startMany([first, second])).toEqual([
      { id: first.id, created: true },
      { id: first.id, created: false },
    ]);
    const run = orderRun();
    await expect(control.startMany([run, run])).rejects.toMatchObject({ code: 'EXECUTION_EXISTS' });
    const conflict = orderRun({ idempotencyKey: 'twice', input: '{}' });
    await expect(control.startMany([orderRun(), conflict])).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('lets batches with the same keys in another order through, with one run a key', async () => {
    const keys = Array.from({ length: 200 }, (_, n) => `shared-${n}`);
    const batches = Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? keys : keys.toReversed()));
    const started = await Promise.all(
      batches.map((batch) => control.startMany(batch.map((idempotencyKey) => orderRun({ idempotencyKey })))),
    );
    const ids = started.map((runs, n) => (n % 2 === 0 ? runs : runs.toReversed()).map((run) => run.id));
    for (const list of ids) expect(list).toEqual(ids[0]);
    expect(started.flat().filter((run) => run.created)).toHaveLength(200);
  });
});

describe('starts in a transaction of the caller', () => {
  it('has the run if and only if it commits, and tells the workers by the commit', async () => {
    const listening = await rows.pool.connect();
    const heard: string[] = [];
    listening.on('notification', ({ payload }) => heard.push(payload ?? ''));
    await listening.query('LISTEN test_hints');
    const kept = orderRun({ queue: 'mail' });
    const gone = orderRun({ queue: 'lost' });
    try {
      await rows.dataSource.transaction((manager) => control.startWithin(manager, [kept]));
      await rows.dataSource
        .transaction(async (manager) => {
          await control.startWithin(manager, [gone]);
          throw new Error('no');
        })
        .catch(() => {});
      await listening.query('SELECT 1');
    } finally {
      await listening.query('UNLISTEN *');
      listening.release(true);
    }
    expect(heard).toEqual(['mail']);
    expect(await rows.one('workflow_executions', kept.id)).toBeDefined();
    expect(await rows.one('workflow_queue', kept.id)).toBeDefined();
    expect(await rows.one('workflow_executions', gone.id)).toBeUndefined();
  });

  it('tells of a run with a time of its own those who claim and those who wake: it may have come', async () => {
    const told: string[] = [];
    const { pool, instanceId } = rows;
    const hint = (queue: string, later: boolean): { channel: string; payload: string } => {
      told.push(`${queue} ${later ? 'later' : 'now'}`);
      return { channel: 'nobody', payload: '' };
    };
    const hinting = new PgControl({ pool, schema: 'durable', instanceId, hint });
    const runs = [
      orderRun({ queue: 'plain' }),
      orderRun({ queue: 'delayed', delayMs: 60_000 }),
      orderRun({ queue: 'timed', scheduledAt: new Date(0).toISOString() }),
    ];
    await rows.dataSource.transaction((manager) => hinting.startWithin(manager, runs));
    expect(told.toSorted()).toEqual(['delayed later', 'plain now', 'timed later', 'timed now']);
  });

  it('leaves the transaction usable after a conflict', async () => {
    const taken = orderRun();
    await control.startUnique(taken, true);
    const other = orderRun();
    await rows.dataSource.transaction(async (manager) => {
      await expect(control.startWithin(manager, [taken])).rejects.toMatchObject({ code: 'EXECUTION_EXISTS' });
      await control.startWithin(manager, [other]);
    });
    expect(await rows.one('workflow_executions', other.id)).toBeDefined();
  });

  it('refuses a manager outside a transaction, and one on another database, whose transaction goes on', async () => {
    const run = orderRun();
    const outside = control.startWithin(rows.dataSource.manager, [run]);
    await expect(outside).rejects.toMatchObject({ code: 'CONFIGURATION', violations: [{ path: 'manager' }] });
    for (const migrated of [true, false]) {
      const { url } = await createTestDatabase({ migrated });
      const other = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
      try {
        await other.query(`UPDATE durable.instance SET id = gen_random_uuid()`).catch(() => {});
        await other.transaction(async (manager) => {
          await expect(control.startWithin(manager, [run])).rejects.toThrow('on another');
          expect(await manager.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
        });
      } finally {
        await other.destroy();
      }
    }
    expect(await rows.one('workflow_executions', run.id)).toBeUndefined();
  });
});

describe('cancel', () => {
  it('ends a run that nobody holds, with the data of its last step', async () => {
    const started = new Date('2026-01-01T00:00:00Z');
    const id = await rows.open({ state: 'sleeping', started_at: started }, { snapshot: '{}', snapshot_seq: 3 });
    await rows.record(id, 1, { output: '{"n":2}' });
    await rows.record(id, 2, { output: '"x"', type: 'once' });
    await rows.record(id, 3, { status: 'failed', error: '{}' });
    expect(await control.cancel(id, 'not wanted')).toMatchObject({
      cancelled: true, ended: [{ id, workflow: 'order', status: 'cancelled', leased: false, watched: false }], undoing: [], woken: []
    }); // prettier-ignore
    const row = await rows.one('workflow_executions', id);
    expect(row).toMatchObject({ status: 'cancelled', data_seq: '1', snapshot: null, started_at: started });
    expect(decode(String(row?.['error']))).toEqual({
      name: 'WorkflowCancelledError', code: 'WORKFLOW_CANCELLED', message: 'not wanted', reason: 'not wanted',
    }); // prettier-ignore
    expect(await rows.one('workflow_queue', id)).toBeUndefined();
    expect(await control.outcomes([id])).toEqual(
      new Map([[id, { status: 'cancelled', data: '{"n":2}', error: row?.['error'] }]]),
    );
  });

  it('takes its steps on other queues along, and says that a worker has one', async () => {
    const worker = await rows.worker();
    const id = await rows.open({ state: 'sleeping', due_at: 'infinity', watched: true });
    const step = await rows.queued({ step_of: id, step: '{}', state: 'running', worker_id: worker, queue: 'ai' });
    expect(await control.cancel(id, null)).toMatchObject({
      cancelled: true,
      ended: [{ id, workflow: 'order', leased: true, watched: true }],
    });
    expect(await rows.one('workflow_queue', step)).toBeUndefined();
  });

  it('goes back to the input where a new round has recorded nothing yet', async () => {
    const id = await rows.open({}, { round: 2 });
    await rows.record(id, 1, { output: '{"n":2}', round: 1 });
    await control.cancel(id, null);
    expect((await control.outcomes([id])).get(id)).toMatchObject({ data: '{"n":1}' });
  });

  it('leaves a finished run alone, and knows that there is none', async () => {
    const id = await rows.run({ status: 'completed' });
    expect(await control.cancel(id, null)).toEqual({ cancelled: false, ended: [], undoing: [], woken: [] });
    expect(await rows.one('workflow_executions', id)).toMatchObject({ status: 'completed', error: null });
    await expect(control.cancel(randomUUID(), null)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('waits for a commit under way, sees the step it handed over, and lets an end win', async () => {
    const worker = await rows.worker();
    const handing = await rows.open({ state: 'running', worker_id: worker });
    const ending = await rows.open({ state: 'running', worker_id: worker });
    const client = await rows.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.workflow_queue WHERE id = ANY ($1) FOR UPDATE', [[handing, ending]]);
    const cancels = Promise.all([control.cancel(handing, null), control.cancel(ending, null)]);
    await untilBlocked();
    await client.query(
      `INSERT INTO durable.workflow_queue (id, step_of, step, due_at, definition_id, priority, state, queue)
       VALUES (gen_random_uuid(), $1, '{}', now(), 1, 0, 'ready', 'ai')`,
      [handing],
    );
    await client.query('DELETE FROM durable.workflow_queue WHERE id = $1', [ending]);
    await client.query(
      `UPDATE durable.workflow_executions SET status = 'completed', completed_at = now() WHERE id = $1`,
      [ending],
    );
    await client.query('COMMIT');
    client.release();
    expect((await cancels).map((one) => one.cancelled)).toEqual([true, false]);
    const { rows: left } = await rows.pool.query('SELECT FROM durable.workflow_queue WHERE step_of = $1', [handing]);
    expect(left).toEqual([]);
  });
});

describe('pause and resume', () => {
  it('marks the run and its steps, once', async () => {
    const id = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: new Date() });
    const step = await rows.queued({ step_of: id, step: '{}', queue: 'ai' });
    expect(await control.pause(id)).toMatchObject({ changed: true });
    expect(await control.pause(id)).toMatchObject({ changed: false });
    expect(await rows.one('workflow_queue', step)).toMatchObject({ paused: true });
    expect(await control.resume(id)).toEqual({ changed: true, queues: ['ai'], waits: true, leased: false });
    expect(await control.resume(id)).toEqual({ changed: false, queues: [], waits: false, leased: false });
    expect(await rows.one('workflow_queue', id)).toMatchObject({ paused: false, state: 'sleeping', due_at: Infinity });
    expect(await rows.one('workflow_queue', step)).toMatchObject({ paused: false, state: 'ready' });
  });

  it('keeps what a paused run sleeps for, and forgets why it was paused', async () => {
    const due = new Date('2100-01-01T00:00:00Z');
    const error = encode({ name: 'DefinitionChangedError', message: 'gone' });
    const asleep = await rows.open({ state: 'sleeping', due_at: due, paused: true });
    const parked = await rows.open({ state: 'ready', paused: true, started_at: new Date() }, { error });
    expect(await control.resume(asleep)).toEqual({ changed: true, queues: [], waits: true, leased: false });
    expect(await rows.one('workflow_queue', asleep)).toMatchObject({ state: 'sleeping', due_at: due });
    expect(await control.resume(parked)).toEqual({ changed: true, queues: ['default'], waits: false, leased: false });
    expect(await rows.one('workflow_executions', parked)).toMatchObject({ error: null });
  });

  it('refuses what has ended, and what never was', async () => {
    const id = await rows.run({ status: 'failed', error: '{}' });
    for (const verb of [control.pause.bind(control), control.resume.bind(control)]) {
      await expect(verb(id)).rejects.toMatchObject({ code: 'EXECUTION_FINISHED', status: 'failed' });
      await expect(verb(randomUUID())).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
    }
  });
});

describe('what a client asks', () => {
  it('gives the source of a retry, of finished runs alone', async () => {
    const id = await rows.run({ status: 'failed', error: '{}', queue: 'ai', priority: 3, tags: { a: 'b' } });
    expect(await control.retrySource(id)).toMatchObject({
      workflow: 'order', queue: 'ai', priority: 3, tags: { a: 'b' }, input: '{"n":1}',
    }); // prettier-ignore
    const open = await rows.open({});
    await expect(control.retrySource(open)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FINISHED' });
    await expect(control.retrySource(randomUUID())).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('marks runs as watched, and never waits for one that is locked', async () => {
    const free = await rows.open({});
    const locked = await rows.open({});
    const client = await rows.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [locked]);
    await control.watch([locked, free, randomUUID()]);
    await client.query('ROLLBACK');
    client.release();
    expect(await rows.one('workflow_queue', free)).toMatchObject({ watched: true });
    expect(await rows.one('workflow_queue', locked)).toMatchObject({ watched: false });
  });

  it('tells how runs ended: the data by reference, nothing of those that go on, nothing of those that are not', async () => {
    const done = await rows.run({ status: 'completed', data_seq: 2 });
    await rows.record(done, 2, { output: '{"n":3}' });
    const unchanged = await rows.run({ status: 'completed' });
    const open = await rows.open({});
    expect(await control.outcomes([done, unchanged, open, randomUUID()])).toEqual(
      new Map([
        [done, { status: 'completed', data: '{"n":3}', error: null }],
        [unchanged, { status: 'completed', data: '{"n":1}', error: null }],
        [open, null],
      ]),
    );
  });

  it('knows the definitions of workflows that are not here', async () => {
    await rows.addDefinition('elsewhere', 1);
    const latest = await rows.addDefinition('elsewhere', 2);
    expect(await control.definition('elsewhere')).toMatchObject({ id: latest, definition: { name: 'elsewhere' } });
    expect(await control.definition('nowhere')).toBeNull();
    expect(await control.workflowNames()).toEqual(['elsewhere', 'order']);
  });
});
