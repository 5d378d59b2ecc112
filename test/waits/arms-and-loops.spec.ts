import {
  Branch,
  callWorkflow,
  Compensate,
  Decision,
  finish,
  ForEach,
  goto,
  Parallel,
  type ParallelResults,
  sleep,
  startWorkflow,
  Step,
  unwrap,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit, settled } from '../support/kit-app.js';

/** "Waits and child workflows work everywhere, in arms and loops too", and the README's own class. */

@Workflow()
class DoubleWorkflow {
  @Step()
  run(data: { n: number }) {
    return { n: data.n * 2 };
  }
}

async function doubled(n: number): Promise<number> {
  await sleep(n * 1_000);
  return ((await callWorkflow(DoubleWorkflow, { n })) as { n: number }).n;
}

@Workflow()
class EverywhereWorkflow {
  @Decision({ goto: ['choose'] })
  async decide() {
    return (await doubled(1)) === 2 ? goto('choose', { trail: [2] }) : finish({});
  }

  @Branch({ 4: ['inBranch', 'inBranchToo'] })
  choose() {
    return doubled(2);
  }

  @Step()
  async inBranch(data: { trail: number[] }) {
    return { trail: [...data.trail, await doubled(3)] };
  }

  @Step()
  async inBranchToo(data: { trail: number[] }) {
    const [four, event] = await Promise.all([doubled(4), waitForEvent<number>('event')]);
    return { trail: [...data.trail, four, event] };
  }

  @Parallel({ one: 'inArm', two: ['loop', 'afterLoop'] })
  async collect(data: { trail: number[] }, results: ParallelResults<{ one: { n: number }; two: { list: number[] } }>) {
    const { one, two } = unwrap(results);
    return { trail: [...data.trail, one.n, ...two.list, await doubled(7)] };
  }

  @Step()
  async inArm() {
    return { n: await doubled(5) };
  }

  @ForEach('inItem', { concurrency: 1 })
  async loop() {
    return [await doubled(1), await doubled(2)];
  }

  @Step()
  async inItem(n: number) {
    return { n: await doubled(n) };
  }

  @Step()
  afterLoop({ __results__: results }: { __results__: { value: { n: number } }[] }) {
    return { list: results.map(({ value }) => value.n) };
  }

  @Step()
  async child(data: { trail: number[] }) {
    return { ...data, child: typeof (await startWorkflow(DoubleWorkflow, { n: 1 })) };
  }
}

const log: string[] = [];

@Workflow({ name: 'process_order', timeout: 7_200_000 })
class OrderWorkflow {
  @Step()
  validate(input: { id: string; fail?: boolean }) {
    return { orderId: input.id, fail: input.fail };
  }

  @Step({ retry: { maxAttempts: 3, backoff: 'exponential' }, compensate: 'refund' })
  async charge(order: { orderId: string }) {
    return { ...order, chargeId: `charge of ${order.orderId}` };
  }

  @Step()
  async ship(order: { fail?: boolean }) {
    if (order.fail) throw new Error('no ship');
  }

  @Compensate()
  async refund(order: { chargeId: string }, info: { step: string; outcome: string; error?: { message: string } }) {
    log.push(`refund ${order.chargeId}, ${info.step} ${info.outcome}, ${info.error?.message}`);
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([DoubleWorkflow, EverywhereWorkflow, OrderWorkflow]);
});

afterAll(() => test.close());

it('waits and children work in every kind of member', async () => {
  const run = await test.client.start(EverywhereWorkflow, {});
  await run.sendEvent('event', 0);
  await test.advance(60_000);
  expect((await settled(test, run)).status).toBe('completed');
  expect(await run.result()).toEqual({ trail: [2, 6, 8, 0, 10, 4, 8, 14], child: 'string' });
});

it('with a crash at every turn', async () => {
  const run = await test.client.start(EverywhereWorkflow, {});
  await run.sendEvent('event', 0);
  for (let second = 0; second < 40; second++) {
    await test.crash();
    await test.restart();
    await test.advance(1_000);
  }
  expect((await settled(test, run)).status).toBe('completed');
  expect(await run.result()).toEqual({ trail: [2, 6, 8, 0, 10, 4, 8, 14], child: 'string' });
});

describe('the first example', () => {
  it('gives the data on unchanged when a step returns nothing', async () => {
    const run = await test.client.start(OrderWorkflow, { id: 'o1' });
    await test.idle();
    expect(await run.result()).toEqual({ orderId: 'o1', chargeId: 'charge of o1', fail: undefined });
    expect((await test.client.getSteps(run.id)).map(({ step }) => step)).toEqual(['validate', 'charge', 'ship']);
    expect(log).toEqual([]);
  });

  it('undoes the charge when the shipping fails', async () => {
    const run = await test.client.start('process_order', { id: 'o2', fail: true });
    expect((await settled(test, run)).status).toBe('compensated');
    expect(log).toEqual(['refund charge of o2, charge completed, no ship']);
  });
});
