import { Compensate, DurableQueues, Parallel, type ParallelResults, Step, stepSignal, Workflow } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Gate, kit, settled } from '../support/kit-app.js';

/** The fan-out around a step on another queue fails while that is at work, or waits for a worker. */

const log: string[] = [];
let entered: Gate;
let away: () => Promise<unknown>;
let test: DurableTest;

class Pair {
  @Parallel({ broken: 'broken', away: 'away' })
  pair() {}

  @Step()
  async broken() {
    await entered.promise;
    throw new Error('broken');
  }

  @Step({ queue: 'elsewhere', compensate: 'refund' })
  async away() {
    const made = away();
    entered.open();
    await made;
    log.push('away');
    return { charged: true };
  }

  @Compensate()
  refund() {
    log.push('refund');
  }
}

@Workflow({ name: 'charged' })
class ChargedWorkflow extends Pair {}

/** What fails is contained. */
@Workflow({ name: 'contained' })
class ContainedWorkflow extends Pair {
  @Parallel({ pair: 'pair', fine: 'fine' }, { onError: 'completeAll' })
  outer(_data: object, results: ParallelResults<{ pair: object; fine: object }>) {
    log.push(`outer: ${results.pair.status}`);
    return {};
  }

  @Step()
  fine() {}

  @Step()
  last() {
    log.push('last');
  }
}

/** Returns when it is told to end. */
function untilAborted(): Promise<void> {
  const signal = stepSignal();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      log.push('aborted');
      // Not within the listener: what follows would otherwise be seen in whatever order.
      setTimeout(resolve, 50);
    });
  });
}

beforeAll(async () => {
  test = await kit([ChargedWorkflow, ContainedWorkflow], { durable: { abortGrace: 500 } });
});

afterAll(() => test.close());

beforeEach(() => {
  log.length = 0;
  entered = new Gate();
  away = untilAborted;
});

it('is told to end, and is undone where it returned: the run is undone after it', async () => {
  const run = await test.client.start('charged', {});
  expect((await settled(test, run)).status).toBe('compensated');
  expect(log).toEqual(['aborted', 'away', 'refund']);
});

it('is told to end, and is recorded before the collector around it is called', async () => {
  const run = await test.client.start('contained', {});
  expect((await settled(test, run)).status).toBe('completed');
  expect(log).toEqual(['aborted', 'away', 'outer: rejected', 'last']);
  expect(await run.steps()).toContainEqual(expect.objectContaining({ step: 'away', status: 'completed' }));
});

it('is given up where it does not settle in its time', async () => {
  const late = new Gate();
  away = () => late.promise;
  const run = await test.client.start('contained', {});
  const { status } = await settled(test, run);
  late.open();
  expect(status).toBe('completed');
  expect(log).toEqual(['outer: rejected', 'last']);
  expect(await run.steps()).not.toContainEqual(expect.objectContaining({ step: 'away' }));
});

it('is not run where no worker has begun it', async () => {
  const queues = test.app.get(DurableQueues);
  await queues.pause('elsewhere');
  entered.open();
  const run = await test.client.start('contained', {});
  expect((await settled(test, run)).status).toBe('completed');
  await queues.resume('elsewhere');
  await test.idle();
  expect(log).toEqual(['outer: rejected', 'last']);
});

it('goes with its worker where that dies while it settles', async () => {
  const told = new Gate();
  away = () => {
    stepSignal().addEventListener('abort', () => told.open());
    return new Promise(() => {});
  };
  const run = await test.client.start('contained', {});
  await told.promise;
  await test.crash();
  await test.restart();
  expect((await settled(test, run)).status).toBe('completed');
  expect(log).toEqual(['outer: rejected', 'last']);
});
