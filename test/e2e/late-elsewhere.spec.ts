import { Compensate, seconds, Step, stepSignal, Workflow } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Gate, kit, settled } from '../support/kit-app.js';

/** The timeout of a run comes while a step of it on another queue is at work. */

const log: string[] = [];
let entered: Gate;
let away: () => Promise<unknown>;
let test: DurableTest;

class Charge {
  @Step({ queue: 'elsewhere', compensate: 'refund' })
  async charge() {
    const made = away();
    entered.open();
    await made;
    log.push('charge');
    return { charged: true };
  }

  @Step()
  last() {
    log.push('last');
  }

  @Compensate()
  refund() {
    log.push('refund');
  }
}

@Workflow({ name: 'charged', timeout: seconds(60) })
class ChargedWorkflow extends Charge {}

/** Returns once its signal was aborted. */
function untilAborted(): Promise<void> {
  const signal = stepSignal();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      log.push('aborted');
      setTimeout(resolve, 50);
    });
  });
}

beforeAll(async () => {
  test = await kit([ChargedWorkflow], {
    durable: { abortGrace: 1_000, queues: { default: {}, elsewhere: {} } },
  });
});

afterAll(() => test.close());

beforeEach(() => {
  log.length = 0;
  entered = new Gate();
  away = untilAborted;
});

it('what returns within the grace is recorded, and undone', async () => {
  const run = await test.client.start(ChargedWorkflow, {});
  await entered.promise;
  await test.advance(seconds(60));
  expect(await settled(test, run)).toMatchObject({ status: 'compensated', error: { name: 'WorkflowTimeoutError' } });
  expect(log).toEqual(['aborted', 'charge', 'refund']);
});

it('what does not return is given up after the grace', async () => {
  const never = new Gate();
  away = () => never.promise;
  const run = await test.client.start(ChargedWorkflow, {});
  await entered.promise;
  await test.advance(seconds(60));
  expect(await settled(test, run)).toMatchObject({ status: 'failed', error: { name: 'WorkflowTimeoutError' } });
  never.open();
  expect(log).toEqual([]);
});
