import { Compensate, type DurableClient, FatalError, Step, waitForEvent, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { onTestServer } from '../testing/support.js';

/** The sentence for runs that a person has paused in states that have an error of their own. */

let failures = 0;

@Workflow({ name: 'rounds', maxRetries: 1 })
class RoundsWorkflow {
  @Step()
  async pay() {
    if (failures-- > 0) throw new Error('declined');
    await waitForEvent('paid');
  }
}

@Workflow({ name: 'trip' })
class TripWorkflow {
  @Step({ compensate: 'cancelFlight' })
  bookFlight() {}

  @Step()
  pay() {
    throw new FatalError('declined');
  }

  @Compensate({ retry: { maxAttempts: 3, initialDelay: 60_000 } })
  cancelFlight() {
    throw new Error('not now');
  }
}

let test: DurableTest;
let client: DurableClient;

beforeAll(async () => {
  test = await createDurableTest({ providers: [RoundsWorkflow, TripWorkflow] }, onTestServer);
  client = test.client;
});

afterAll(() => test.close());

it('the error of an earlier round is not why a run is paused', async () => {
  failures = 1;
  const { id } = await client.start(RoundsWorkflow, {});
  await test.advance(60_000);
  expect(await client.explain(id)).toMatchObject({ kind: 'event', title: 'Waits for the event `paid`' });
  await client.pause(id);
  expect(await client.explain(id)).toMatchObject({ title: 'Paused', detail: 'Resume it to let it go on.' });
});

it('a run that was paused while it is undone says so', async () => {
  const { id } = await client.start(TripWorkflow, {});
  await test.idle();
  expect((await client.explain(id))?.kind).toBe('compensating');
  await client.pause(id);
  expect(await client.explain(id)).toMatchObject({
    title: 'Paused',
    detail: 'It is being undone, 0 of 1 done. Resume it to let it go on.',
  });
});
