import { encode } from '../../lib/core/codec/codec.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { findUnsound, repair, repairRates } from '../../lib/storage/engine/reconcile.js';
import { queryOf, transaction } from '../../lib/storage/connection/transaction.js';
import { PgWaits } from '../../lib/storage/client/waits.js';
import { Rows } from './rows.js';

let rows: Rows;

beforeEach(async () => {
  rows = await Rows.open();
});

afterEach(() => rows.close());

const SLEEPING = { state: 'sleeping', due_at: 'infinity', started_at: new Date() };

function find(after: string | null = null, limit = 1_000): Promise<{ rows: string[]; next: string | null }> {
  return findUnsound(queryOf(rows.pool), 'durable', after, limit);
}

function mend(runs: readonly string[]): ReturnType<typeof repair> {
  return transaction(rows.pool, (query) => repair(query, 'durable', runs));
}

it('finds nothing in runs whose waits, all or one of several, are not over', async () => {
  const child = await rows.open(SLEEPING);
  await rows.wait(child, { kind: 'event', names: ['never'] });
  const run = await rows.open(SLEEPING);
  await rows.wait(run, { kind: 'child', child_id: child });
  await rows.wait(run, { kind: 'all', names: ['a', 'b'] });
  await rows.wait(run, { kind: 'event', names: ['unmatched'] });
  await rows.pool.query(
    `INSERT INTO durable.events (run_id, sent_at, name, payload, unmatched)
     VALUES ($1, now(), 'a', '1', false), ($1, now(), 'unmatched', '1', true), ($1, now(), 'other', '1', false)`,
    [run],
  );
  await rows.open({});
  await rows.open(SLEEPING).then((waiting) => rows.queued({ step_of: waiting, step: '{}' }));
  expect(await find()).toEqual({ rows: [], next: null });
});

it('a wait that is due is no matter while its step is at work on another queue, and is one in any other step', async () => {
  const due_at = new Date(Date.now() - 1_000);
  const away = await rows.open(SLEEPING);
  await rows.wait(away, { kind: 'sleep', path: 'ask', due_at });
  await rows.queued({ step_of: away, step: JSON.stringify({ path: 'ask' }) });
  expect(await find()).toEqual({ rows: [], next: null });
  const missed = await rows.open(SLEEPING);
  await rows.wait(missed, { kind: 'sleep', path: 'ask', due_at });
  await rows.queued({ step_of: missed, step: JSON.stringify({ path: 'other' }) });
  expect(await find()).toEqual({ rows: [missed], next: null });
  expect((await mend([missed])).found.map(({ what }) => what)).toEqual(['due']);
});

it('takes a row whose run has ended, or is gone, out of the queue; the steps of a run that is gone too', async () => {
  const ended = await rows.run({ status: 'cancelled', error: '{}' });
  await rows.queued({ id: ended });
  const gone = await rows.queued({});
  const step = await rows.queued({ step_of: ended, step: '{}' });
  const { rows: found } = await find();
  expect(found.toSorted()).toEqual([ended, gone, step].toSorted());
  const mended = await mend(found);
  expect(mended.woken).toEqual([]);
  expect(mended.found.map(({ what }) => what)).toEqual(['over', 'over', 'over']);
  expect((await rows.pool.query('SELECT FROM durable.workflow_queue')).rowCount).toBe(0);
});

it('gives back what is set aside for a key that is none of its workflow', async () => {
  const wrong = await rows.open({ state: 'blocked', limit_key: 'another\n=a' });
  const none = await rows.open({ state: 'blocked' });
  await rows.open({ state: 'blocked', limit_key: 'order\n=a' });
  const { rows: found } = await find();
  expect(found).toEqual([wrong, none].toSorted());
  expect((await mend(found)).woken.map(({ runId, state }) => [runId, state])).toEqual(found.map((id) => [id, 'ready']));
  expect(await rows.one('workflow_queue', wrong)).toMatchObject({ state: 'ready', limit_key: null });
});

it('a run that sleeps is found by the end that no pass has heard of, whenever it came', async () => {
  const heard = await rows.open({ ...SLEEPING, heard: 8 });
  const missed = await rows.open({ ...SLEEPING, heard: 7 });
  for (const run of [heard, missed]) {
    await rows.wait(run, { kind: 'event', names: ['a'], state: 'done', ended: 8, closed_at: new Date(0) });
    await rows.wait(run, { kind: 'event', names: ['b'] });
  }
  expect((await find()).rows).toEqual([missed]);
  expect((await mend([heard, missed])).found).toEqual([{ subject: missed, what: 'ended' }]);
});

it('forgets what a rate would count until long after its period, and nothing else', async () => {
  await rows.pool.query(
    `INSERT INTO durable.queue_settings (queue, rate_limit, rate_period_ms) VALUES ('ai', 3, 60000), ('free', NULL, NULL);
     INSERT INTO durable.queue_rates VALUES ('ai', now() + interval '1 s', 1), ('ai', now() + interval '1 minute', 3)`,
  );
  expect(await repairRates(queryOf(rows.pool), 'durable')).toEqual([{ subject: 'ai', what: 'rate' }]);
  expect(await repairRates(queryOf(rows.pool), 'durable')).toEqual([]);
  expect((await rows.pool.query('SELECT n FROM durable.queue_rates')).rows).toEqual([{ n: 1 }]);
});

it('a delayed start whose time was set to never begins, as any run that sleeps and waits for nothing', async () => {
  const run = await rows.open({ state: 'sleeping', due_at: 'infinity' });
  await rows.open({ state: 'sleeping', due_at: new Date('2999-01-01') });
  expect((await find()).rows).toEqual([run]);
  const mended = await mend([run]);
  expect(mended.found).toEqual([{ subject: run, what: 'nothing' }]);
  expect(await rows.one('workflow_queue', run)).toMatchObject({ state: 'ready' });
});

it('goes through the queue a stretch at a time', async () => {
  const broken = [];
  for (let n = 0; n < 5; n++) broken.push(await rows.open(SLEEPING));
  broken.sort();
  const first = await find(null, 3);
  expect(first).toEqual({ rows: broken.slice(0, 3), next: broken[2] });
  expect(await find(broken[2], 3)).toEqual({ rows: broken.slice(3), next: null });
});

it('leaves a run that somebody has locked, and one that is woken in between', async () => {
  const run = await rows.open(SLEEPING);
  await rows.wait(run, { kind: 'event', names: ['a'] });
  await rows.pool.query(`INSERT INTO durable.events (run_id, sent_at, name, payload) VALUES ($1, now(), 'a', '1')`, [run]); // prettier-ignore
  expect((await find()).rows).toEqual([run]);
  await transaction(rows.pool, async (query) => {
    await query('SELECT FROM durable.workflow_queue WHERE id = $1 FOR UPDATE', [run]);
    expect(await mend([run])).toEqual({ found: [], woken: [] });
    await query('SELECT durable.match_waits($1)', [[run]]);
  });
  expect(await mend([run])).toEqual({ found: [], woken: [] });
  expect(await rows.one('workflow_queue', run)).toMatchObject({ state: 'ready' });
});

it('against the real wake-up at the same time: the event is given once, whoever comes first', async () => {
  const waits = new PgWaits({ pool: rows.pool, schema: 'durable', instanceId: rows.instanceId, unmatchedHint: null });
  for (let trial = 0; trial < 100; trial++) {
    const run = await rows.open(SLEEPING);
    const wait = await rows.wait(run, { kind: 'any', names: ['a', 'b'] });
    await rows.pool.query(`INSERT INTO durable.events (run_id, sent_at, name, payload) VALUES ($1, now(), 'a', '1')`, [run]); // prettier-ignore
    const event = { runId: run, name: 'b', payload: encode(2), dedupeKey: null, request: uuidv7() };
    await Promise.all([mend([run]), waits.sendEvent(event), mend([run])]);
    const { rows: given } = await rows.pool.query('SELECT name FROM durable.events WHERE wait_id = $1', [wait]);
    expect(given).toEqual([{ name: 'a' }]);
    expect(await rows.one('workflow_queue', run)).toMatchObject({ state: 'ready' });
  }
});

it('reads its rows by indexes beside 100 000 runs that wait', async () => {
  await rows.pool.query(
    `WITH run AS (SELECT gen_random_uuid() AS id, n FROM generate_series(1, 100000) AS n),
     history AS (
       INSERT INTO durable.workflow_executions (id, created_at, updated_at, definition_id, priority, workflow, queue, input)
       SELECT id, now(), now(), $1, 0, 'order', 'default', '{}' FROM run),
     waiting AS (
       INSERT INTO durable.waits (run_id, id, created_at, input_seq, round, visit, attempt, kind, type, path, key, names)
       SELECT id, gen_random_uuid(), now(), 0, 1, 1, 1, 'event', 'step', 'ask', 'event:a:1', '{a}' FROM run),
     mail AS (
       INSERT INTO durable.events (run_id, sent_at, name, payload) SELECT id, now(), 'other', '1' FROM run)
     INSERT INTO durable.workflow_queue (id, due_at, started_at, definition_id, priority, state, queue)
     SELECT id, 'infinity', now(), $1, 0, 'sleeping', 'default' FROM run`,
    [rows.definitionId],
  );
  await rows.pool.query('ANALYZE durable.workflow_queue, durable.waits, durable.events, durable.workflow_executions');
  const scans = async (): Promise<number> => {
    const { rows: found } = await rows.pool.query<{ n: number }>(
      `SELECT sum(seq_tup_read)::integer AS n FROM pg_stat_xact_user_tables WHERE schemaname = 'durable'`,
    );
    return found[0]?.n ?? 0;
  };
  const client = await rows.pool.connect();
  try {
    await client.query('BEGIN');
    const query = queryOf(client);
    expect((await findUnsound(query, 'durable', null, 1_000)).rows).toEqual([]);
    const [read] = await query<{ n: number; tuples: number }>(
      `SELECT sum(seq_tup_read)::integer AS n, sum(idx_tup_fetch)::integer AS tuples
       FROM pg_stat_xact_user_tables WHERE schemaname = 'durable'`,
      [],
    );
    expect(read?.n).toBe(0);
    // A queue row (twice), a wait (twice), a look at the mailbox and at the execution for each.
    expect(read?.tuples).toBeLessThan(8_000);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
  expect(await scans()).toBe(0);
});
