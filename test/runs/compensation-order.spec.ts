import {
  Branch,
  Compensate,
  Decision,
  DurableWorkflow,
  ForEach,
  goto,
  type ItemContext,
  Parallel,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

interface Trip {
  readonly fail: boolean;
  readonly flight?: string;
  readonly hotel?: string;
}

interface Call {
  readonly handler: string;
  readonly data: unknown;
  readonly info: unknown;
}

const calls: Call[] = [];

function note(handler: string, data: unknown, info?: unknown): void {
  calls.push({ handler, data, info });
}

@Workflow({ name: 'trip' })
class TripWorkflow extends DurableWorkflow<Trip, Trip> {
  @Step({ compensate: 'cancelFlight' })
  flight(trip: Trip) {
    return { ...trip, flight: 'F1' };
  }

  @Step()
  between() {}

  @Step({ name: 'book_hotel', compensate: 'cancelHotel' })
  hotel(trip: Trip) {
    return { ...trip, hotel: 'H1' };
  }

  @Step()
  last(trip: Trip) {
    return { ...trip, last: true };
  }

  @Step({ compensate: 'never', retry: { maxAttempts: 2, initialDelay: 1 } })
  fails({ fail }: Trip) {
    if (fail) throw new RangeError('no seat');
  }

  @Compensate()
  cancelFlight(trip: Trip, info: unknown) {
    note('cancelFlight', trip, info);
  }

  @Compensate({ name: 'cancel_hotel' })
  async cancelHotel(trip: Trip, info: unknown) {
    await Promise.resolve();
    note('cancelHotel', trip, info);
    return { ignored: true };
  }

  @Compensate()
  never() {
    note('never', null);
  }
}

@Workflow({ name: 'nested' })
class NestedWorkflow extends DurableWorkflow<object> {
  @Step({ compensate: 'undo' })
  first() {
    return { at: 'first' };
  }

  @Branch({ yes: 'inBranch', default: 'first2' })
  choose() {
    return 'yes';
  }

  @Step({ compensate: 'undo' })
  inBranch() {
    return { at: 'branch' };
  }

  @Step()
  first2() {}

  @Parallel({ a: 'armA', b: ['armB1', 'armB2'] })
  both() {
    return { at: 'collected' };
  }

  @Step({ compensate: 'undo' })
  async armA() {
    await waitForEvent('a');
    return { at: 'a' };
  }

  @Step({ compensate: 'undo' })
  async armB1() {
    return { at: 'b1' };
  }

  @Step({ compensate: 'undo' })
  async armB2() {
    await waitForEvent('b');
    return { at: 'b2' };
  }

  @ForEach('item', { concurrency: 1 })
  items() {
    return ['x', 'y'];
  }

  @Step({ compensate: 'undo' })
  item(at: string, { index }: ItemContext<object>) {
    return { at, index };
  }

  @Decision({ goto: ['visited'], compensate: 'undo' })
  visited(data: { n?: number; at?: string }) {
    const n = (data.n ?? 0) + 1;
    const next = { at: `visit ${n}`, n };
    return n < 3 ? goto('visited', next) : next;
  }

  @Step()
  fails() {
    throw new Error('in the end');
  }

  @Compensate()
  undo({ at }: { at: string }, { step }: { step: string }) {
    note(step, at);
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [TripWorkflow, NestedWorkflow];
  test = await createDurableTest({ providers }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

beforeEach(() => {
  calls.length = 0;
});

describe('when a run fails', () => {
  it('the completed steps are undone, last first, and each handler is told all there is', async () => {
    const run = await test.client.start(TripWorkflow, { fail: true });
    await test.advance(10);
    const current = { fail: true, flight: 'F1', hotel: 'H1', last: true };
    const error = expect.objectContaining({ name: 'RangeError', message: 'no seat' }) as unknown;
    expect(calls).toEqual([
      {
        handler: 'cancelHotel',
        data: { fail: true, flight: 'F1', hotel: 'H1' },
        info: expect.objectContaining({ step: 'book_hotel', outcome: 'completed', error, current }) as unknown,
      },
      {
        handler: 'cancelFlight',
        data: { fail: true, flight: 'F1' },
        info: expect.objectContaining({ step: 'flight', outcome: 'completed', error, current }) as unknown,
      },
    ]);
    await expect(run.result()).rejects.toMatchObject({
      name: 'WorkflowFailedError',
      executionId: run.id,
      status: 'compensated',
      cause: { name: 'RangeError', message: 'no seat' },
    });
  });

  it('ends as compensated, with a result for each', async () => {
    const run = await test.client.start(TripWorkflow, { fail: true });
    await test.advance(10);
    const execution = await run.execution();
    expect(execution).toMatchObject({
      status: 'compensated',
      error: { name: 'RangeError' },
      compensatedAt: expect.any(Date) as Date,
    });
    expect(execution?.compensationResults).toEqual([
      { step: 'book_hotel', compensation: 'cancel_hotel', status: 'completed' },
      { step: 'flight', compensation: 'cancelFlight', status: 'completed' },
    ]);
  });

  it('each is recorded as a step', async () => {
    const run = await test.client.start(TripWorkflow, { fail: true });
    await test.advance(10);
    const steps = await test.client.getSteps(run.id);
    expect(steps.filter(({ isCompensation }) => isCompensation)).toMatchObject([
      { step: 'cancel_hotel', compensationFor: 'book_hotel', status: 'completed', attempt: 1 },
      { step: 'cancelFlight', compensationFor: 'flight', status: 'completed', attempt: 1 },
    ]);
    expect(steps.filter(({ isCompensation }) => !isCompensation).map((step) => step.compensationFor)).toEqual(
      Array(6).fill(null),
    );
  });

  it('nothing is undone when it does not', async () => {
    const run = await test.client.start(TripWorkflow, { fail: false });
    expect(await run.result()).toMatchObject({ flight: 'F1', hotel: 'H1' });
    expect(await run.execution()).toMatchObject({
      status: 'completed',
      compensatedAt: null,
      compensationResults: [],
    });
    expect(calls).toEqual([]);
  });
});

describe('steps in branches, arms, items and circles', () => {
  it.each([
    { order: ['a', 'b'], arms: ['armB2', 'armA', 'armB1'] },
    { order: ['b', 'a'], arms: ['armA', 'armB2', 'armB1'] },
  ])('are undone too, one for each visit, last completed first ($order)', async ({ order, arms }) => {
    const run = await test.client.start(NestedWorkflow, {});
    await test.idle();
    for (const name of order) {
      await run.sendEvent(name);
      await test.idle();
    }
    expect((await run.execution())?.status).toBe('compensated');
    const at: Record<string, string> = { armA: 'a', armB1: 'b1', armB2: 'b2' };
    expect(calls.map(({ handler, data }) => [handler, data])).toEqual([
      ['visited', 'visit 3'],
      ['visited', 'visit 2'],
      ['visited', 'visit 1'],
      ['item', 'y'],
      ['item', 'x'],
      ...arms.map((arm) => [arm, at[arm]]),
      ['inBranch', 'branch'],
      ['first', 'first'],
    ]);
  });
});

describe('a run that fails with nothing to undo', () => {
  it('is failed', async () => {
    @Workflow({ name: 'bare' })
    class BareWorkflow {
      @Step({ compensate: 'undo' })
      fails() {
        throw new Error('at once');
      }

      @Compensate()
      undo() {}
    }
    const bare = await createDurableTest(
      { providers: [BareWorkflow] },
      { databaseUrl: process.env['TEST_SERVER_URL'] },
    );
    const run = await bare.client.start(BareWorkflow, {});
    await bare.idle();
    expect(await run.execution()).toMatchObject({ status: 'failed', compensationResults: [], compensatedAt: null });
    await expect(run.result()).rejects.toMatchObject({ name: 'WorkflowFailedError', status: 'failed' });
    await bare.close();
  });
});
