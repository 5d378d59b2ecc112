import { Compensate, days, FatalError, hours, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import type { DurableTest } from 'nest-durable/testing';
import { kit } from '../support/plain-app.js';

/** cleanup, the option `retention`, and sweep */

@Workflow({ name: 'plain' })
class PlainWorkflow {
  @Step({ compensate: 'undo' })
  first() {}

  @Step()
  async second({ end, undo }: { end: 'completed' | 'failed' | 'waits' | 'compensation_failed'; undo?: boolean }) {
    if (end === 'waits') await waitForEvent('go');
    if (end !== 'completed') throw new FatalError(`ends as ${end} ${undo}`);
  }

  @Compensate()
  undo({ end }: { end: string }) {
    if (end === 'compensation_failed') throw new Error('cannot be undone');
  }
}

@Workflow({ name: 'simple' })
class SimpleWorkflow {
  @Step()
  work({ fail }: { fail?: boolean }) {
    if (fail === true) throw new FatalError('failed');
  }
}

describe('cleanup', () => {
  let test: DurableTest;

  beforeEach(async () => {
    test = await kit([PlainWorkflow, SimpleWorkflow]);
  });

  afterEach(() => test.close());

  it('deletes finished runs that are older, and says how many', async () => {
    const { client } = test;
    const old = await client.startMany(SimpleWorkflow, [{ input: {} }, { input: {} }, { input: { fail: true } }]);
    const waiting = await client.start(PlainWorkflow, { end: 'waits' });
    await test.advance(days(10));
    const young = await client.start(SimpleWorkflow, {});
    await test.idle();
    expect(await client.cleanup({ olderThan: days(11) })).toBe(0);
    expect(await client.cleanup({ olderThan: days(5), dryRun: true })).toBe(3);
    expect(await client.countExecutions()).toBe(5);
    expect(await client.cleanup({ olderThan: days(5) })).toBe(3);
    expect(await Promise.all(old.map((run) => run.execution()))).toEqual([null, null, null]);
    expect((await young.execution())?.status).toBe('completed');
    expect((await waiting.execution())?.status).toBe('waiting');
    expect(await client.cleanup({ olderThan: days(5) })).toBe(0);
  });

  it('takes a Date, a status or several, and a batch size', async () => {
    const { client } = test;
    const items = Array.from({ length: 7 }, () => ({ input: {} }));
    await client.startMany(SimpleWorkflow, items);
    await client.startMany(SimpleWorkflow, [{ input: { fail: true } }, { input: { fail: true } }]);
    const cancelled = await client.start(SimpleWorkflow, {}, { delay: hours(1) });
    await cancelled.cancel();
    await test.advance(days(1));
    const olderThan = new Date(test.now().getTime() - hours(1));
    expect(await client.cleanup({ olderThan: new Date(test.now().getTime() - days(2)) })).toBe(0);
    expect(await client.cleanup({ olderThan, status: 'completed', batchSize: 2 })).toBe(7);
    expect(await client.executionCounts()).toMatchObject({ completed: 0, failed: 2, cancelled: 1 });
    expect(await client.cleanup({ olderThan, status: ['failed', 'cancelled'] })).toBe(3);
    expect(await client.countExecutions()).toBe(0);
  });
});

describe('retention', () => {
  it('deletes by status, and is none by default', async () => {
    const retention = { completed: days(30), failed: days(90), compensated: days(10), compensationFailed: days(20) };
    const test = await kit([PlainWorkflow, SimpleWorkflow], { retention });
    const { client } = test;
    const ends = ['completed', 'failed', 'compensation_failed'] as const;
    const [completed, compensated, broken] = await client.startMany(
      PlainWorkflow,
      ends.map((end) => ({ input: { end } })),
    );
    const failed = await client.start(SimpleWorkflow, { fail: true });
    const cancelled = await client.start(SimpleWorkflow, {}, { delay: 1 });
    await cancelled.cancel();
    await test.idle();
    expect(await client.executionCounts()).toMatchObject({
      completed: 1, compensated: 1, compensation_failed: 1, failed: 1, cancelled: 1,
    }); // prettier-ignore
    const left = async (after: number): Promise<string[]> => {
      await test.advance(after);
      await client.sweep();
      return (await client.listExecutions()).map(({ id }) => id).toSorted();
    };
    const ids = (...runs: ({ id: string } | undefined)[]): string[] => runs.map((run) => run?.id ?? '').toSorted();
    expect(await left(days(9))).toEqual(ids(completed, compensated, broken, failed, cancelled));
    expect(await left(days(2))).toEqual(ids(completed, broken, failed, cancelled));
    expect(await left(days(10))).toEqual(ids(completed, failed, cancelled));
    expect(await left(days(10))).toEqual(ids(failed, cancelled));
    expect(await left(days(60))).toEqual(ids(cancelled));
    expect(await left(days(1000))).toEqual(ids(cancelled));
    await test.close();
  });
});

it('what people did is kept for 400 days, or as retention.audit says, also where runs are kept for ever', async () => {
  for (const [retention, age] of [
    [undefined, days(400)],
    [{ audit: days(7) }, days(7)],
  ] as const) {
    const test = await kit([SimpleWorkflow], retention === undefined ? {} : { retention });
    const pool = new pg.Pool({ connectionString: test.url, max: 1 });
    const acts = async (): Promise<number> =>
      (await pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM durable.audit')).rows[0]?.n ?? 0;
    await pool.query(
      `INSERT INTO durable.audit (id, action, outcome) SELECT gen_random_uuid(), 'run.pause', 'done' FROM generate_series(1, 1500)`,
    );
    await test.advance(age - 1);
    await test.client.sweep();
    expect(await acts()).toBe(1_500);
    await test.advance(2);
    await test.client.sweep();
    expect(await acts()).toBe(0);
    await pool.end();
    await test.close();
  }
});
