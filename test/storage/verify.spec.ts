import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { queryOf, snapshot } from '../../lib/storage/connection/transaction.js';
import { describeViolation, findViolations } from '../../lib/storage/reads/verify.js';
import { Rows } from './rows.js';

/** Each invariant is broken by hand, and found. */
let rows: Rows;

beforeEach(async () => {
  rows = await Rows.open();
});

afterEach(() => rows.close());

async function found(): Promise<string[]> {
  return (await snapshot(rows.pool, (query) => findViolations(query, 'durable'))).map(describeViolation);
}

/** A due time as a schedule writes it. */
const DUE = '2026-02-03T04:05:00.000Z';

function ago(minutes: number): Date {
  return new Date(Date.now() - minutes * 60_000);
}

async function event(runId: string, name: string, waitId: string | null = null, payload = '{}'): Promise<void> {
  await rows.pool.query(
    `INSERT INTO durable.events (run_id, sent_at, name, wait_id, payload) VALUES ($1, now(), $2, $3, $4)`,
    [runId, name, waitId, payload],
  );
}

async function schedule(nextRunAt: Date): Promise<void> {
  await rows.pool.query(
    `INSERT INTO durable.scheduled_workflows (name, id, workflow, from_code, cron, timezone, input, overlap, catch_up,
       catch_up_window, catch_up_limit, declared, enabled, next_run_at, created_at, updated_at)
     VALUES ('nightly', gen_random_uuid(), 'order', true, '5 4 * * *', 'UTC', '{}', 'skip', 'latest', 0, 1, '{}', true, $1,
       now(), now())`,
    [nextRunAt],
  );
}

it('finds nothing in what is as it should be', async () => {
  await rows.open({});
  const held = await rows.open({ state: 'running', worker_id: await rows.worker(), token: 2 });
  await rows.record(held, 1, { path: 'a', token: 1, output: '{}' });
  await rows.record(held, 2, { path: 'b~~once', type: 'once', token: 1, input_seq: 1, output: '1' });
  await rows.record(held, 3, { path: 'b', status: 'failed', error: '{}', token: 2, input_seq: 1, output: null });
  await rows.record(held, 4, { path: 'b', attempt: 2, token: 2, input_seq: 1, output: '{}' });
  const done = await rows.run({ status: 'completed', end_token: 1, data_seq: 1 });
  await rows.record(done, 1, { path: 'a', output: '{}' });
  const asleep = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: ago(5) });
  await rows.wait(asleep, { kind: 'event', names: ['approved'] });
  await event(asleep, 'other');
  const woken = await rows.open({ state: 'ready', started_at: ago(5) });
  await event(woken, 'paid', await rows.wait(woken, { kind: 'event', state: 'done', names: ['paid'] }));
  // A failed round: its events are in the mailbox again.
  await rows.wait(woken, { kind: 'any', state: 'done', active: false, names: ['x', 'y'] });
  await rows.run({ status: 'completed', end_token: 1, schedule_time: DUE, idempotency_key: `schedule:nightly:${DUE}` });
  await schedule(new Date());
  expect(await found()).toEqual([]);
});

it('I1: a run that nobody will ever take', async () => {
  const lost = await rows.run();
  const forgotten = await rows.open({ state: 'running', worker_id: 4711, token: 1 });
  const ended = await rows.run({ status: 'cancelled', error: '{}' });
  await rows.queued({ step_of: ended, step: '{}', queue: 'ai' });
  expect(await found()).toEqual([
    expect.stringContaining(`I1: run ${lost} is unfinished and has no row`),
    expect.stringContaining(`I1: run ${forgotten} is leased by worker 4711`),
    expect.stringContaining(`I1: run ${ended} has ended, or never was, and a step of it is still in queue "ai"`),
  ]);
});

it('I1: a run whose definition is not there, and a row of the queue whose run is not', async () => {
  const unknown = await rows.open({ definition_id: 4711 });
  const gone = await rows.queued({});
  expect(await found()).toEqual([
    `I1: run ${unknown} is of definition 4711, which is not stored: nobody can run it`,
    `I5: run ${gone} is gone and still in queue "default" (ready)`,
  ]);
});

it('I2: an attempt recorded twice, a step that goes on after its completion', async () => {
  const twice = await rows.open({ token: 1 });
  await rows.record(twice, 1, { path: 'a', status: 'failed', error: '{}', output: null });
  await rows.record(twice, 2, { path: 'a', status: 'failed', error: '{}', output: null });
  const again = await rows.open({ token: 1 });
  await rows.record(again, 1, { path: 'a', output: '{}' });
  await rows.record(again, 2, { path: 'a', attempt: 2, output: '{}' });
  const late = await rows.open({ token: 1 });
  await rows.record(late, 1, { path: 'a', output: '{}' });
  await rows.record(late, 2, { path: 'a', attempt: 2, status: 'failed', error: '{}', output: null });
  expect(await found()).toEqual([
    `I2: run ${twice} has 2 records of attempt 1 of a (round 1, visit 1)`,
    `I2: run ${again} completed a 2 times in round 1, visit 1`,
    `I2: run ${late} has record 2 of a after record 1, which completed it`,
  ]);
});

it('I2: a child that two attempts called, since the first call threw, is none; one that an attempt called twice is', async () => {
  const anew = await rows.open({ token: 1 });
  await rows.record(anew, 1, { path: 'a~~child:ship:1', type: 'child', output: '{}' });
  await rows.record(anew, 2, { path: 'a', status: 'failed', error: '{}', output: null });
  await rows.record(anew, 3, { path: 'a~~child:ship:1', type: 'child', attempt: 2, output: '{}' });
  const twice = await rows.open({ token: 1 });
  await rows.record(twice, 1, { path: 'a~~child:ship:1', type: 'child', output: '{}' });
  await rows.record(twice, 2, { path: 'a~~child:ship:1', type: 'child', output: '{}' });
  expect(await found()).toEqual([`I2: run ${twice} completed a~~child:ship:1 2 times in round 1, visit 1`]);
});

it('I3: tokens that decrease, or were never handed out', async () => {
  const fell = await rows.open({ token: 2 });
  await rows.record(fell, 1, { path: 'a', token: 2, output: '{}' });
  await rows.record(fell, 2, { path: 'b', token: 1, output: '{}' });
  const early = await rows.open({ token: 1 });
  await rows.record(early, 1, { path: 'a', token: 2, output: '{}' });
  const twice = await rows.open({ token: 1, state: 'sleeping', due_at: 'infinity' });
  const step = JSON.stringify({ path: 'a', visit: 1, round: 1 });
  await rows.queued({ step_of: twice, step });
  await rows.queued({ step_of: twice, step });
  expect(await found()).toEqual([
    `I3: run ${fell} has record 2 of b with token 1 after one with token 2`,
    `I3: run ${early} has record 1 of a with token 2, and its last lease had token 1`,
    `I3: run ${twice} has 2 leases of one step: a`,
  ]);
});

it('I3: a run that gave a step away counts its tokens apart, whatever its definition says by now', async () => {
  const run = await rows.open({ token: 3 });
  await rows.record(run, 1, { path: 'a', token: 2, output: '{}' });
  await rows.record(run, 2, { path: 'b', token: 2, type: 'remote' });
  await rows.record(run, 3, { path: 'b', token: 1, output: '{}', after_seq: 2, nth: 1 });
  await rows.record(run, 4, { path: 'c', token: 3, output: '{}' });
  expect(await found()).toEqual([]);
});

it('I4: records that are gone', async () => {
  const source = await rows.open({ token: 1 });
  await rows.record(source, 2, { path: 'b', input_seq: 1, output: '{}' });
  const data = await rows.run({ status: 'completed', end_token: 1, data_seq: 3 });
  const needs = await rows.open({ token: 1 }, { snapshot: '{}', snapshot_needs: [0, 1, 2] });
  await rows.record(needs, 1, { path: 'a', output: '{}' });
  expect(await found()).toEqual([
    `I4: run ${source} has record 2 of b, whose input was record 1, which is not there`,
    `I4: run ${data} has the data of record 3, which is not there`,
    `I4: run ${needs} needs record 2 to go on, which is not there`,
  ]);
});

it('I5: an end that is none', async () => {
  const queued = await rows.run({ status: 'completed', end_token: 1 });
  await rows.queued({ id: queued });
  const failed = await rows.run({ status: 'completed', end_token: 1 });
  await rows.record(failed, 1, { path: 'a', status: 'failed', error: '{}', output: null });
  const nobody = await rows.run({ status: 'failed', error: '{}' });
  expect(await found()).toEqual([
    `I5: run ${queued} is completed and still in queue "default" (ready)`,
    `I5: run ${failed} is completed, and the last attempt of a failed`,
    `I5: run ${nobody} is failed, and no lease has ended it`,
  ]);
});

it('I6: a run that sleeps through what it waits for', async () => {
  await rows.worker({ started_at: ago(5) });
  const asleep = { state: 'sleeping', due_at: 'infinity', started_at: ago(5) };
  const sent = await rows.open(asleep);
  await rows.wait(sent, { kind: 'event', names: ['approved'] });
  await event(sent, 'approved');
  const parked = await rows.open(asleep);
  const child = await rows.run({ status: 'completed', end_token: 1, parent_id: parked });
  await rows.wait(parked, { kind: 'child', child_id: child });
  const nothing = await rows.open(asleep);
  const over = await rows.open({ state: 'sleeping', due_at: ago(3), started_at: ago(5) });
  await rows.wait(over, { kind: 'sleep', due_at: ago(3) });
  const ended = await rows.run({ status: 'completed', end_token: 1 });
  await rows.wait(ended, { kind: 'sleep', due_at: ago(-3) });
  const lines = await found();
  expect(lines).toEqual([
    `I6: run ${sent} has an open wait, and the event is in its mailbox`,
    `I6: run ${parked} waits for a child that has ended or is gone`,
    `I6: run ${nothing} sleeps and waits for nothing`,
    expect.stringContaining(`I6: run ${over} sleeps in queue "default", was due 00:03:0`),
    `I6: run ${ended} is completed, and a wait of ask is still open`,
  ]);
});

describe('I6: a run that nobody takes', () => {
  const LIMIT = '{"limit":1,"hold":"working"}';

  async function ready(columns: Record<string, unknown> = {}): Promise<string> {
    return rows.open({ due_at: ago(5), ...columns }, { updated_at: ago(5) });
  }

  beforeEach(async () => {
    await rows.pool.query(
      `UPDATE durable.workflow_definitions
       SET definition = jsonb_set(definition::jsonb, '{concurrency}', '${LIMIT}')::json`,
    );
  });

  it('although a worker lives that has a place free', async () => {
    await rows.worker({ started_at: ago(5), capacity: '{"default":1}' });
    const run = await ready();
    const blocked = await ready({ state: 'blocked', limit_key: 'order\n=a' });
    expect((await found()).map((line) => line.replace(/ since .*,/, ','))).toEqual([
      `I6: run ${run} is ready in queue "default", and a worker lives that could take it`,
      `I6: run ${blocked} is blocked in queue "default", and a worker lives that could take it`,
    ]);
  });

  it('is as it should be where the workers are busy, the queue is paused or limited, or the key has no place', async () => {
    const busy = await rows.worker({ started_at: ago(5), capacity: '{"default":1,"ai":9,"narrow":9}' });
    await rows.open(
      { state: 'running', worker_id: busy, token: 1, started_at: ago(5), limit_key: 'order\n=a' },
      { updated_at: ago(5) },
    );
    await ready();
    await ready({ paused: true });
    await rows.open({ due_at: ago(5), queue: 'ai' }, { updated_at: ago(5), queue: 'ai' });
    await rows.open(
      { due_at: ago(5), queue: 'narrow', state: 'blocked', limit_key: 'order\n=a' },
      { updated_at: ago(5), queue: 'narrow' },
    );
    await rows.pool.query(`INSERT INTO durable.queue_settings (queue, paused_at) VALUES ('ai', now())`);
    expect(await found()).toEqual([]);
  });
});

it('I6: a step on another queue waits for its turn as long as such steps end', async () => {
  await rows.worker({ started_at: ago(5), capacity: '{"ai":1}' });
  const away = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: ago(5) }, { updated_at: ago(5) });
  await rows.queued({ step_of: away, step: '{"path":"a"}', queue: 'ai', due_at: ago(5) });
  const other = await rows.open({ token: 1, started_at: ago(5) });
  await rows.record(other, 2, { path: 'a', output: '{}', after_seq: 1, nth: 1 });
  expect(await found()).toEqual([]);
  await rows.pool.query('UPDATE durable.step_executions SET completed_at = $1', [ago(2)]);
  expect(await found()).toEqual([
    expect.stringMatching(`^I6: run ${away} is ready in queue "ai" since .*, and a worker lives that could take it$`),
  ]);
});

it("I6: what is due is nobody's fault where no worker has lived for a minute", async () => {
  await rows.worker();
  const over = await rows.open({ state: 'sleeping', due_at: ago(3), started_at: ago(5) });
  await rows.wait(over, { kind: 'sleep', due_at: ago(3) });
  expect(await found()).toEqual([]);
});

it('I7: an event that was given to no wait that asks for it, a wait with too few or too many', async () => {
  const nowhere = await rows.open({});
  await event(nowhere, 'approved', '00000000-0000-4000-8000-000000000000');
  const open = await rows.open({});
  await event(open, 'approved', await rows.wait(open, { kind: 'event', names: ['approved'] }));
  const other = await rows.open({});
  await event(other, 'paid', await rows.wait(other, { kind: 'event', state: 'done', names: ['approved'] }));
  const few = await rows.open({});
  await event(few, 'a', await rows.wait(few, { kind: 'all', state: 'done', names: ['a', 'b'] }));
  const many = await rows.open({});
  const wait = await rows.wait(many, { kind: 'any', state: 'done', active: false, names: ['a', 'b'] });
  await event(many, 'a', wait);
  await event(many, 'b', wait);
  expect(await found()).toEqual([
    expect.stringMatching(
      `^I7: run ${nowhere} has given event \\d+ \\(approved\\) to wait 0000.*, which it does not have$`,
    ),
    expect.stringMatching(`^I7: run ${open} has given event \\d+ \\(approved\\) to a wait of ask that is open$`),
    expect.stringMatching(
      `^I7: run ${other} has given event \\d+ \\(paid\\) to a wait of ask that does not ask for it$`,
    ),
    `I7: run ${few} has a wait of ask that takes 2 events and was given 1`,
    `I7: run ${many} has a wait of ask that takes 1 events and was given 2`,
  ]);
});

it('I6, I7: waits and events of a run that is gone, whatever became of them', async () => {
  const gone = randomUUID();
  await rows.wait(gone, { kind: 'sleep', due_at: ago(-3) });
  const done = await rows.wait(gone, { kind: 'event', state: 'done', active: false, names: ['paid'] });
  await event(gone, 'paid', done);
  await event(gone, 'other');
  expect((await found()).map((line) => line.replace(/event \d+/, 'event'))).toEqual([
    `I6: run ${gone} is gone, and a wait of ask is still open`,
    `I6: run ${gone} is gone, and a wait of ask is still there`,
    `I7: run ${gone} has event (paid), and there is no such run`,
    `I7: run ${gone} has event (other), and there is no such run`,
  ]);
});

it('I8: a due time whose run has another key, a schedule that is passed over', async () => {
  await rows.worker({ started_at: ago(5) });
  const run = await rows.open({}, { schedule_time: DUE, idempotency_key: 'schedule:nightly:2026-02-04T04:05:00.000Z' });
  await schedule(ago(3));
  expect(await found()).toEqual([
    expect.stringMatching(`^I8: run ${run} is of due time .* and has key schedule:nightly:2026-02-04T04:05:00.000Z`),
    expect.stringMatching('^I8: schedule "nightly" was due at .*, and a worker lives that should have started order$'),
  ]);
});

it('I8: a key that ends with no time at all', async () => {
  const run = await rows.open({}, { schedule_time: DUE, idempotency_key: 'schedule:nightly:2026-22-44T04:05:00.000Z' });
  expect(await found()).toEqual([expect.stringContaining(`I8: run ${run} is of due time`)]);
});

it('I9: more leases and more first claims than a limit lets through; leases of the dead', async () => {
  const { pool } = rows;
  const living = await rows.worker({ started_at: ago(5) });
  const dead = await rows.worker({ started_at: ago(9), dead_at: ago(3), expires_at: ago(3) });
  const held = { state: 'running', worker_id: living, token: 1, started_at: new Date() };
  await pool.query(
    `UPDATE durable.workflow_definitions SET definition = jsonb_set(definition::jsonb, '{concurrency}', '{"limit":1,"hold":"working"}')::json`,
  );
  for (let at = 0; at < 2; at++) await rows.open({ ...held, queue: 'ai', limit_key: 'order:k' }, { queue: 'ai' });
  const left = await rows.open({ ...held, worker_id: dead });
  await pool.query(
    `INSERT INTO durable.queue_settings (queue, global_concurrency, rate_limit, rate_period_ms, updated_at)
     VALUES ('ai', 1, 3, 60000, now() - interval '5 minutes')`,
  );
  await pool.query(`INSERT INTO durable.queue_rates VALUES ('ai', now(), 2), ('ai', now() - interval '30 s', 2)`);
  const broken = [
    'I9: queue "ai" has 2 leases, and lets 1 through',
    'I9: queue "ai" has begun 4 runs within 60000 ms, and lets 3 through',
    'I9: key order:k has 2 leases, and its workflow lets 1 through',
    `I9: run ${left} is leased by worker ${dead}, which died more than a minute ago, and another one lives`,
  ];
  expect(await found()).toEqual(broken);
  // A limit that was lowered just now: what came before it is within the one that was.
  await pool.query('UPDATE durable.queue_settings SET updated_at = now()');
  expect(await found()).toEqual(broken.slice(2));
});

it('I6: a run that waits for a place of a key of another workflow', async () => {
  const run = await rows.open({ state: 'blocked', limit_key: 'other\n=a' });
  expect(await found()).toEqual([`I6: run ${run} waits for a place of a key that is none of its workflow`]);
});

it('a look that a value ends is told, and the others go on', async () => {
  const run = await rows.open({ state: 'running', worker_id: await rows.worker(), token: 1, limit_key: 'order\n=a' });
  await rows.pool.query(
    `UPDATE durable.workflow_definitions SET definition = '{"concurrency":{"limit":"none","hold":"working"}}'`,
  );
  const cut = await rows.open({}, { input: '{"n":' });
  await rows.worker({ started_at: ago(5) });
  const early = await rows.open({ state: 'sleeping', due_at: '-infinity', started_at: ago(5) });
  await rows.wait(early, { kind: 'sleep', due_at: ago(5) });
  expect(run).toBeDefined();
  expect(await found()).toEqual([
    expect.stringMatching(`^I6: run ${early} sleeps in queue "default", was due .* ago`),
    expect.stringMatching(/^I9: could not be looked at to the end: .*"none"/),
    `I10: run ${cut} has an input that is no JSON text`,
  ]);
});

it('I10: payloads that are cut short', async () => {
  const run = await rows.open({ token: 1 }, { input: '{"n":' });
  await rows.record(run, 1, { path: 'a', output: '"text' });
  await event(run, 'paid', null, 'tru');
  for (const body of ['true', 'null', '-1.5e+21', '"x"', '[]', '{"a":"}"}']) await rows.open({}, { input: body });
  await schedule(new Date(Date.now() + 3_600_000));
  await rows.pool.query(`UPDATE durable.scheduled_workflows SET input = '{"n":', last_error = '{', declared = ''`);
  await rows.pool.query(
    `INSERT INTO durable.declarations (kind, subject, definition_id, hash, body) VALUES ('queue', 'ai', 0, 'h', '{"limits"')`,
  );
  expect(await found()).toEqual([
    `I10: run ${run} has an input that is no JSON text`,
    `I10: run ${run} has record 1 of a that is no JSON text`,
    expect.stringMatching(`^I10: run ${run} has event \\d+ \\(paid\\) that is no JSON text$`),
    'I10: schedule "nightly" has an input that is no JSON text',
    'I10: schedule "nightly" has an error that is no JSON text',
    'I10: schedule "nightly" has a declaration that is no JSON text',
    expect.stringMatching(/^I10: declaration \d+ \(queue of "ai"\) has a body that is no JSON text$/),
  ]);
});

it('I10: what a run is opened by that is cut short', async () => {
  const run = await rows.open(
    { state: 'sleeping', due_at: ago(-5), started_at: ago(5), token: 1, heard: 1, cancel: '{"name"' },
    { snapshot: '{"round":1,' },
  );
  await rows.wait(run, { kind: 'input', state: 'done', names: ['a'], spec: '{"type":', result: '"ye' });
  await rows.record(run, 1, { path: 'a', output: '{}', facts: '{"items":' });
  await rows.queued({ step_of: run, step: '{"path":', queue: 'ai' });
  await rows.queued({ step_of: run, step: '{"path":', queue: 'ai' });
  expect(await found()).toEqual([
    `I10: run ${run} was suspended in a state that is no JSON text`,
    `I10: run ${run} has record 1 of a that is no JSON text`,
    `I10: run ${run} has a wait of ask that is no JSON text`,
    `I10: run ${run} has a wait of ask that is no JSON text`,
    `I10: run ${run} is to be cancelled with an error that is no JSON text`,
    `I10: run ${run} has a step on another queue that is no JSON text`,
    `I10: run ${run} has a step on another queue that is no JSON text`,
  ]);
});

it('I6, I10: a wait that is over, of a run whose step on another queue cannot be read', async () => {
  const asleep = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: ago(9) });
  await rows.wait(asleep, { kind: 'sleep', path: 'ask', due_at: ago(3) });
  await rows.queued({ step_of: asleep, step: '{"path":"as', queue: 'ai' });
  const quoted = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: ago(9) });
  await rows.wait(quoted, { kind: 'sleep', path: 'a "\\ n\u00e9', due_at: ago(3) });
  await rows.queued({ step_of: quoted, step: JSON.stringify({ path: 'a "\\ n\u00e9', visit: 1 }), queue: 'ai' });
  expect(await found()).toEqual([
    `I6: run ${asleep} has an open wait that is over, and sleeps on`,
    `I10: run ${asleep} has a step on another queue that is no JSON text`,
  ]);
});

it('I11: sessions that stand idle in a transaction, or keep an advisory lock', async () => {
  // The server as it would look an hour later.
  await rows.pool.query(
    `CREATE VIEW public.pg_stat_activity AS
     SELECT datname, pid, application_name, state, wait_event_type, state_change - interval '1 hour' AS state_change
     FROM pg_catalog.pg_stat_activity`,
  );
  const name = 'nest-durable:spec';
  const [idle, keeper, other] = await Promise.all(
    [name, name, 'another'].map(async (application_name) => {
      const client = new pg.Client({ connectionString: rows.url, application_name });
      await client.connect();
      return client;
    }),
  );
  const looking = await rows.pool.connect();
  try {
    await idle?.query('BEGIN');
    await idle?.query('SELECT FROM durable.workflow_queue');
    for (const client of [keeper, other]) await client?.query('SELECT pg_advisory_lock_shared(1)');
    await looking.query('SET search_path = public, pg_catalog; BEGIN');
    const lines = (await findViolations(queryOf(looking), 'durable')).map(describeViolation);
    expect(lines.map((line) => line.replace(/session \d+/, 'session').replace(/ for .*/, '')).toSorted()).toEqual([
      `I11: session (${name}) is idle in transaction`,
      `I11: session (${name}) is idle with an advisory lock`,
    ]);
  } finally {
    looking.release(true);
    for (const client of [idle, keeper, other]) await client?.end();
  }
});
