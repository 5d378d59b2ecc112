import {
  Branch,
  callWorkflow,
  FatalError,
  ForEach,
  type ItemContext,
  type SettledResult,
  sleep,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Barrier, kit, present, settled, thrownBy } from '../support/kit-app.js';

interface Campaign {
  name: string;
  recipients: unknown[];
}

let log: unknown[] = [];
let work: (item: unknown, context: ItemContext<Campaign>) => unknown;

@Workflow()
class CampaignWorkflow {
  @ForEach('sendOne', { onError: 'completeAll' })
  recipients(campaign: Campaign) {
    return campaign.recipients;
  }

  @Step()
  async sendOne(recipient: unknown, context: ItemContext<Campaign>) {
    return (await work(recipient, context)) as object;
  }
}

@Workflow()
class SilentWorkflow {
  @ForEach('each', { results: 'none', concurrency: 2 })
  async items() {
    await sleep(1_000);
    return [1, 2, 3, 4];
  }

  @Step()
  async each(n: number) {
    log.push(n);
    if (n === 1) await waitForEvent('one');
  }
}

@Workflow()
class ChainWorkflow {
  @ForEach(['double', 'route', 'end'])
  items(data: { numbers: number[] }) {
    return data.numbers;
  }

  @Step()
  double(n: number) {
    // Any storable value is an item's data.
    return (n * 2) as unknown as object;
  }

  @Branch({ big: 'big', default: 'small' })
  route(n: number) {
    return n > 10 ? 'big' : 'small';
  }

  @Step()
  big(n: number) {
    return `big ${n}` as unknown as object;
  }

  @Step()
  small() {}

  @Step()
  end(value: unknown, { index }: ItemContext) {
    return [value, index] as object;
  }
}

@Workflow()
class NestedWorkflow {
  @ForEach('inner')
  outer() {
    return [
      [1, 2],
      [3, 4, 5],
    ];
  }

  @ForEach('leaf')
  inner(list: number[]) {
    return list;
  }

  @Step()
  async leaf(n: number, { index }: ItemContext) {
    await sleep(n * 1_000);
    log.push(`${n} at ${index}`);
    return { n };
  }

  @Step()
  after(data: object) {
    return { done: true, keys: Object.keys(data) };
  }
}

@Workflow()
class ChildWorkflow {
  @Step()
  run(data: { n: number }) {
    return { n: data.n * 10 };
  }
}

@Workflow()
class ParentWorkflow {
  @ForEach('call')
  items() {
    return [1, 2, 3];
  }

  @Step()
  async call(n: number) {
    return (await callWorkflow(ChildWorkflow, { n })) as object;
  }
}

@Workflow()
class NoListWorkflow {
  // @ts-expect-error a selector gives a list
  @ForEach('never')
  items() {
    return 'text';
  }

  @Step()
  never() {
    log.push('never');
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [CampaignWorkflow, SilentWorkflow, ChainWorkflow, NestedWorkflow, ChildWorkflow, ParentWorkflow];
  test = await kit([...providers, NoListWorkflow], { durable: { queues: { default: { concurrency: 30 } } } });
});

afterAll(() => test.close());

beforeEach(() => {
  log = [];
});

async function send(recipients: unknown[], each: typeof work): Promise<Record<string, unknown>> {
  work = each;
  const run = await test.client.start(CampaignWorkflow, { name: 'c', recipients });
  await test.advance(10_000);
  return (await run.result()) as Record<string, unknown>;
}

const value = (it: unknown): SettledResult => ({ status: 'fulfilled', value: it });

describe('a loop', () => {
  it('runs its arm once for each item, whatever it is, and puts the results into the data in item order', async () => {
    const items = ['ann', 7, null, ['x'], { id: 1 }, new Date(3), true];
    const result = await send(items, async (item, { index }) => {
      await sleep((items.length - index) * 1_000);
      log.push(index);
      return { item };
    });
    expect(log).toEqual([6, 5, 4, 3, 2, 1, 0]);
    expect(result).toEqual({ name: 'c', recipients: items, __results__: items.map((item) => value({ item })) });
  });

  it("gives each its index and the loop's own data", async () => {
    const result = await send(['a', 'b'], (item, { index, data }) => ({ item, index, data }));
    const data = { name: 'c', recipients: ['a', 'b'] };
    expect(result['__results__']).toEqual([value({ item: 'a', index: 0, data }), value({ item: 'b', index: 1, data })]);
  });

  it('over nothing gives no results', async () => {
    expect(await send([], () => log.push('never'))).toEqual({ name: 'c', recipients: [], __results__: [] });
    expect(log).toEqual([]);
  });

  it('with completeAll gives failures as rejected', async () => {
    const result = await send(['a', 'b', 'c'], (item) => {
      if (item === 'b') throw new FatalError('no b');
    });
    const reason = expect.objectContaining({ name: 'FatalError', message: 'no b' }) as object;
    expect(result['__results__']).toEqual([value('a'), { status: 'rejected', reason }, value('c')]);
  });

  it('runs 10 items at a time by default', async () => {
    let inside = 0;
    let most = 0;
    const barrier = new Barrier(10);
    await send([...Array(25).keys()], async () => {
      most = Math.max(most, ++inside);
      await barrier.come();
      inside--;
    });
    expect(most).toBe(10);
  });

  it('with `results: none` leaves them out; its selector may wait; an item that waits holds no place', async () => {
    const run = await test.client.start(SilentWorkflow, { a: 1 });
    await test.advance(1_000);
    expect(log).toEqual([1, 2, 3, 4]);
    await run.sendEvent('one');
    await test.idle();
    expect(await run.result()).toEqual({ a: 1 });
  });
});

describe('the data of an item', () => {
  it('goes from member to member, any storable value', async () => {
    const run = await test.client.start(ChainWorkflow, { numbers: [1, 9] });
    await test.idle();
    expect(await run.result()).toEqual({ numbers: [1, 9], __results__: [value([2, 0]), value(['big 18', 1])] });
  });
});

describe('nesting', () => {
  it('a loop in a loop, with waits', async () => {
    const run = await test.client.start(NestedWorkflow, {});
    await test.advance(5_000);
    expect((await settled(test, run)).status).toBe('completed');
    expect(log).toEqual(['1 at 0', '2 at 1', '3 at 0', '4 at 1', '5 at 2']);
    expect(await run.result()).toEqual({ done: true, keys: ['__results__'] });
  });

  it('child workflows in a loop', async () => {
    const run = await test.client.start(ParentWorkflow, {});
    await test.idle();
    expect(await run.result()).toEqual({ __results__: [value({ n: 10 }), value({ n: 20 }), value({ n: 30 })] });
  });
});

it('the selector is recorded like a step, and must give a list', async () => {
  work = () => {};
  const run = await test.client.start(CampaignWorkflow, { name: 'c', recipients: ['a'] });
  await settled(test, run);
  const steps = await test.client.getSteps(run.id);
  expect(steps.map(({ step, type, status }) => [step, type, status])).toEqual([
    ['recipients', 'forEach', 'completed'],
    ['sendOne', 'step', 'completed'],
  ]);
  const bad = await test.client.start(NoListWorkflow, {});
  expect((await settled(test, bad)).status).toBe('failed');
  expect(present(await thrownBy(() => bad.result()))).toMatchObject({ status: 'failed' });
  expect(log).toEqual([]);
});
