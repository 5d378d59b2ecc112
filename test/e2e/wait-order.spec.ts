import {
  callWorkflow,
  currentAttempt,
  DurableWorkflow,
  hours,
  minutes,
  once,
  Parallel,
  seconds,
  sleep,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { Bodies, settled } from '../support/bodies.js';
import { onTestServer } from '../testing/support.js';

/** The order in which a step is given what its waits have come to. */

type Data = { body: string };
const bodies = new Bodies();

@Workflow({ name: 'one' })
class OneWorkflow extends DurableWorkflow<Data> {
  @Step()
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

@Workflow({ name: 'retried' })
class RetriedWorkflow extends DurableWorkflow<Data> {
  @Step({ retry: { maxAttempts: 2, initialDelay: 1_000, jitter: false } })
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow extends DurableWorkflow<object, { child: number }> {
  @Step()
  async work() {
    await waitForEvent('finish');
    return { child: 1 };
  }
}

@Workflow({ name: 'away' })
class AwayWorkflow extends DurableWorkflow<Data> {
  @Step({ queue: 'other' })
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }
}

/** The other arm keeps the run's session here while this one waits. */
@Workflow({ name: 'arms' })
class ArmsWorkflow extends DurableWorkflow<Data> {
  @Parallel(['work', 'busy'])
  both() {}

  @Step()
  async work(data: Data) {
    return { got: await bodies.call(data.body, data) };
  }

  @Step()
  async busy(data: Data) {
    await bodies.call('', data, 'busy');
    await idle.promise;
  }
}

class Gate {
  open: () => void = () => {};
  readonly promise = new Promise<void>((resolve) => (this.open = resolve));
}

let idle = new Gate();
let test: DurableTest;

beforeAll(async () => {
  const providers = [OneWorkflow, RetriedWorkflow, ChildWorkflow, AwayWorkflow, ArmsWorkflow];
  test = await createDurableTest({ providers, durable: { queues: { default: {}, other: {} } } }, onTestServer);
});

afterAll(() => test.close());

async function start(body: () => unknown, workflow = 'one'): Promise<WorkflowHandle<unknown>> {
  const run = await test.client.start(workflow, { body: bodies.add(body) });
  await test.idle();
  return run;
}

async function gotOf(run: WorkflowHandle<unknown>): Promise<unknown> {
  await test.idle();
  return ((await run.result({ timeout: 30_000 })) as { got: unknown }).got;
}

/** What each pass of a body saw, in its order. */
class Passes {
  readonly all: string[][] = [];

  begin(): (what: string) => () => string {
    const pass: string[] = [];
    this.all.push(pass);
    return (what) => () => {
      pass.push(what);
      return what;
    };
  }
}

describe('the winner of a race', () => {
  it('is the same in each pass, whatever has ended since: a time against an event', async () => {
    const passes = new Passes();
    const effects: string[] = [];
    const run = await start(async () => {
      const note = passes.begin();
      const won = await Promise.race([waitForEvent('paid').then(note('paid')), sleep(minutes(1)).then(note('late'))]);
      await once(won, () => effects.push(won));
      await waitForEvent(won === 'late' ? 'reminded' : 'shipped');
      return won;
    });
    await test.advance(minutes(1));
    await run.sendEvent('paid');
    await test.idle();
    await run.sendEvent('reminded');
    expect(await gotOf(run)).toBe('late');
    expect(effects).toEqual(['late']);
    expect(passes.all).toEqual([[], ['late'], ['late', 'paid'], ['late', 'paid']]);
  });

  it('is the same after a crash', async () => {
    const run = await start(async () => {
      const won = await Promise.any([
        waitForApproval('boss').then(() => 'boss'),
        waitForEvent('stop').then(() => 'stop'),
        callWorkflow(ChildWorkflow, {}).then(() => 'child'),
      ]);
      await waitForEvent('go on');
      return won;
    });
    const [child] = await test.client.listChildren(run.id);
    await test.client.sendEvent(child?.id ?? '', 'finish');
    await test.idle();
    await run.sendEvent('stop');
    await run.provideInput('boss', true);
    await test.crash();
    await test.restart();
    await run.sendEvent('go on');
    expect(await gotOf(run)).toBe('child');
  });

  it('is the one that ended first while nobody worked on the run', async () => {
    const race = (): Promise<string> =>
      Promise.race(['a', 'b', 'c'].map((name) => waitForEvent(name).then(() => name)));
    const run = await start(race);
    await test.crash();
    for (const name of ['c', 'a', 'b']) await run.sendEvent(name);
    await test.restart();
    expect(await gotOf(run)).toBe('c');
  });

  it('is the event that was sent first, where all were sent before they were asked for', async () => {
    const run = await start(async () => {
      await waitForEvent('begin');
      return Promise.race(['a', 'b'].map((name) => waitForEvent(name).then(() => name)));
    });
    await run.sendEvent('b');
    await run.sendEvent('a');
    await run.sendEvent('begin');
    expect(await gotOf(run)).toBe('b');
  });

  it('is the same in a step on another queue', async () => {
    const run = await start(async () => {
      const won = await Promise.race([waitForEvent('a').then(() => 'a'), sleep(hours(1)).then(() => 'late')]);
      await waitForEvent(`after ${won}`);
      return won;
    }, 'away');
    await test.advance(hours(1));
    await run.sendEvent('a');
    await test.idle();
    await run.sendEvent('after late');
    expect(await gotOf(run)).toBe('late');
  });

  it('is the same where another arm keeps the run here', async () => {
    idle = new Gate();
    const run = await test.client.start(ArmsWorkflow, {
      body: bodies.add(async () => {
        const won = await Promise.race([waitForEvent('a'), waitForEvent('b')].map((wait) => wait));
        await waitForEvent('next');
        return won;
      }),
    });
    while ((await test.client.listPendingEvents({ eventName: 'b' })).length === 0) await new Promise(setImmediate);
    await run.sendEvent('b', 'B');
    while ((await test.client.listPendingEvents({ eventName: 'next' })).length === 0) await new Promise(setImmediate);
    await run.sendEvent('a', 'A');
    await run.sendEvent('next');
    while (bodies.passes(run) < 3) await new Promise(setImmediate);
    idle.open();
    await test.idle();
    const steps = await test.client.getSteps(run.id);
    expect(steps.find(({ step }) => step === 'work')?.output).toEqual({ got: 'B' });
  });

  it('is the same in a further attempt, as far as it had returned', async () => {
    const run = await start(async () => {
      const won = await Promise.race([waitForEvent('a').then(() => 'a'), waitForEvent('b').then(() => 'b')]);
      await waitForEvent('next');
      if (currentAttempt() === 1) throw new Error('once more');
      return won;
    }, 'retried');
    await run.sendEvent('b');
    await test.idle();
    await run.sendEvent('a');
    await run.sendEvent('next');
    await test.advance(1_000);
    expect(await gotOf(run)).toBe('b');
  });
});

describe('a step is given its waits', () => {
  it('in the order in which they ended, each when the code has gone on with the one before', async () => {
    const passes = new Passes();
    const run = await start(async () => {
      const note = passes.begin();
      const chain = async (name: string): Promise<void> => {
        await waitForEvent(name);
        note(name)();
        await once(`after ${name}`, async () => {
          for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
        });
        note(`${name} recorded`)();
        await waitForEvent(`${name} again`);
        note(`${name} again`)();
      };
      await Promise.all(['a', 'b'].map(chain));
    });
    for (const name of ['b', 'a', 'a again', 'b again']) {
      await run.sendEvent(name);
      await test.idle();
    }
    await gotOf(run);
    const seen = ['b', 'b recorded', 'a', 'a recorded', 'a again', 'b again'];
    expect(passes.all).toEqual([[], seen.slice(0, 2), seen.slice(0, 4), seen.slice(0, 5), seen]);
  });

  it('times that are due together in the order asked, times and timeouts as they were due', async () => {
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    const run = await start(async () => {
      order.length = 0;
      await Promise.all([
        sleep(seconds(3)).then(note('3 s')),
        sleep(seconds(2)).then(note('2 s')),
        waitForEvent('x', { timeout: seconds(2), timeoutValue: null }).then(note('2 s of the event')),
        sleep(seconds(1)).then(note('1 s')),
        waitForEvent('y', { timeout: seconds(1) }).catch(note('1 s of the event')),
      ]);
    });
    await test.crash();
    await test.advance(seconds(3));
    await test.restart();
    await gotOf(run);
    expect(order).toEqual(['1 s', '1 s of the event', '2 s', '2 s of the event', '3 s']);
  });

  it('ends of waiting, answers and ends of children as they came', async () => {
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    const run = await start(async () => {
      order.length = 0;
      await Promise.all([
        callWorkflow(ChildWorkflow, {}).then(note('child')),
        waitForEvent('cancelled').catch(note('cancelled')),
        waitForApproval('asked').then(note('asked')),
        waitForEvent('sent').then(note('sent')),
      ]);
    });
    await run.provideInput('asked', true);
    await test.client.cancelWait(run.id, { name: 'cancelled' });
    const [child] = await test.client.listChildren(run.id);
    await test.client.sendEvent(child?.id ?? '', 'finish');
    await test.idle();
    await run.sendEvent('sent');
    await gotOf(run);
    expect(order).toEqual(['asked', 'cancelled', 'child', 'sent']);
  });

  it('that were asked for late when they are asked for, behind nothing that is still open', async () => {
    const run = await start(async () => {
      const first = waitForEvent('first');
      await waitForEvent('second');
      return [await waitForEvent('third'), await first];
    });
    for (const name of ['third', 'second', 'first']) await run.sendEvent(name, name);
    expect(await gotOf(run)).toEqual(['third', 'first']);
    expect((await settled(test, run)).status).toBe('completed');
  });
});
