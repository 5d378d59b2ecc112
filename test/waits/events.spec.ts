import {
  ExecutionFinishedError,
  ExecutionNotFoundError,
  hours,
  waitForAll,
  waitForAny,
  waitForEvent,
  WaitTimeoutError,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, scriptTest } from './scripts.js';

let test: DurableTest;

beforeAll(async () => {
  test = await scriptTest();
});

afterAll(() => test.close());

async function pendingOf(id: string): Promise<string[]> {
  const all = await test.client.listPendingEvents();
  return all.filter(({ executionId }) => executionId === id).map(({ eventName }) => eventName);
}

describe('waitForEvent()', () => {
  it('gives the payload as it was sent', async () => {
    const payload = { at: new Date(5), big: 7n, map: new Map([['k', new Set([1])]]), none: undefined };
    const run = await begin(test, () => waitForEvent<typeof payload>('e'));
    await run.sendEvent('e', payload);
    expect(await got(run)).toStrictEqual(payload);
  });

  it('gives undefined for an event without a payload', async () => {
    const run = await begin(test, () => waitForEvent('e'));
    await run.sendEvent('e');
    expect(await got(run)).toBeUndefined();
  });

  it('is listed while it is open', async () => {
    const start = test.now().getTime();
    const run = await begin(test, () => waitForEvent('listed', { timeout: hours(2) }));
    expect(await test.client.listPendingEvents({ eventName: 'listed' })).toMatchObject([
      {
        id: expect.any(String),
        executionId: run.id,
        workflow: 'script',
        step: 'run',
        eventName: 'listed',
        status: 'pending',
        timeoutAt: new Date(start + hours(2)),
        createdAt: new Date(start),
      },
    ]);
    await run.sendEvent('listed', 1);
    await run.result();
    expect(await test.client.listPendingEvents({ eventName: 'listed' })).toEqual([]);
    expect(await test.client.listPendingEvents({ eventName: 'listed', status: 'completed' })).toMatchObject([
      { executionId: run.id, status: 'completed' },
    ]);
  });
});

describe('waitForAny()', () => {
  it('gives name and payload of the first; the others are no longer asked for', async () => {
    const run = await begin(test, () => waitForAny(['paid', 'declined']));
    expect((await pendingOf(run.id)).sort()).toEqual(['declined', 'paid']);
    await run.sendEvent('declined', { why: 'funds' });
    expect(await got(run)).toEqual(['declined', { why: 'funds' }]);
    expect(await pendingOf(run.id)).toEqual([]);
  });

  it('gives the one that was sent first, and leaves the other for the next wait', async () => {
    const run = await begin(test, async () => {
      await waitForEvent('begin');
      return [await waitForAny(['a', 'b']), await waitForAny(['a', 'b'])];
    });
    await run.sendEvent('b', 1);
    await run.sendEvent('a', 2);
    await run.sendEvent('begin');
    expect(await got(run)).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
  });
});

describe('waitForAll()', () => {
  it('gives all payloads by name, once all are there', async () => {
    const run = await begin(test, () => waitForAll(['a', 'b', 'c']));
    await run.sendEvent('c', 3);
    await run.sendEvent('a', 1);
    await test.idle();
    expect((await run.execution())?.status).toBe('waiting');
    await run.sendEvent('b', 2);
    expect(await got(run)).toEqual({ a: 1, b: 2, c: 3 });
  });

  it('takes its events only when all are there', async () => {
    const run = await begin(test, async () => {
      const all = waitForAll(['a', 'b']);
      const first = await waitForEvent('a');
      return [first, await all];
    });
    await run.sendEvent('a', 'first');
    await test.idle();
    await run.sendEvent('b', 'B');
    await test.idle();
    expect((await run.execution())?.status).toBe('waiting');
    await run.sendEvent('a', 'second');
    expect(await got(run)).toEqual(['first', { a: 'second', b: 'B' }]);
  });

  it('that times out names what had come, which stays in the mailbox', async () => {
    const run = await begin(test, async () => {
      const error: unknown = await waitForAll(['a', 'b', 'c'], { timeout: hours(1) }).catch(
        (thrown: unknown) => thrown,
      );
      const received = error instanceof WaitTimeoutError ? error.received : null;
      return { received, c: await waitForEvent('c'), a: await waitForEvent('a') };
    });
    await run.sendEvent('a', 1);
    await run.sendEvent('c', 3);
    await test.advance(hours(1));
    expect(await got(run)).toEqual({ received: ['a', 'c'], c: 3, a: 1 });
  });
});

describe('no event is lost', () => {
  it('sent before its wait exists, it is kept; in the order sent', async () => {
    const run = await begin(test, async () => {
      await waitForEvent('begin');
      return [await waitForEvent('n'), await waitForEvent('n'), await waitForEvent('n')];
    });
    for (const n of [1, 2, 3]) await run.sendEvent('n', n);
    await run.sendEvent('begin');
    expect(await got(run)).toEqual([1, 2, 3]);
  });

  it('sent before the run has begun', async () => {
    const { id } = await test.client.start('script', { body: 10_000 }, { delay: hours(1) });
    await test.client.sendEvent(id, 'early', 1);
    expect((await test.client.getExecution(id))?.status).toBe('pending');
    await test.client.cancel(id);
  });

  it('is given to the first wait that asks for its name', async () => {
    const run = await begin(test, () => Promise.all([waitForEvent('n'), waitForEvent('m'), waitForEvent('n')]));
    await run.sendEvent('n', 'first');
    await test.idle();
    await run.sendEvent('n', 'second');
    await run.sendEvent('m', 'other');
    expect(await got(run)).toEqual(['first', 'other', 'second']);
  });

  it('sent while no worker lives', async () => {
    const run = await begin(test, async () => [await waitForEvent('n'), await waitForEvent('n')]);
    await test.crash();
    await run.sendEvent('n', 1);
    await run.sendEvent('n', 2);
    await test.restart();
    expect(await got(run)).toEqual([1, 2]);
  });

  it('sent to a finished run, it is refused with ExecutionFinishedError', async () => {
    const run = await begin(test, () => 'done');
    await run.result();
    await expect(run.sendEvent('n')).rejects.toThrow(ExecutionFinishedError);
    const cancelled = await begin(test, () => waitForEvent('n'));
    await cancelled.cancel();
    await expect(cancelled.sendEvent('n')).rejects.toThrow(ExecutionFinishedError);
  });

  it('sent to an unknown id, it is refused with ExecutionNotFoundError', async () => {
    await expect(test.client.sendEvent('019b0000-0000-7000-8000-000000000000', 'n')).rejects.toThrow(
      ExecutionNotFoundError,
    );
  });

  it('is delivered once for each dedupeKey', async () => {
    const run = await begin(test, async () => [
      await waitForEvent('n'),
      await waitForEvent('n'),
      await waitForEvent('n'),
    ]);
    await run.sendEvent('n', 1, { dedupeKey: 'k' });
    await run.sendEvent('n', 'again', { dedupeKey: 'k' });
    await test.idle();
    await run.sendEvent('n', 'and again', { dedupeKey: 'k' });
    await run.sendEvent('n', 2, { dedupeKey: 'other' });
    await run.sendEvent('n', 3);
    expect(await got(run)).toEqual([1, 2, 3]);
    const second = await begin(test, () => waitForEvent('n'));
    await second.sendEvent('n', 'its own', { dedupeKey: 'k' });
    expect(await got(second)).toBe('its own');
  });
});
