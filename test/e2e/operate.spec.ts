import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Compensate, type DurableClient, FatalError, once, Parallel, Step, waitForEvent, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { onTestServer } from '../testing/support.js';

/** What people on call ask of single runs, and do to them. */

const broken = new Set<string>();
const calls: string[] = [];

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  validate() {}

  @Step({ retry: { maxAttempts: 3, initialDelay: 3_600_000, jitter: false } })
  charge() {
    calls.push('charge');
    if (broken.has('charge')) throw new Error('declined');
  }

  @Parallel(['pack', 'label'])
  prepare() {}

  @Step()
  async pack() {
    if (broken.has('wait')) await waitForEvent('packed');
  }

  @Step({ queue: 'away', retry: { maxAttempts: 2, initialDelay: 3_600_000, jitter: false } })
  label() {
    calls.push('label');
    if (broken.has('label')) throw new Error('no paper');
  }

  @Step()
  ship() {
    if (broken.has('ship')) throw new FatalError('no truck');
  }
}

@Workflow({ name: 'undone' })
class UndoneWorkflow {
  @Step({ compensate: 'undo' })
  first() {}

  @Step()
  second() {
    throw new FatalError('no');
  }

  @Compensate({ retry: { maxAttempts: 2, initialDelay: 3_600_000, jitter: false } })
  undo() {
    calls.push('undo');
    if (broken.delete('undo')) throw new Error('not yet');
  }
}

@Workflow({ name: 'once' })
class OnceWorkflow {
  @Step({ retry: { maxAttempts: 2, initialDelay: 3_600_000, jitter: false } })
  async pay() {
    await once('key of it', () => ({ n: 1 }));
    if (broken.delete('once')) throw new Error('not yet');
    await once('charge', () => 'ok');
    await waitForEvent('paid');
  }
}

@Workflow({ name: 'rounds', maxRetries: 1 })
class RoundsWorkflow {
  @Step()
  fails() {
    calls.push('fails');
    if (broken.delete('round')) throw new Error('once');
  }
}

let test: DurableTest;
let client: DurableClient;

beforeAll(async () => {
  const providers = [OrderWorkflow, UndoneWorkflow, RoundsWorkflow, OnceWorkflow];
  test = await createDurableTest({ providers }, onTestServer);
  client = test.client;
});

beforeEach(() => {
  broken.clear();
  calls.length = 0;
});

afterAll(async () => {
  await test.close();
});

describe('retryNow()', () => {
  it('ends the delay before the next attempt, which counts as it would have', async () => {
    broken.add('charge');
    const run = await client.start(OrderWorkflow, {});
    await test.idle();
    expect(await run.retryNow()).toBe(true);
    await test.idle();
    expect((await run.explain())?.title).toMatch(/2 of 3 attempts have failed/);
    broken.clear();
    expect(await client.retryNow(run.id)).toBe(true);
    await test.idle();
    expect(await run.execution()).toMatchObject({ status: 'completed' });
    expect((await run.steps()).filter(({ step }) => step === 'charge').map(({ attempt }) => attempt)).toEqual([
      1, 2, 3,
    ]);
    await expect(run.retryNow()).rejects.toThrow('has ended');
    await expect(client.retryNow(randomUUID())).rejects.toThrow('There is no run');
  });

  it('ends that of a step on another queue, of a compensation and of the next round', async () => {
    broken.add('label');
    const away = await client.start(OrderWorkflow, {});
    await test.idle();
    broken.clear();
    expect((await away.explain())?.title).toMatch(/^Tries `label` again: 1 of 2 attempts have failed/);
    expect(await away.retryNow()).toBe(true);
    await test.idle();
    expect(await away.execution()).toMatchObject({ status: 'completed' });
    expect(calls.filter((call) => call === 'label')).toHaveLength(2);
    broken.add('undo').add('round');
    const [undone, rounds] = [await client.start(UndoneWorkflow, {}), await client.start(RoundsWorkflow, {})];
    await test.idle();
    expect(await undone.explain()).toMatchObject({ kind: 'compensating', title: 'Undoes `first`, 0 of 1 done' });
    expect(await Promise.all([undone.retryNow(), rounds.retryNow()])).toEqual([true, true]);
    await test.idle();
    expect(await undone.execution()).toMatchObject({ status: 'compensated' });
    expect(await rounds.execution()).toMatchObject({ status: 'completed', round: 2 });
  });

  it('leaves a run alone that waits for something else, and one that is paused stays paused', async () => {
    broken.add('wait');
    const waits = await client.start(OrderWorkflow, {});
    await test.idle();
    expect(await waits.retryNow()).toBe(false);
    await waits.cancel();
    broken.clear();
    broken.add('charge');
    const paused = await client.start(OrderWorkflow, {});
    await test.idle();
    await paused.pause();
    expect(await paused.retryNow()).toBe(true);
    await test.idle();
    expect(await paused.execution()).toMatchObject({ status: 'paused' });
    broken.clear();
    await paused.resume();
    await test.idle();
    expect(await paused.execution()).toMatchObject({ status: 'completed' });
  });
});

it('listEvents() gives the mailbox in the order sent, with the step that took each', async () => {
  broken.add('wait');
  const run = await client.start(OrderWorkflow, {});
  await run.sendEvent('other', { n: 1 }, { dedupeKey: 'key' });
  await run.sendEvent('packed');
  await test.idle();
  const [other, packed] = await run.events();
  expect(other).toEqual({ id: expect.any(String) as string, name: 'other', sentAt: expect.any(Date) as Date, dedupeKey: 'key', wait: null }); // prettier-ignore
  expect(packed?.wait).toEqual({ step: 'pack', path: 'prepare.pack/pack' });
  expect(await client.listEvents(run.id, { unmatched: true })).toEqual([other]);
  expect(await client.listEvents(run.id, { after: other?.id ?? '', limit: 1 })).toEqual([packed]);
  await expect(client.listEvents(randomUUID())).rejects.toThrow('There is no run');
  await expect(client.listEvents(run.id, { unmached: true } as object)).rejects.toThrow('unmatched');
});

it('restartPoints() says of each step whether restartFrom() takes it, or why not', async () => {
  broken.add('ship');
  const run = await client.start(OrderWorkflow, {});
  expect((await run.restartPoints()).every(({ ok, why }) => !ok && why === 'the run has not ended')).toBe(true);
  await test.idle();
  const points = await run.restartPoints();
  expect(points.filter(({ ok }) => ok).map(({ step }) => step)).toEqual(['validate', 'charge', 'prepare', 'ship']);
  expect(points.find(({ step }) => step === 'pack')?.why).toMatch(/stands in "prepare"/);
  for (const { step, ok } of points) {
    const restarted = client.restartFrom(run.id, step).then(
      () => true,
      () => false,
    );
    expect(await restarted).toBe(ok);
  }
  const undone = await client.start(UndoneWorkflow, {});
  await test.idle();
  expect((await undone.restartPoints())[0]).toMatchObject({
    step: 'first',
    ok: false,
    why: expect.stringContaining('were undone') as string,
  });
  await expect(client.restartPoints(randomUUID())).rejects.toThrow('There is no run');
});

it('a journal that does not fit the stored code is said so of each step, and refused', async () => {
  broken.add('ship');
  const run = await client.start(OrderWorkflow, {});
  await test.idle();
  const pool = new pg.Pool({ connectionString: test.url, max: 1 });
  try {
    await pool.query(`UPDATE durable.step_executions SET path = 'gone' WHERE run_id = $1 AND path = 'charge'`, [
      run.id,
    ]);
  } finally {
    await pool.end();
  }
  const points = await run.restartPoints();
  for (const { step, ok, why } of points.filter((point) => !['pack', 'label'].includes(point.step))) {
    expect([step, ok, why]).toEqual([step, false, expect.stringMatching(/does not fit .* retry it as a whole$/)]);
    await expect(client.restartFrom(run.id, step)).rejects.toThrow('does not fit the stored code of its workflow');
  }
  expect(await client.retry(run.id)).toMatchObject({ id: expect.any(String) as string });
});

it('what once() has recorded is among the attempt that recorded it', async () => {
  broken.add('once');
  const run = await client.start(OnceWorkflow, {});
  await test.idle();
  expect(await run.steps()).toMatchObject([
    { path: 'pay', status: 'failed', once: [{ name: 'key of it', value: { n: 1 } }] },
  ]);
  await run.retryNow();
  await test.idle();
  const [first, second] = await run.steps();
  expect([first?.retryAt, second?.retryAt]).toEqual([expect.any(Date), undefined]);
  expect(first?.once).toEqual([{ name: 'key of it', value: { n: 1 } }]);
  expect(second).toMatchObject({ attempt: 2, status: 'waiting', once: [{ name: 'charge', value: 'ok' }] });
  const bare = await run.steps({ includeData: false });
  expect(bare.map(({ once: values }) => values)).toEqual([
    [{ name: 'key of it', value: undefined }],
    [{ name: 'charge', value: undefined }],
  ]);
  await run.sendEvent('paid');
  await test.idle();
  const steps = await run.steps();
  expect(steps.map(({ attempt, status, once: values = [] }) => [attempt, status, values.length])).toEqual([
    [1, 'failed', 1],
    [2, 'completed', 1],
  ]);
});

it('listVersions() gives the definitions of a workflow with unfinished runs and living workers', async () => {
  broken.add('wait');
  const run = await client.start(OrderWorkflow, {});
  await test.idle();
  const [version, ...more] = await client.listVersions(OrderWorkflow);
  expect(version).toMatchObject({ version: 1, unfinished: 1, workers: 1 });
  expect(version?.firstSeen).toBeInstanceOf(Date);
  expect(more).toEqual([]);
  await run.cancel();
  expect(await client.listVersions('order')).toMatchObject([{ unfinished: 0 }]);
  await expect(client.listVersions('ordr')).rejects.toThrow('Did you mean "order"?');
});
