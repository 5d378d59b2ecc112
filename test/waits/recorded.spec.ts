import {
  Compensate,
  Decision,
  DurableWorkflow,
  goto,
  hours,
  sleep,
  Step,
  waitForEvent,
  waitForText,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, RetriedScriptWorkflow, ScriptElsewhereWorkflow, scriptTest } from './scripts.js';

@Workflow({ name: 'circle' })
class CircleWorkflow extends DurableWorkflow<{ got: unknown[] }, { got: unknown[] }> {
  @Step()
  async ask({ got: before }: { got: unknown[] }) {
    return { got: [...before, await waitForEvent('round')] };
  }

  @Decision({ goto: ['ask'] })
  again(data: { got: unknown[] }) {
    return data.got.length < 3 ? goto('ask', data) : data;
  }
}

/** What `shaky` asks for in each pass. */
let ask: () => Promise<unknown>;

@Workflow({ name: 'shaky' })
class ShakyWorkflow extends DurableWorkflow<object, { got: unknown }> {
  undone = 0;

  @Step({ compensate: 'undo' })
  before() {}

  @Step({ compensate: 'undo', compensateWhen: 'started', retry: { maxAttempts: 3 } })
  async shaky() {
    return { got: await ask() };
  }

  @Compensate()
  undo() {
    this.undone++;
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await scriptTest([CircleWorkflow, ShakyWorkflow]);
});

afterAll(() => test.close());

describe('waits are known by kind, name and count', () => {
  it('the same name again is another wait', async () => {
    const run = await begin(test, async () => [await waitForEvent('n'), await waitForEvent('n')]);
    await run.sendEvent('n', 1);
    await test.idle();
    expect((await run.execution())?.status).toBe('waiting');
    await run.sendEvent('n', 2);
    expect(await got(run)).toEqual([1, 2]);
  });

  it('an event and an input may have the same name', async () => {
    const run = await begin(test, () => Promise.all([waitForEvent('same'), waitForText('same')]));
    await run.provideInput('same', 'text');
    await run.sendEvent('same', 'event');
    expect(await got(run)).toEqual(['event', 'text']);
  });

  it('waits of other names may come in another order in a later pass', async () => {
    let passes = 0;
    const run = await begin(test, async () => {
      const names = passes++ % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
      const values = await Promise.all(names.map((name) => waitForEvent(name)));
      return Object.fromEntries(names.map((name, at) => [name, values[at]]));
    });
    await run.sendEvent('a', 'A');
    await test.idle();
    await run.sendEvent('b', 'B');
    expect(await got(run)).toEqual({ a: 'A', b: 'B' });
  });
});

describe('waits that returned', () => {
  it('stay recorded when the step is tried again', async () => {
    const firsts: unknown[] = [];
    let attempts = 0;
    const run = await begin(
      test,
      async () => {
        const first = await waitForEvent('a');
        await sleep(hours(1));
        firsts.push(first);
        if (++attempts < 3) throw new Error('again');
        return first;
      },
      RetriedScriptWorkflow,
    );
    await run.sendEvent('a', 'only one');
    await test.advance(hours(1) + 2000);
    expect(await got(run)).toBe('only one');
    expect(firsts).toEqual(['only one', 'only one', 'only one']);
    expect(await test.client.getSteps(run.id)).toMatchObject([
      { attempt: 1, status: 'failed' },
      { attempt: 2, status: 'failed' },
      { attempt: 3, status: 'completed' },
    ]);
  });

  it('are not asked again after a crash', async () => {
    const run = await begin(test, async () => [await waitForEvent('a'), await waitForEvent('b')]);
    await run.sendEvent('a', 1);
    await test.idle();
    await test.crash();
    await test.restart();
    await run.sendEvent('b', 2);
    expect(await got(run)).toEqual([1, 2]);
  });

  it('are asked anew in the next visit of the step', async () => {
    const run = await test.client.start(CircleWorkflow, { got: [] });
    for (const n of [1, 2, 3]) {
      await test.idle();
      expect(await test.client.listPendingEvents({ eventName: 'round' })).toHaveLength(1);
      await run.sendEvent('round', n);
    }
    expect(await run.result()).toEqual({ got: [1, 2, 3] });
  });
});

describe('a re-run that asks for a new wait before all recorded ones', () => {
  async function pausedBy(first: () => Promise<unknown>, later: () => Promise<unknown>): Promise<string> {
    ask = first;
    const run = await test.client.start(ShakyWorkflow, {});
    await test.idle();
    ask = later;
    await run.sendEvent('recorded', 1);
    await test.idle();
    const { undone } = test.get<ShakyWorkflow>(ShakyWorkflow);
    const execution = await run.execution();
    expect(execution).toMatchObject({ status: 'paused', error: { name: 'NonDeterministicStepError' } });
    expect(undone).toBe(0);
    ask = first;
    expect(await run.resume()).toBe(true);
    expect(await run.result()).toMatchObject({ got: 1 });
    return execution?.error?.message ?? '';
  }

  it('pauses the run with NonDeterministicStepError, naming both, and undoes nothing; it goes on with resume', async () => {
    const message = await pausedBy(
      () => waitForEvent('recorded'),
      () => waitForEvent('another'),
    );
    expect(message).toContain('recorded');
    expect(message).toContain('another');
  });

  it('also where the step would catch it', async () => {
    const message = await pausedBy(
      () => waitForEvent('recorded'),
      () => waitForEvent('another').catch(() => 'caught'),
    );
    expect(message).toContain('another');
  });

  it('also where it is of another kind', async () => {
    const message = await pausedBy(
      () => waitForEvent('recorded'),
      () => waitForText('recorded'),
    );
    expect(message).toMatch(/event.*input|input.*event/);
  });
});

describe('the next attempt', () => {
  it('is a re-run too: a new wait before the recorded ones pauses the run', async () => {
    let passes = 0;
    const run = await begin(
      test,
      async () => {
        if (passes++ > 1) return await waitForEvent('new');
        await waitForEvent('recorded');
        throw new Error('again');
      },
      RetriedScriptWorkflow,
    );
    await run.sendEvent('recorded');
    await test.advance(1000);
    expect(await run.execution()).toMatchObject({ status: 'paused', error: { name: 'NonDeterministicStepError' } });
    await run.cancel();
  });
});

describe('a wait that threw, which the step has caught', () => {
  it.each([ScriptElsewhereWorkflow, RetriedScriptWorkflow])(
    'is asked for anew by the next attempt, before waits that came after it (%p)',
    async (workflow) => {
      let attempts = 0;
      const run = await begin(
        test,
        async () => {
          const first = await waitForEvent('first', { timeout: 1000 }).catch(() => 'nobody');
          const second = await waitForEvent('second');
          if (attempts++ === 0) throw new Error('again');
          return [first, second];
        },
        workflow,
      );
      await test.advance(1000);
      await run.sendEvent('second', 2);
      await test.advance(1000);
      await run.sendEvent('first', 1);
      expect(await got(run)).toEqual([1, 2]);
      expect(attempts).toBe(2);
    },
  );
});

describe('a re-run that asks for no wait', () => {
  it('may ask for less', async () => {
    let passes = 0;
    const run = await begin(test, async () => {
      if (passes++ === 0) await Promise.all([waitForEvent('a'), waitForEvent('b')]);
      return 'done';
    });
    await run.sendEvent('a');
    await run.sendEvent('b');
    expect(await got(run)).toBe('done');
  });
});
