import {
  currentAttempt,
  ForEach,
  Parallel,
  type ParallelResults,
  Step,
  stepSignal,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Barrier, Gate, kit, present, settled, thrownBy } from '../support/kit-app.js';

const log: string[] = [];
let entered: Gate;
let aborted: Gate<string>;
let second: () => unknown;

@Workflow()
class PairWorkflow {
  @Parallel(['broken', 'other'])
  collector() {
    log.push('collector');
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  async broken() {
    await entered.promise;
    log.push(`broken ${currentAttempt()}`);
    throw new Error('broken');
  }

  @Step()
  async other() {
    stepSignal().addEventListener('abort', () => aborted.open('aborted'));
    entered.open();
    return (await second()) as object;
  }
}

@Workflow()
class ChainWorkflow {
  @Parallel({ chain: ['one', 'two'], broken: 'broken' })
  collector() {
    log.push('collector');
  }

  @Step()
  async one() {
    const signal = stepSignal();
    entered.open();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }

  @Step()
  two() {
    log.push('two');
  }

  @Step()
  async broken() {
    await entered.promise;
    throw new Error('broken');
  }
}

@Workflow()
class LoopWorkflow {
  @ForEach('item')
  items() {
    return [0, 1, 2];
  }

  @Step()
  async item(n: number) {
    if (n === 1) throw new Error(`item ${n}`);
    await waitForEvent('never');
  }

  @Step()
  after() {
    log.push('after');
  }
}

/** The loop fails, the parallel around it does not. */
@Workflow()
class NestedLoopWorkflow {
  @Parallel({ loop: 'items', other: 'other' }, { onError: 'completeAll' })
  collector(_data: object, results: ParallelResults<{ loop: object; other: object }>) {
    return { loop: results.loop.status, other: results.other.status };
  }

  @ForEach('item')
  items() {
    return [0, 1, 2];
  }

  @Step()
  async item(n: number) {
    if (n === 1) throw new Error(`item ${n}`);
    await waitForEvent('never');
  }

  @Step()
  async other() {
    await waitForEvent('go');
  }
}

let barrier: Barrier;

@Workflow()
class WideWorkflow {
  @Parallel(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'])
  all(_data: object, results: ParallelResults<Record<string, object>>) {
    return { keys: Object.keys(results).join('') };
  }

  @Step()
  a() {
    return barrier.come();
  }

  @Step()
  b() {
    return barrier.come();
  }

  @Step()
  c() {
    return barrier.come();
  }

  @Step()
  d() {
    return barrier.come();
  }

  @Step()
  e() {
    return barrier.come();
  }

  @Step()
  f() {
    return barrier.come();
  }

  @Step()
  g() {
    return barrier.come();
  }

  @Step()
  h() {
    return barrier.come();
  }

  @Step()
  i() {
    return barrier.come();
  }

  @Step()
  j() {
    return barrier.come();
  }

  @Step()
  k() {
    return barrier.come();
  }

  @Step()
  l() {
    return barrier.come();
  }
}

/** The same with a limit. */
@Workflow()
class NarrowWorkflow {
  @Parallel(['one', 'two', 'three'], { concurrency: 1 })
  all() {}

  @Step()
  async one() {
    log.push('one');
    await waitForEvent('one');
    log.push('one again');
  }

  @Step()
  async two() {
    log.push('two');
    await new Promise((resolve) => setImmediate(resolve));
    log.push('two done');
  }

  @Step()
  three() {
    log.push('three');
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [PairWorkflow, ChainWorkflow, LoopWorkflow, NestedLoopWorkflow, WideWorkflow, NarrowWorkflow];
  test = await kit(providers, { durable: { queues: { default: { concurrency: 20 } }, abortGrace: 200 } });
});

afterAll(() => test.close());

beforeEach(() => {
  log.length = 0;
  entered = new Gate();
  aborted = new Gate();
});

describe('failFast, the default', () => {
  it('aborts the others at the first failure, lets them settle, records what returned, and calls no collector', async () => {
    second = async () => ({ told: await aborted.promise });
    const run = await test.client.start(PairWorkflow, {});
    await test.advance(10);
    expect((await settled(test, run)).status).toBe('failed');
    expect(log).toEqual(['broken 1', 'broken 2']);
    const error = present(await thrownBy(() => run.result()));
    expect(error.cause).toMatchObject({ name: 'Error', message: 'broken' });
    const [other] = (await test.client.getSteps(run.id)).filter(({ step }) => step === 'other');
    expect(other).toMatchObject({ status: 'completed', output: { told: 'aborted' } });
  });

  it('waits for `abortGrace`, not longer', async () => {
    second = () => new Promise(() => {});
    const run = await test.client.start(PairWorkflow, {});
    await test.advance(10);
    expect(await thrownBy(() => run.result())).toMatchObject({ status: 'failed', cause: { message: 'broken' } });
    const records = (await test.client.getSteps(run.id)).filter(({ step }) => step === 'other');
    expect(records.filter(({ status }) => status === 'completed')).toEqual([]);
  });

  it('starts no further member of the other arms', async () => {
    const run = await test.client.start(ChainWorkflow, {});
    expect((await settled(test, run)).status).toBe('failed');
    expect(log).toEqual([]);
  });

  it('is so in loops too; items that wait are ended', async () => {
    const run = await test.client.start(LoopWorkflow, {});
    expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { message: 'item 1' } });
    expect(log).toEqual([]);
    expect(await test.client.listPendingEvents({ eventName: 'never' })).toEqual([]);
  });

  it('ends what waits in the fan-out that failed, not what is around it', async () => {
    const run = await test.client.start(NestedLoopWorkflow, {});
    expect((await settled(test, run)).status).toBe('waiting');
    const waits = await test.client.listPendingEvents({});
    expect(waits.map(({ executionId, eventName }) => [executionId, eventName])).toEqual([[run.id, 'go']]);
    await run.sendEvent('go');
    await test.idle();
    expect(await run.result()).toEqual({ loop: 'rejected', other: 'fulfilled' });
  });
});

describe('concurrency', () => {
  it('is all arms by default', async () => {
    barrier = new Barrier(12);
    const run = await test.client.start(WideWorkflow, {});
    await test.idle();
    expect(await run.result()).toEqual({ keys: 'abcdefghijkl' });
  });

  it('is kept to; an arm that waits holds no place', async () => {
    const run = await test.client.start(NarrowWorkflow, {});
    await test.idle();
    expect(log).toEqual(['one', 'two', 'two done', 'three']);
    await run.sendEvent('one');
    expect((await settled(test, run)).status).toBe('completed');
    expect(log).toEqual(['one', 'two', 'two done', 'three', 'one', 'one again']);
  });
});
