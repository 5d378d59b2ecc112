import { setImmediate as macrotask } from 'node:timers/promises';
import {
  days,
  hours,
  NotInStepError,
  once,
  scheduleAt,
  sleep,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForEvent,
  waitForForm,
  waitForInput,
  waitForText,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, scriptTest } from './scripts.js';

let test: DurableTest;

beforeAll(async () => {
  test = await scriptTest();
});

afterAll(() => test.close());

describe('a wait', () => {
  it('suspends the run; when it is over the step runs again from its top and the wait returns its value', async () => {
    let passes = 0;
    const run = await begin(test, async () => {
      passes++;
      return await waitForEvent('go');
    });
    expect(passes).toBe(1);
    expect(await run.execution()).toMatchObject({ status: 'waiting', currentSteps: ['run'] });
    expect(await test.client.getSteps(run.id)).toMatchObject([{ step: 'run', attempt: 1, status: 'waiting' }]);
    await run.sendEvent('go', { a: 1 });
    expect(await got(run)).toEqual({ a: 1 });
    expect(passes).toBe(2);
    expect(await test.client.getSteps(run.id)).toMatchObject([{ step: 'run', attempt: 1, status: 'completed' }]);
  });

  it('may be asked for any number of times; what once() did is not done again', async () => {
    const calls: number[] = [];
    const run = await begin(test, async () => {
      const ticks: number[] = [];
      for (let n = 0; n < 25; n++) {
        ticks.push(await waitForEvent<number>('tick'));
        await once(`after ${n}`, () => calls.push(n));
      }
      return ticks;
    });
    const all = Array.from({ length: 25 }, (_, n) => n);
    for (const n of all) {
      await run.sendEvent('tick', n);
      await test.idle();
    }
    expect(await got(run)).toEqual(all);
    expect(calls).toEqual(all);
  });

  it('gives once() its recorded value after a wait', async () => {
    const run = await begin(test, async () => {
      const made = await once('made', () => ({ at: Math.random() }));
      const sent = await waitForEvent('sent');
      return [made, sent, await once('more', () => 'more')];
    });
    await run.sendEvent('sent', 'x');
    expect(await got(run)).toEqual([{ at: expect.any(Number) }, 'x', 'more']);
  });
});

describe('sleep() and scheduleAt()', () => {
  it('return nothing, when due and not before', async () => {
    const run = await begin(test, async () => [await sleep(days(3)), 'slept']);
    await test.advance(days(3) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect(await got(run)).toEqual([undefined, 'slept']);
  });

  it('take a date', async () => {
    const date = new Date(test.now().getTime() + hours(5));
    const run = await begin(test, async () => [await scheduleAt(date), 'there']);
    await test.advance(hours(5) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect(await got(run)).toEqual([undefined, 'there']);
  });

  it('are over for a date that has passed, and for no time at all', async () => {
    const past = new Date(test.now().getTime() - hours(1));
    const run = await begin(test, async () => [await scheduleAt(past), await sleep(0)]);
    expect(await got(run)).toEqual([undefined, undefined]);
  });

  it('one after the other', async () => {
    const run = await begin(test, async () => {
      await sleep(hours(1));
      await sleep(hours(1));
      await sleep(hours(1));
    });
    await test.advance(hours(3) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect((await run.execution())?.status).toBe('completed');
  });
});

describe('a wait that is not over', () => {
  it('never settles: no catch, finally, race or allSettled sees the suspension', async () => {
    const seen: string[] = [];
    const note = (what: string) => () => {
      seen.push(what);
    };
    const run = await begin(test, async () => {
      const wait = waitForEvent('late');
      void wait.then(note('then'), note('caught'));
      void wait.finally(note('finally'));
      void Promise.race([wait, sleep(days(1))]).then(note('race'), note('race failed'));
      void Promise.allSettled([wait]).then(note('allSettled'));
      try {
        return await wait;
      } catch {
        seen.push('catch');
        return 'caught';
      } finally {
        seen.push('block');
      }
    });
    expect((await run.execution())?.status).toBe('waiting');
    expect(seen).toEqual([]);
    await run.sendEvent('late', 1);
    expect(await got(run)).toBe(1);
    expect(seen.sort()).toEqual(['allSettled', 'block', 'finally', 'race', 'then']);
  });

  it('loses a race against one that is', async () => {
    const run = await begin(test, () =>
      Promise.race([waitForEvent('a'), waitForEvent('b'), sleep(hours(1)).then(() => 'late')]),
    );
    await run.sendEvent('b', 'B');
    expect(await got(run)).toBe('B');
    await test.idle();
    expect(await test.client.listPendingEvents({ eventName: 'a' })).toEqual([]);
    const slow = await begin(test, () => Promise.race([waitForEvent('a'), sleep(hours(1)).then(() => 'late')]));
    await test.advance(hours(1));
    expect(await got(slow)).toBe('late');
  });

  it('loses a race against what is there already', async () => {
    const run = await begin(test, () => Promise.race([waitForEvent('a'), Promise.resolve('there')]));
    expect(await got(run)).toBe('there');
  });

  it('is in allSettled with one that failed', async () => {
    const run = await begin(test, async () => {
      const [a, b] = await Promise.allSettled([waitForEvent('a', { timeout: hours(1) }), waitForEvent('b')]);
      return [a.status, a.status === 'rejected' ? (a.reason as Error).name : null, b];
    });
    await test.advance(hours(1));
    expect((await run.execution())?.status).toBe('waiting');
    await run.sendEvent('b', 2);
    expect(await got(run)).toEqual(['rejected', 'WaitTimeoutError', { status: 'fulfilled', value: 2 }]);
  });
});

describe('the pass', () => {
  it('registers all waits that were asked for, so that Promise.all of waits works', async () => {
    const run = await begin(test, () =>
      Promise.all([waitForEvent('x'), waitForEvent('y'), waitForInput('z'), sleep(hours(1))]),
    );
    const listed = await test.client.listPendingEvents();
    const mine = listed.filter(({ executionId }) => executionId === run.id);
    expect(mine.map(({ eventName }) => eventName).sort()).toEqual(['x', 'y']);
    expect(await test.client.listPendingInputs({ executionId: run.id })).toMatchObject([{ name: 'z' }]);
    await run.sendEvent('y', 'Y');
    await run.provideInput('z', 'Z');
    await test.advance(hours(1));
    expect((await run.execution())?.status).toBe('waiting');
    await run.sendEvent('x', 'X');
    expect(await got(run)).toEqual(['X', 'Y', 'Z', undefined]);
  });

  it('is not dropped while a once() runs', async () => {
    let calls = 0;
    let passes = 0;
    const run = await begin(test, async () => {
      passes++;
      return await Promise.all([
        waitForEvent('a'),
        once('slow', async () => {
          for (let turn = 0; turn < 50; turn++) await macrotask();
          return ++calls;
        }),
      ]);
    });
    expect((await run.execution())?.status).toBe('waiting');
    expect([passes, calls]).toEqual([1, 1]);
    await run.sendEvent('a', 'A');
    expect(await got(run)).toEqual(['A', 1]);
    expect([passes, calls]).toEqual([2, 1]);
  });
});

describe('outside a step', () => {
  it.each<[string, () => unknown]>([
    ['sleep', () => sleep(1)],
    ['scheduleAt', () => scheduleAt(new Date())],
    ['waitForEvent', () => waitForEvent('a')],
    ['waitForAny', () => waitForAny(['a'])],
    ['waitForAll', () => waitForAll(['a'])],
    ['waitForInput', () => waitForInput('a')],
    ['waitForApproval', () => waitForApproval('a')],
    ['waitForChoice', () => waitForChoice('a', { choices: [{ value: 1 }] })],
    ['waitForText', () => waitForText('a')],
    ['waitForForm', () => waitForForm('a', { fields: [{ name: 'b', type: 'text' }] })],
  ])('%s() throws NotInStepError', async (_, wait) => {
    await expect(async () => wait()).rejects.toThrow(NotInStepError);
  });
});
