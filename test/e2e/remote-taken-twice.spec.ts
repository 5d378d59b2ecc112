import { hours, Parallel, Step, waitForEvent, Workflow } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Gate, kit } from '../support/kit-app.js';

/** What a step on another queue has recorded is read again with each look at what its run waits for. */

const calls: string[] = [];
const begun = { x: new Gate(), y: new Gate() };
const go = new Gate();

@Workflow({ name: 'looked_at' })
class LookedAtWorkflow {
  @Parallel({ away: 'away', x: 'x', y: 'y' })
  all() {}

  @Step({ queue: 'elsewhere', retry: { maxAttempts: 2, initialDelay: hours(1) } })
  away() {
    throw new Error('not yet');
  }

  @Step()
  async x() {
    await waitForEvent('x');
    calls.push('x');
    begun.x.open();
    await go.promise;
  }

  @Step()
  async y() {
    await waitForEvent('y');
    calls.push('y');
    begun.y.open();
    await go.promise;
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([LookedAtWorkflow]);
});

afterAll(() => test.close());

it('keeps its run at work where it is read twice between two commits', async () => {
  const run = await test.client.start('looked_at', {});
  await test.idle();
  await run.sendEvent('x');
  await begun.x.promise;
  await run.sendEvent('y');
  await begun.y.promise;
  go.open();
  await test.idle();
  expect(
    (await run.steps()).map(({ step, status }) => `${step} ${status}`).toSorted((a, b) => (a < b ? -1 : 1)),
  ).toEqual(['away failed', 'x completed', 'y completed']);
  expect(calls).toEqual(['x', 'y']);
});
