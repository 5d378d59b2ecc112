import { randomUUID } from 'node:crypto';
import {
  callWorkflow,
  Compensate,
  type DurableClient,
  DurableQueues,
  FatalError,
  ForEach,
  Schedule,
  sleep,
  type Standing,
  Step,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import { Gate, onTestServer } from '../testing/support.js';

/** The sentence that the database's rows give for a run in each state. */

class CardError extends Error {
  override name = 'CardError';
}

let gate: Gate;
let reached: Gate;
const broken = new Set<string>();

async function hold(): Promise<void> {
  const { promise } = gate;
  reached.open();
  await promise;
}

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step({ compensate: 'cancelFlight' })
  bookFlight() {}

  @Step({ compensate: 'cancelHotel' })
  bookHotel() {}

  @Step({ retry: { maxAttempts: 3, jitter: false } })
  charge() {
    if (broken.has('charge')) throw new CardError('declined');
  }

  @Compensate()
  async cancelFlight() {
    if (broken.has('cancelFlight')) throw new FatalError('no refund');
    if (broken.has('hold')) await hold();
  }

  @Compensate()
  cancelHotel() {}
}

@Workflow({ name: 'waits', timeout: 86_400_000 })
class WaitsWorkflow {
  @Step()
  async waits({ what }: { what: string }) {
    if (what === 'event') await waitForEvent('paid', { timeout: 60_000, timeoutValue: null });
    if (what === 'any') await waitForAny(['paid', 'declined']);
    if (what === 'all') await waitForAll(['packed', 'paid', 'signed']);
    if (what === 'input') await waitForApproval('approve', { timeout: 60_000, onTimeout: 'fail' });
    if (what === 'sleep') await Promise.all([sleep(3_600_000), waitForEvent('a'), waitForEvent('b')]);
    if (what === 'child') await callWorkflow('waits', { what: 'event' });
    if (what === 'hold') await hold();
  }

  @Step({ queue: 'gpu' })
  resize() {}
}

@Workflow({ name: 'loop' })
class LoopWorkflow {
  @ForEach('sendOne', { concurrency: 2, onError: 'completeAll' })
  recipients() {
    return [0, 1, 2, 3, 4];
  }

  @Step()
  async sendOne(n: number) {
    if (n === 1) throw new Error('no address');
    if (n >= 2) await hold();
  }
}

@Workflow({ name: 'limited', concurrency: { key: (input: { customer: string }) => input.customer, limit: 1 } })
class LimitedWorkflow {
  @Step()
  work() {
    return hold();
  }
}

@Workflow({
  name: 'keeps',
  concurrency: { key: (input: { customer: string }) => input.customer, limit: 1, hold: 'run' },
})
class KeepsWorkflow {
  @Step()
  async signed() {
    await waitForEvent('signed');
  }

  @Step()
  work() {
    return hold();
  }
}

@Workflow({ name: 'rounds', maxRetries: 2 })
@Schedule({ name: 'nightly', cron: '0 3 * * *', enabled: false })
class RoundsWorkflow {
  @Step()
  fails() {
    if (broken.has('rounds')) throw new CardError('declined');
  }
}

let test: DurableTest;
let client: DurableClient;
let pool: pg.Pool;

beforeAll(async () => {
  const providers = [OrderWorkflow, WaitsWorkflow, LoopWorkflow, LimitedWorkflow, KeepsWorkflow, RoundsWorkflow];
  const rated = { rateLimit: { limit: 2, period: 3_600_000 } };
  const durable = { queues: { default: { concurrency: 4 }, gpu: { concurrency: 1 }, rated } };
  test = await createDurableTest({ providers, durable }, onTestServer);
  client = test.client;
  pool = new pg.Pool({ connectionString: test.url, max: 1 });
});

beforeEach(() => {
  broken.clear();
  gate = new Gate();
  reached = new Gate();
});

afterAll(async () => {
  await pool.end();
  await test.close();
});

async function explained(id: string): Promise<Standing> {
  const standing = await client.explain(id);
  if (standing === null) throw new Error('There is no such run');
  return standing;
}

async function waiting(what: string): Promise<Standing & { id: string }> {
  const { id } = await client.start(WaitsWorkflow, { what });
  await test.idle();
  return { id, ...(await explained(id)) };
}

it('gives null for an unknown run, and refuses what is no id', async () => {
  expect(await client.explain(randomUUID())).toBeNull();
  await expect(client.explain('order')).rejects.toThrow('is not valid');
});

it('a completed run says how long it took and worked', async () => {
  const { id } = await client.start(OrderWorkflow, {});
  await test.idle();
  const standing = await client.handle(id).explain();
  expect(standing).toMatchObject({ kind: 'completed', until: null, waits: [], nextAttemptAt: null, blockedBy: null });
  expect(standing?.title).toMatch(/^Completed after \d+ m?s; it worked for \d+(\.\d)? m?s of them$/);
});

it('a run whose step is tried again says how often it failed, and when the next attempt is', async () => {
  broken.add('charge');
  const { id } = await client.start(OrderWorkflow, {});
  await test.idle();
  const first = await explained(id);
  expect(first).toMatchObject({ kind: 'retry', title: 'Tries `charge` again: 1 of 3 attempts have failed with `CardError`', step: 'charge' }); // prettier-ignore
  expect(first.until?.getTime()).toBeCloseTo(test.now().getTime() + 1_000, -2);
  expect(first.nextAttemptAt).toEqual(first.until);
  expect(first.detail).toBe('declined. If all fail, the run fails and is undone.');
  await test.advance(1_000);
  expect((await explained(id)).title).toBe('Tries `charge` again: 2 of 3 attempts have failed with `CardError`');
  await test.advance(2_000);
  const last = await explained(id);
  expect(last.title).toBe('Failed at `charge` after 3 attempts with `CardError`, then was undone');
  expect(last).toMatchObject({ kind: 'compensated', step: 'charge' });
  expect(last.detail).toContain('declined. Undone: `bookHotel` and `bookFlight`.');
});

it('a run that is undone says which step is next and how many are done; one that could not be says so', async () => {
  broken.add('charge').add('hold');
  const { id } = await client.start(OrderWorkflow, {});
  const moved = test.advance(3_000);
  await reached.promise;
  const now = await explained(id);
  expect(now).toMatchObject({ kind: 'compensating', title: 'Undoes `bookFlight`, 1 of 2 done', step: 'bookFlight' });
  expect(now.detail).toContain('Failed at `charge` after 3 attempts with `CardError`.');
  broken.delete('hold');
  broken.add('cancelFlight');
  gate.open();
  await moved;
  const other = await client.start(OrderWorkflow, {});
  await test.advance(3_000);
  const end = await explained(other.id);
  expect(end.title).toBe('Failed at `charge` after 3 attempts with `CardError`, then could not be undone');
  expect(end.detail).toMatch(/Could not be undone: `bookFlight`\. \d other runs failed the same way since .* UTC\./);
  const again = await client.retry(other.id);
  expect((await explained(other.id)).detail).toContain(`It was retried as \`${again.id}\`.`);
  await test.advance(10_000);
});

it.each([
  ['event', 'Waits for the event `paid`'],
  ['any', 'Waits for the event `paid` or `declined`'],
  ['all', 'Waits for the events `packed`, `paid` and `signed`; 0 of 3 have come'],
  ['input', 'Waits for a person to answer `approve`'],
  ['sleep', 'Sleeps, and 2 more'],
  ['child', 'Waits for its child `waits`, which waits for the event `paid`'],
] as const)('a run that waits says for what: %s', async (kind, title) => {
  const standing = await waiting(kind);
  expect(standing).toMatchObject({ kind, title, step: 'waits', nextAttemptAt: null, blockedBy: null });
  expect(standing.waits[0]).toMatchObject({ step: 'waits', path: 'waits', kind });
  expect(standing.detail).toMatch(/^In `waits` since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\./);
  expect(standing.detail).toMatch(/ UTC\. Then comes `resize`\./);
  const timed: Record<string, string> = { event: 'gives its timeout value', input: 'the run fails' };
  expect(standing.detail).toContain(timed[kind] ?? '');
  await client.cancel(standing.id);
});

it('a wait for several events names those that are missing; a wait for a child names it', async () => {
  const all = await waiting('all');
  await client.sendEvent(all.id, 'paid');
  await client.sendEvent(all.id, 'signed');
  expect((await explained(all.id)).title).toBe('Waits for the event `packed`; 2 of 3 have come');
  const child = await waiting('child');
  expect(child.waits[0]?.childId).toBe((await client.listChildren(child.id))[0]?.id);
  await Promise.all([client.cancel(all.id), client.cancel(child.id)]);
});

it('a running step says which attempt runs; a loop how many items are through', async () => {
  const held = await client.start(WaitsWorkflow, { what: 'hold' });
  await reached.promise;
  expect(await explained(held.id)).toMatchObject({ kind: 'running', title: 'Runs `waits`', step: 'waits' });
  await client.pause(held.id);
  expect((await explained(held.id)).detail).toContain('It is to be paused when its attempt is over.');
  await client.resume(held.id);
  gate.open();
  await test.idle();
  gate = new Gate();
  reached = new Gate();
  const loop = await client.start(LoopWorkflow, {});
  await reached.promise;
  await untilTitle(loop.id, 'Runs `sendOne` for 2 items; 2 of 5 are through, 1 of them failed');
  gate.open();
  await test.idle();
  expect((await explained(loop.id)).detail).toContain('1 item failed.');
});

/** Records come a commit after the items beside them have begun. */
async function untilTitle(id: string, title: string): Promise<void> {
  for (;;) {
    const found = await explained(id);
    if (found.title === title) return;
    if (found.kind !== 'running') throw new Error(`It stands at: ${found.title}`);
  }
}

it('a paused run names who has paused it and why, where that is known', async () => {
  const { id } = await waiting('event');
  await client.pause(id);
  expect(await explained(id)).toMatchObject({ kind: 'paused', title: 'Paused' });
  await pool.query(
    `INSERT INTO durable.audit (id, actor, action, target_kind, target_id, outcome, details)
     VALUES (gen_random_uuid(), 'ada', 'run.pause', 'run', $1, 'done', '{"reason":"look at it"}')`,
    [id],
  );
  const paused = await explained(id);
  expect(paused.title).toBe('Paused by ada: "look at it"');
  expect(paused.detail).toMatch(/^Resume it to let it go on\. The run's timeout goes on, until/);
  expect(paused.until).toBeInstanceOf(Date);
  await client.cancel(id, 'not wanted');
  expect(await explained(id)).toMatchObject({ kind: 'cancelled', title: 'Cancelled: "not wanted"', detail: '' });
});

it('a run that is ready says why nobody takes it; one for later when it starts', async () => {
  const queues = test.get<DurableQueues>(DurableQueues);
  await queues.pause('gpu');
  const { id } = await client.start(WaitsWorkflow, { what: 'none' });
  await test.idle();
  const away = await explained(id);
  expect(away.title).toMatch(/^`resize` is ready in queue `gpu` for \d+ m?s: queue `gpu` is paused$/);
  expect(away).toMatchObject({ kind: 'queued', step: 'resize', blockedBy: { why: 'paused', queue: 'gpu' } });
  await queues.resume('gpu');
  await test.idle();

  const nobody = await client.start(OrderWorkflow, {}, { queue: 'nobody' });
  const alone = await explained(nobody.id);
  expect(alone.title).toMatch(/^Is ready for \d+ m?s: queue `nobody` has no worker$/);
  expect(alone).toMatchObject({ kind: 'due', blockedBy: { why: 'worker', queue: 'nobody' } });

  const later = await client.start(OrderWorkflow, {}, { delay: 3 * 3_600_000 });
  expect(await explained(later.id)).toMatchObject({ kind: 'scheduled', title: 'Starts in 3 h' });

  const [first, second] = [await client.start(LimitedWorkflow, { customer: 'c-17' }), await client.start(LimitedWorkflow, { customer: 'c-17' })]; // prettier-ignore
  await reached.promise;
  await untilBlocked(second.id);
  const keyed = await explained(second.id);
  expect(keyed.title).toMatch(/: its key `c-17` has 1 of 1$/);
  expect(keyed.blockedBy).toEqual({ why: 'key', queue: 'default', key: 'c-17', limit: 1, run: first.id });
  expect(keyed.detail).toBe(`It begins when run \`${first.id}\` gives its place back.`);
  gate.open();
  await Promise.all([first.result(), second.result()]);
});

it('a run that waits for a place which another keeps until it has ended names that one, and what helps', async () => {
  const input = { customer: 'c-18' };
  const first = await client.start(KeepsWorkflow, input);
  await test.idle();
  const second = await client.start(KeepsWorkflow, input);
  await untilBlocked(second.id);
  const keeps = `Run \`${first.id}\` keeps the place until it has ended.`;
  const waits = await explained(second.id);
  expect(waits.blockedBy).toEqual({ why: 'key', queue: 'default', key: 'c-18', limit: 1, run: first.id });
  expect(waits.detail).toBe(`${keeps} It waits: end what it waits for, or cancel it.`);

  await client.pause(first.id);
  expect((await explained(second.id)).detail).toBe(`${keeps} It is paused: resume or cancel it.`);
  await client.resume(first.id);

  // It goes on with the place that it has: that is not what it waits for.
  const queues = test.get<DurableQueues>(DurableQueues);
  await queues.pause('default');
  await client.sendEvent(first.id, 'signed');
  await untilReady(first.id);
  expect((await explained(first.id)).blockedBy?.why).toBe('paused');
  await queues.resume('default');
  await reached.promise;
  expect((await explained(second.id)).detail).toBe(`${keeps} It is at work.`);
  gate.open();
  await first.result();
  await client.cancel(second.id);
});

it('a run that waits for the rate of its queue says when that has room again', async () => {
  const runs = [];
  for (let n = 0; n < 3; n++) runs.push(await client.start(OrderWorkflow, {}, { queue: 'rated' }));
  const [first, second, third] = runs as [(typeof runs)[0], (typeof runs)[0], (typeof runs)[0]];
  await Promise.all([first.result(), second.result()]);
  const { rows } = await pool.query<{ at: Date }>(
    `SELECT min(ends_at) + interval '1 hour' AS at FROM durable.queue_rates WHERE queue = 'rated'`,
  );
  const standing = await explained(third.id);
  expect(standing.title).toMatch(/: queue `rated` has used its 2 an hour$/);
  expect(standing.until).toEqual(rows[0]?.at);
  expect(standing.detail).toMatch(/^The rate has room again at .* UTC\.$/);
  await client.cancel(third.id);
});

async function untilReady(id: string): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(`SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'ready'`, [id]);
    if (rows.length > 0) return;
  }
}

async function untilBlocked(id: string): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(`SELECT FROM durable.workflow_queue WHERE id = $1 AND state = 'blocked'`, [id]);
    if (rows.length > 0) return;
  }
}

it('a full queue says how many places it has; what comes before is counted only while some are free', async () => {
  const runs = [];
  for (let n = 0; n < 6; n++) runs.push(await client.start(WaitsWorkflow, { what: 'hold' }));
  await reached.promise;
  for (;;) {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM durable.workflow_queue WHERE state = 'running'`); // prettier-ignore
    if (rows[0]?.n === 4) break;
  }
  const last = await explained(runs.at(-1)?.id ?? '');
  expect(last.title).toMatch(/: queue `default` is full, 4 of 4$/);
  expect(last.blockedBy).toEqual({ why: 'full', queue: 'default', limit: 4 });
  gate.open();
  await test.idle();
});

it('a run that begins anew after a failed round says so', async () => {
  broken.add('rounds');
  const { id } = await client.start(RoundsWorkflow, {});
  await test.idle();
  expect(await explained(id)).toMatchObject({
    kind: 'retry',
    title: 'Tries again from the start: 1 of 3 rounds have failed with `CardError`',
    detail: 'declined.',
  });
});
