import { Injectable } from '@nestjs/common';
import {
  Branch,
  callWorkflow,
  Decision,
  DurableModule,
  DurableWorkflow,
  finish,
  ForEach,
  hours,
  type ItemContext,
  Parallel,
  type ParallelResults,
  sleep,
  startWorkflow,
  Step,
  unwrap,
  waitForApproval,
  waitForEvent,
  waitForText,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

/** What waits need not stand in the step itself. */
@Injectable()
class Asker {
  async ask(name: string): Promise<string> {
    return await waitForText(name);
  }
}

@Workflow({ name: 'echo' })
class EchoWorkflow extends DurableWorkflow<{ n: number }, { n: number }> {
  @Step()
  echo() {}
}

@Workflow({ name: 'selectors' })
class SelectorsWorkflow extends DurableWorkflow<object> {
  constructor(private readonly asker: Asker) {
    super();
  }

  @Branch({ yes: 'onYes', no: 'onNo' })
  choose() {
    return this.asker.ask('which');
  }

  @Step()
  onYes() {
    return { yes: true };
  }

  @Step()
  onNo() {
    return { no: true };
  }

  @Parallel({ a: 'a', b: 'b' })
  async both(data: object, results: ParallelResults<{ a: { n: number }; b: { n: number } }>) {
    const { a, b } = unwrap(results);
    return { ...data, sum: a.n + b.n, collected: await waitForText('collect') };
  }

  @Step()
  async a() {
    await sleep(hours(1));
    return callWorkflow(EchoWorkflow, { n: 1 });
  }

  @Step()
  async b() {
    return callWorkflow(EchoWorkflow, { n: Number(await waitForText('b')) });
  }

  @ForEach('item', { concurrency: 1 })
  async items() {
    return [await waitForText('first'), await waitForText('second')];
  }

  @Step()
  async item(name: string, { index }: ItemContext<object>) {
    return { index, said: await waitForText(name) };
  }

  @Decision()
  async decide(data: object) {
    const decision = await waitForApproval('end');
    return decision === 'approved' ? finish({ ...data, decision }) : data;
  }

  @Step()
  never() {
    throw new Error('not reached');
  }
}

@Workflow({ name: 'arm_refs' })
class ArmRefsWorkflow extends DurableWorkflow<object> {
  @Parallel({ left: ['left1', 'left2'], right: ['right1', 'right2'] })
  both() {}

  @Step()
  async left1() {
    return { one: await startWorkflow(EchoWorkflow, { n: 1 }, { ref: 'r' }) };
  }

  @Step()
  async left2(data: object) {
    return { ...data, two: await startWorkflow(EchoWorkflow, { n: 1 }, { ref: 'r' }) };
  }

  @Step()
  async right1() {
    return { one: await startWorkflow(EchoWorkflow, { n: 1 }, { ref: 'r' }) };
  }

  @Step()
  async right2(data: object) {
    return { ...data, two: await startWorkflow(EchoWorkflow, { n: 1 }, { ref: 'r' }) };
  }
}

@Workflow({ name: 'rounds', maxRetries: 1 })
class RoundsWorkflow extends DurableWorkflow<object, { said: unknown }> {
  @Step()
  async ask() {
    const said = await waitForText('ask');
    if (said === 'fail') throw new Error('as you say');
    return { said };
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest(
    {
      // One place: a run that waits does not hold it.
      imports: [DurableModule.forRoot({ queues: { default: { concurrency: 1 } } })],
      providers: [Asker, EchoWorkflow, SelectorsWorkflow, ArmRefsWorkflow, RoundsWorkflow],
    },
    { databaseUrl: process.env['TEST_SERVER_URL'] },
  );
});

afterAll(() => test.close());

it('waits and children work in selectors, collectors, arms, items and decisions', async () => {
  const run = await test.client.start(SelectorsWorkflow, {});
  const say = async (name: string, text: unknown) => {
    await test.idle();
    await run.provideInput(name, text);
  };
  await say('which', 'yes');
  await say('b', '41');
  await test.advance(hours(1));
  await say('collect', 'done');
  await say('first', 'x');
  await say('second', 'y');
  await say('x', 'of x');
  await say('y', 'of y');
  await say('end', true);
  expect(await run.result()).toEqual({
    yes: true,
    sum: 42,
    collected: 'done',
    decision: 'approved',
    __results__: [
      { status: 'fulfilled', value: { index: 0, said: 'of x' } },
      { status: 'fulfilled', value: { index: 1, said: 'of y' } },
    ],
  });
});

it('a run that waits holds no worker', async () => {
  const runs = await test.client.startMany(SelectorsWorkflow, [{ input: {} }, { input: {} }, { input: {} }]);
  await test.idle();
  for (const run of runs) {
    expect((await run.execution())?.status).toBe('waiting');
    await run.cancel();
  }
});

it('a ref names one child in each arm', async () => {
  const run = await test.client.start(ArmRefsWorkflow, {});
  await run.result();
  expect(await test.client.listChildren(run.id)).toHaveLength(2);
  const steps = await test.client.getSteps(run.id);
  const outputs = steps.filter(({ step }) => step.endsWith('2')).map(({ output }) => output as Record<string, string>);
  expect(outputs).toHaveLength(2);
  for (const { one, two } of outputs) expect(one).toBe(two);
  expect(outputs[0]?.['one']).not.toBe(outputs[1]?.['one']);
});

it('a new round asks anew', async () => {
  const run = await test.client.start(RoundsWorkflow, {});
  await test.idle();
  await run.provideInput('ask', 'fail');
  await test.advance(hours(1));
  expect(await run.execution()).toMatchObject({ status: 'waiting', round: 2 });
  await run.provideInput('ask', 'fine');
  expect(await run.result()).toEqual({ said: 'fine' });
});

it('cancelWait() makes the wait throw, and the next attempt asks anew', async () => {
  const run = await test.client.start(RoundsWorkflow, {});
  await test.idle();
  expect(await run.execution()).toMatchObject({ status: 'waiting' });
  expect(await test.client.cancelWait(run.id, { name: 'ask', reason: 'nobody there' })).toBe(1);
  await test.advance(hours(1));
  expect(await run.execution()).toMatchObject({ status: 'waiting', round: 2 });
  expect(await test.client.getSteps(run.id)).toMatchObject([
    { round: 1, status: 'failed', error: { name: 'WaitCancelledError', reason: 'nobody there' } },
    { round: 2, status: 'waiting' },
  ]);
  await run.cancel();
});

it('events go to the arm that asks for them', async () => {
  @Workflow({ name: 'mail' })
  class MailWorkflow extends DurableWorkflow<object> {
    @Parallel(['one', 'two'])
    both() {}

    @Step()
    async one() {
      return { got: await waitForEvent('for one') };
    }

    @Step()
    async two() {
      return { got: await waitForEvent('for two') };
    }
  }
  const own = await createDurableTest({ providers: [MailWorkflow] }, { databaseUrl: process.env['TEST_SERVER_URL'] });
  const run = await own.client.start(MailWorkflow, {});
  await run.sendEvent('for two', 2);
  await run.sendEvent('for one', 1);
  expect(await run.result()).toEqual({
    __results__: {
      one: { status: 'fulfilled', value: { got: 1 } },
      two: { status: 'fulfilled', value: { got: 2 } },
    },
  });
  await own.close();
});
