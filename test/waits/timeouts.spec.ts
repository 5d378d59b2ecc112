import {
  callWorkflow,
  Compensate,
  DurableWorkflow,
  hours,
  Step,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForChoices,
  waitForEvent,
  waitForForm,
  waitForInput,
  type WaitOptions,
  waitForText,
  WaitTimeoutError,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, RetriedScriptWorkflow, scriptTest } from './scripts.js';

@Workflow({ name: 'grandchild' })
class GrandchildWorkflow {
  @Step()
  async wait() {
    await waitForInput('deep');
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  async wait() {
    await Promise.all([callWorkflow(GrandchildWorkflow, {}), waitForEvent('childs'), waitForInput('childs')]);
  }
}

@Workflow({ name: 'strict' })
class StrictWorkflow extends DurableWorkflow<{ valued: boolean }> {
  attempts = 0;
  readonly undone: unknown[] = [];

  @Step({ compensate: 'release' })
  reserve(data: { valued: boolean }) {
    return { ...data, reserved: true };
  }

  @Step({ retry: { maxAttempts: 3, initialDelay: 1 } })
  async ask({ valued }: { valued: boolean }) {
    const options: WaitOptions = { timeout: hours(1), onTimeout: 'fail' };
    if (valued) options.timeoutValue = 'value';
    try {
      return { answer: await waitForEvent('strict', options) };
    } catch {
      return { answer: 'caught' };
    }
  }

  @Step()
  after() {
    this.undone.push('never reached');
  }

  @Compensate()
  release(data: object) {
    this.undone.push(data);
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await scriptTest([ChildWorkflow, GrandchildWorkflow, StrictWorkflow]);
});

afterAll(() => test.close());

const choices = [{ value: 'red' }, { value: 'blue' }];
const fields = [{ name: 'n', type: 'number' as const }];

/** A wait of each kind. */
function each(options: WaitOptions<never>): Promise<unknown>[] {
  return [
    waitForEvent('x', options),
    waitForAny(['x', 'y'], options),
    waitForAll(['x', 'y'], options),
    waitForInput('in', options),
    waitForApproval('approval', options),
    waitForChoice('choice', { choices, ...options }),
    waitForChoices('choices', { choices, ...options }),
    waitForText('text', options),
    waitForForm('form', { fields, ...options }),
    callWorkflow(ChildWorkflow, {}, options),
  ];
}

function nameAndCode(error: unknown): unknown {
  return error instanceof WaitTimeoutError ? [error.name, typeof error.code] : error;
}

describe('timeout', () => {
  it('makes each kind of wait throw WaitTimeoutError, not before it is due', async () => {
    const run = await begin(test, () =>
      Promise.all(each({ timeout: hours(1) }).map((wait) => wait.catch((error: unknown) => nameAndCode(error)))),
    );
    await test.advance(hours(1) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect(await got(run)).toEqual(Array.from({ length: 10 }, () => ['WaitTimeoutError', 'string']));
  });

  it('fails the attempt when the error is not caught', async () => {
    const run = await begin(test, () => waitForEvent('x', { timeout: hours(1), onTimeout: 'resume' }));
    await test.advance(hours(1));
    expect(await run.execution()).toMatchObject({ status: 'failed', error: { name: 'WaitTimeoutError' } });
    await expect(run.result()).rejects.toMatchObject({ cause: { name: 'WaitTimeoutError' } });
  });

  it('with timeoutValue it returns that', async () => {
    const never = { timeout: hours(1), timeoutValue: { late: true } as never };
    const run = await begin(test, () => Promise.all(each(never)));
    await test.advance(hours(1));
    expect(await got(run)).toEqual(Array.from({ length: 10 }, () => ({ late: true })));
  });

  it.each([null, false, 0, ''])('also with timeoutValue %p', async (timeoutValue) => {
    const run = await begin(test, () => waitForEvent<unknown>('x', { timeout: hours(1), timeoutValue }));
    await test.advance(hours(1));
    expect(await got(run)).toBe(timeoutValue);
  });

  it("with timeoutValue and onTimeout: 'resume' too", async () => {
    const run = await begin(test, () =>
      waitForEvent<unknown>('x', { timeout: hours(1), timeoutValue: 'late', onTimeout: 'resume' }),
    );
    await test.advance(hours(1));
    expect(await got(run)).toBe('late');
  });

  it('is no matter to a wait that was over before', async () => {
    const run = await begin(test, async () => [
      await waitForEvent('x', { timeout: hours(1) }),
      await waitForEvent('y'),
    ]);
    await run.sendEvent('x', 1);
    await test.advance(hours(2));
    await run.sendEvent('y', 2);
    expect(await got(run)).toEqual([1, 2]);
  });

  it('that passes while no worker lives is over when one does', async () => {
    const run = await begin(test, () => waitForEvent<unknown>('x', { timeout: hours(1), timeoutValue: 'late' }));
    await test.crash();
    await test.advance(hours(2));
    await test.restart();
    expect(await got(run)).toBe('late');
  });
});

describe("onTimeout: 'fail'", () => {
  it.each([false, true])(
    'fails the run whatever the step catches, compensations included (value: %p)',
    async (valued) => {
      const run = await test.client.start(StrictWorkflow, { valued });
      const { undone } = test.get<StrictWorkflow>(StrictWorkflow);
      undone.length = 0;
      await test.advance(hours(1));
      await test.advance(hours(1));
      const execution = await run.execution({ includeSteps: true });
      expect(execution).toMatchObject({ status: 'compensated', error: { name: 'WaitTimeoutError' } });
      expect(execution?.steps?.filter(({ step }) => step === 'after')).toEqual([]);
      expect(undone).toEqual([{ valued, reserved: true }]);
      await expect(run.result()).rejects.toMatchObject({ name: 'WorkflowFailedError', status: 'compensated' });
    },
  );

  it('is failed with nothing to undo', async () => {
    const run = await begin(test, () =>
      waitForText('x', { timeout: hours(1), onTimeout: 'fail' }).catch(() => 'caught'),
    );
    await test.advance(hours(1));
    expect(await run.execution()).toMatchObject({ status: 'failed', error: { name: 'WaitTimeoutError' } });
  });
});

describe('a wait that times out closes everything under it', () => {
  it('events and inputs that are no longer asked for are no longer listed', async () => {
    const run = await begin(test, async () => {
      const late = { timeout: hours(1), timeoutValue: null as never };
      await Promise.all([
        waitForAll(['one', 'two'], late),
        waitForAny(['three', 'four'], late),
        waitForText('five', late),
      ]);
      await waitForEvent('six');
    });
    const timeoutBefore = new Date(test.now().getTime() + hours(1) + 1);
    expect(await test.client.listPendingInputs({ executionId: run.id, timeoutBefore })).toHaveLength(1);
    await test.advance(hours(1));
    const events = await test.client.listPendingEvents();
    expect(events.filter(({ executionId }) => executionId === run.id)).toMatchObject([{ eventName: 'six' }]);
    expect(await test.client.listPendingInputs({ executionId: run.id })).toEqual([]);
    expect(await test.client.listPendingInputs({ executionId: run.id, status: 'timed_out' })).toMatchObject([
      { name: 'five', status: 'timed_out', response: null },
    ]);
    expect(await test.client.listPendingEvents({ eventName: 'two', status: 'timed_out' })).toHaveLength(1);
    await expect(run.provideInput('five', 'late')).rejects.toMatchObject({ name: 'InputNotPendingError' });
    await run.cancel();
  });

  it('the child of a callWorkflow is cancelled, with what it waits for and its own children', async () => {
    const run = await begin(test, async () => {
      const late = await callWorkflow(ChildWorkflow, {}, { timeout: hours(1), timeoutValue: 'late' });
      await waitForEvent('go on');
      return late;
    });
    const [child] = await test.client.listChildren(run.id);
    const [grandchild] = await test.client.listChildren(child?.id ?? '');
    expect(await test.client.listPendingInputs({ executionId: grandchild?.id ?? '' })).toHaveLength(1);
    await test.advance(hours(1));
    expect((await run.execution())?.status).toBe('waiting');
    expect((await test.client.getExecution(child?.id ?? ''))?.status).toBe('cancelled');
    expect((await test.client.getExecution(grandchild?.id ?? ''))?.status).toBe('cancelled');
    expect(await test.client.listPendingInputs({ workflow: GrandchildWorkflow })).toEqual([]);
    expect(await test.client.listPendingInputs({ workflow: ChildWorkflow })).toEqual([]);
    expect(await test.client.listPendingEvents({ eventName: 'childs' })).toEqual([]);
    await run.sendEvent('go on');
    expect(await got(run)).toBe('late');
  });
});

describe('a wait that threw', () => {
  it('throws again in later passes of the same attempt', async () => {
    const outcomes: string[] = [];
    const run = await begin(test, async () => {
      const outcome = await waitForEvent<string>('c', { timeout: hours(1) }).catch((error: Error) => error.name);
      outcomes.push(outcome);
      return [outcome, await waitForEvent('d')];
    });
    await test.advance(hours(1));
    await run.sendEvent('c', 'too late');
    await run.sendEvent('d', 'D');
    expect(await got(run)).toEqual(['WaitTimeoutError', 'D']);
    expect(outcomes).toEqual(['WaitTimeoutError', 'WaitTimeoutError']);
  });

  it('is asked anew by the next attempt, with its whole timeout', async () => {
    const start = test.now().getTime();
    const run = await begin(test, () => waitForEvent('anew', { timeout: hours(1) }), RetriedScriptWorkflow);
    await test.advance(hours(1) + 1000);
    expect(await test.client.listPendingEvents({ eventName: 'anew' })).toMatchObject([
      { executionId: run.id, timeoutAt: new Date(start + 2 * hours(1) + 1000) },
    ]);
    await run.sendEvent('anew', 'there');
    expect(await got(run)).toBe('there');
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'failed'],
      [2, 'completed'],
    ]);
  });
});
