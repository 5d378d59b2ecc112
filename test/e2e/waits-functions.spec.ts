import {
  days,
  DurableWorkflow,
  hours,
  minutes,
  scheduleAt,
  seconds,
  sleep,
  Step,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForChoices,
  waitForEvent,
  waitForForm,
  waitForInput,
  waitForText,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { Bodies, settled } from '../support/bodies.js';
import { onTestServer } from '../testing/support.js';

/** Each kind of wait, with all its options. */

const bodies = new Bodies();

@Workflow({ name: 'one' })
class OneWorkflow extends DurableWorkflow<{ body: string }> {
  @Step()
  async work(data: { body: string }) {
    return { got: await bodies.call(data.body, data) };
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [OneWorkflow] }, onTestServer);
});

afterAll(() => test.close());

/** Starts a run whose only step does this, and brings it to its wait. */
async function start(body: () => unknown): Promise<WorkflowHandle<unknown>> {
  const run = await test.client.start(OneWorkflow, { body: bodies.add(body) });
  await test.idle();
  return run;
}

async function gotOf(run: WorkflowHandle<unknown>): Promise<unknown> {
  await test.idle();
  return ((await run.result({ timeout: 30_000 })) as { got: unknown }).got;
}

async function failureOf(run: WorkflowHandle<unknown>): Promise<Execution['error']> {
  await test.idle();
  const execution = await run.execution();
  expect(execution?.status).toBe('failed');
  return execution?.error ?? null;
}

type Execution = NonNullable<Awaited<ReturnType<WorkflowHandle<unknown>['execution']>>>;

describe('sleep and scheduleAt', () => {
  it('end when they are due, not before and not after', async () => {
    const run = await start(async () => {
      await sleep(days(3));
      return 'slept';
    });
    await test.advance(days(3) - 1);
    expect(await settled(test, run)).toMatchObject({ status: 'waiting', currentSteps: ['work'] });
    expect(bodies.passes(run)).toBe(1);
    await test.advance(1);
    expect(await gotOf(run)).toBe('slept');
    expect(bodies.passes(run)).toBe(2);

    const at = new Date(test.now().getTime() + hours(7));
    const scheduled = await start(async () => scheduleAt(at));
    await test.advance(hours(7) - 1);
    expect((await settled(test, scheduled)).status).toBe('waiting');
    await test.advance(1);
    expect(await gotOf(scheduled)).toBeUndefined();
    expect((await scheduled.execution())?.completedAt).toEqual(at);
  });

  it('of no time, and of a time that has passed, are over at once', async () => {
    const run = await start(async () => {
      await sleep(0);
      await scheduleAt(new Date(0));
      await scheduleAt(test.now());
      return 'over';
    });
    expect(await gotOf(run)).toBe('over');
  });

  it('refuse what is no time', async () => {
    for (const wrong of [-1, NaN, Infinity, '5' as never, undefined as never]) {
      expect(await failureOf(await start(() => sleep(wrong)))).toMatchObject({ code: 'INVALID_INPUT' });
    }
    for (const wrong of [new Date(NaN), 5 as never, '2026-01-01' as never]) {
      expect(await failureOf(await start(() => scheduleAt(wrong)))).toMatchObject({ code: 'INVALID_INPUT' });
    }
  });
});

describe('waitForEvent', () => {
  it('gives the payload, of any kind', async () => {
    const payloads = [undefined, null, 0, '', false, { at: new Date(5), n: 7n }, [1, [2]], new Map([['a', NaN]])];
    for (const payload of payloads) {
      const run = await start(() => waitForEvent('paid'));
      await run.sendEvent('paid', payload);
      expect(await gotOf(run)).toEqual(payload);
    }
  });

  it('gives the events of a name in the order sent, early or late, one to each wait', async () => {
    const run = await start(async () => [
      await waitForEvent('n'),
      await waitForEvent('n'),
      ...(await Promise.all([waitForEvent('n'), waitForEvent('n')])),
    ]);
    for (const n of [1, 2, 3]) await run.sendEvent('n', n);
    expect((await settled(test, run)).status).toBe('waiting');
    await run.sendEvent('n', 4);
    expect(await gotOf(run)).toEqual([1, 2, 3, 4]);
  });

  it('times out to the ms: with a value, with an error, with a failure', async () => {
    const value = await start(() =>
      waitForEvent<unknown>('x', { timeout: minutes(5), timeoutValue: { at: new Date(1) } }),
    );
    const nothing = await start(() => waitForEvent('x', { timeout: minutes(5), timeoutValue: undefined }));
    const error = await start(() => waitForEvent('x', { timeout: minutes(5) }));
    const caught = await start(() =>
      waitForEvent('x', { timeout: minutes(5) }).catch((thrown: Error) => [thrown.name, thrown.message]),
    );
    const failed = await start(() =>
      waitForEvent('x', { timeout: minutes(5), timeoutValue: 1, onTimeout: 'fail' }).catch(() => 'caught'),
    );
    const last = minutes(5);
    await test.advance(last - 1);
    for (const run of [value, nothing, error, caught, failed])
      expect((await settled(test, run)).status).toBe('waiting');
    await test.advance(1);
    expect(await gotOf(value)).toEqual({ at: new Date(1) });
    expect(await gotOf(nothing)).toBeUndefined();
    expect(await failureOf(error)).toMatchObject({ name: 'WaitTimeoutError', code: 'WAIT_TIMEOUT', received: [] });
    expect(await gotOf(caught)).toEqual([
      'WaitTimeoutError',
      expect.stringContaining('event "x" timed out after 300000 ms'),
    ]);
    expect(await failureOf(failed)).toMatchObject({ code: 'WAIT_TIMEOUT' });
    await expect(failed.result()).rejects.toMatchObject({ code: 'WORKFLOW_FAILED', cause: { code: 'WAIT_TIMEOUT' } });
  });

  it('with no time at all takes what is there, and nothing else', async () => {
    const ask = () => waitForEvent('x', { timeout: 0, timeoutValue: 'none' });
    const body = bodies.add(async () => {
      await waitForEvent('go');
      return ask();
    });
    const there = await test.client.start(OneWorkflow, { body });
    await there.sendEvent('x', 'there');
    const none = await test.client.start(OneWorkflow, { body });
    await test.idle();
    for (const run of [there, none]) await run.sendEvent('go');
    expect(await gotOf(there)).toBe('there');
    expect(await gotOf(none)).toBe('none');
  });

  it('keeps an event that comes after its timeout for the next wait of the name', async () => {
    const run = await start(async () => [
      await waitForEvent('x', { timeout: 10, timeoutValue: 'late' }),
      await waitForEvent('other'),
      await waitForEvent('x'),
    ]);
    await test.advance(10);
    await run.sendEvent('x', 'after all');
    await run.sendEvent('other', 1);
    expect(await gotOf(run)).toEqual(['late', 1, 'after all']);
  });

  it('refuses names and options that are none', async () => {
    const wrong = [
      () => waitForEvent(''),
      () => waitForEvent('x'.repeat(513)),
      () => waitForEvent('x', { timeout: -1 }),
      () => waitForEvent('x', { onTimeout: 'explode' as never }),
      () => waitForAny([]),
      () => waitForAll([]),
      () => waitForChoice('c', { choices: [] }),
      () => waitForForm('f', { fields: [{ name: 'a', type: 'colour' as never }] }),
    ];
    for (const body of wrong) expect(await failureOf(await start(body))).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('waitForAny and waitForAll', () => {
  it('give the first of the events, and keep the others', async () => {
    const run = await start(async () => [
      await waitForAny(['a', 'b']),
      await waitForAny(['a', 'b']),
      await waitForEvent('b'),
    ]);
    for (const [name, payload] of [['b', 1], ['b', 2], ['b', 3]] as const) await run.sendEvent(name, payload); // prettier-ignore
    expect(await gotOf(run)).toEqual([['b', 1], ['b', 2], 3]);
  });

  it('take the events only when all are there', async () => {
    const run = await start(async () => {
      const all = waitForAll(['a', 'b', 'c'], { timeout: 100 }).catch(
        (error: { received: string[] }) => error.received,
      );
      return [await all, await waitForEvent('a'), await waitForEvent('c')];
    });
    await run.sendEvent('a', 1);
    await run.sendEvent('c', 3);
    await test.advance(100);
    // They stay in the mailbox.
    expect(await gotOf(run)).toEqual([['a', 'c'], 1, 3]);

    const whole = await start(() => waitForAll(['a', 'b']));
    await whole.sendEvent('b', 2);
    expect((await settled(test, whole)).status).toBe('waiting');
    await whole.sendEvent('a', 1);
    expect(await gotOf(whole)).toEqual({ a: 1, b: 2 });
  });

  it('time out with a value', async () => {
    const any = await start(() => waitForAny(['a', 'b'], { timeout: 5, timeoutValue: null }));
    const all = await start(() => waitForAll(['a', 'b'], { timeout: 5, timeoutValue: {} }));
    await all.sendEvent('a');
    await test.advance(5);
    expect(await gotOf(any)).toBeNull();
    expect(await gotOf(all)).toEqual({});
  });
});

describe('inputs', () => {
  async function answer(body: () => unknown, name: string, data: unknown): Promise<unknown> {
    const run = await start(body);
    await run.provideInput(name, data);
    return gotOf(run);
  }

  it('of an approval say yes or no, however it is said', async () => {
    const ask = () => waitForApproval('ok');
    for (const yes of [true, 'approved', { approved: true, by: 'ann' }])
      expect(await answer(ask, 'ok', yes)).toBe('approved');
    for (const no of [false, 'rejected', { approved: false }]) expect(await answer(ask, 'ok', no)).toBe('rejected');
    // The value of a timeout is not an answer, and an answer not the value of a timeout.
    const timed = () => waitForApproval('ok', { timeout: 50, timeoutValue: false });
    expect(await answer(timed, 'ok', false)).toBe('rejected');
    const late = [
      await start(timed),
      await start(() => waitForApproval('ok', { timeout: 50, timeoutValue: { approved: true } })),
    ];
    await test.advance(50);
    expect(await gotOf(late[0] as WorkflowHandle<unknown>)).toBe(false);
    expect(await gotOf(late[1] as WorkflowHandle<unknown>)).toEqual({ approved: true });
  });

  it('of every other type give what was provided', async () => {
    const choices = [{ value: 1, label: 'one' }, { value: 'two' }, { value: true }];
    expect(await answer(() => waitForChoice('c', { choices }), 'c', 1)).toBe(1);
    expect(await answer(() => waitForChoices('c', { choices }), 'c', [true, 'two'])).toEqual([true, 'two']);
    expect(await answer(() => waitForText('t'), 't', 'words')).toBe('words');
    const fields = [
      { name: 'age', type: 'number', required: true },
      { name: 'born', type: 'date' },
    ] as const;
    expect(await answer(() => waitForForm('f', { fields }), 'f', { age: 7, born: '2026-01-31T10:00:00Z' })).toEqual({
      age: 7, born: new Date('2026-01-31T10:00:00Z'),
    }); // prettier-ignore
    expect(await answer(() => waitForInput('any'), 'any', { what: new Set([1n]) })).toEqual({ what: new Set([1n]) });
    expect(await answer(() => waitForInput('a', { type: 'approval' }), 'a', { approved: true })).toEqual({
      approved: true,
    });
  });

  it('that are answered wrongly stay open; they are listed with all that was declared', async () => {
    const run = await start(() =>
      waitForChoice('size', {
        choices: [{ value: 'S' }, { value: 'M' }],
        prompt: 'Which size?',
        metadata: { order: 7n },
        timeout: hours(1),
      }),
    );
    await expect(run.provideInput('size', 'L')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await test.client.listPendingInputs({ executionId: run.id })).toMatchObject([
      {
        workflow: 'one', step: 'work', name: 'size', type: 'single_choice', prompt: 'Which size?', metadata: { order: 7n },
        choices: [{ value: 'S' }, { value: 'M' }], status: 'pending', timeoutAt: new Date(test.now().getTime() + hours(1)),
      },
    ]); // prettier-ignore
    await run.provideInput('size', 'M');
    expect(await gotOf(run)).toBe('M');
    expect(await test.client.listPendingInputs({ executionId: run.id })).toEqual([]);
  });

  it('that time out are closed everywhere', async () => {
    const run = await start(() => waitForText('t', { timeout: seconds(30), timeoutValue: 'nothing said' }));
    await test.advance(seconds(30));
    expect(await gotOf(run)).toBe('nothing said');
    await expect(run.provideInput('t', 'late')).rejects.toMatchObject({
      code: 'INPUT_NOT_PENDING',
      status: 'timed_out',
    });
    const listed = await test.client.listPendingInputs({ executionId: run.id, status: ['timed_out', 'pending'] });
    expect(listed).toMatchObject([{ name: 't', status: 'timed_out' }]);
  });
});
