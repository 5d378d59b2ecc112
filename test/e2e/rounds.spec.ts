import {
  callWorkflow,
  Compensate,
  minutes,
  Parallel,
  Step,
  waitForAll,
  waitForAny,
  waitForEvent,
  waitForText,
  Workflow,
  workflowId,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

/** What a further round of a run (`maxRetries`) finds of the events, answers and children of the failed one. */

const failures = new Map<string, number>();

/** Throws in so many rounds of the running run. */
function fail(rounds: number): void {
  const before = failures.get(workflowId()) ?? 0;
  failures.set(workflowId(), before + 1);
  if (before < rounds) throw new Error(`round ${before + 1} fails`);
}

interface Order {
  fails: number;
}

@Workflow({ name: 'paid', maxRetries: 2 })
class PaidWorkflow {
  @Step()
  async take(data: Order) {
    return { ...data, first: await waitForEvent('paid'), second: await waitForEvent('paid') };
  }

  @Step()
  ship({ fails }: Order) {
    fail(fails);
  }

  @Step()
  async more(data: Order) {
    return { ...data, third: await waitForEvent('paid') };
  }
}

@Workflow({ name: 'undone', maxRetries: 1 })
class UndoneWorkflow {
  @Step({ compensate: 'undo' })
  async book(data: Order) {
    return { ...data, room: await waitForEvent('room') };
  }

  @Step()
  ship({ fails }: Order) {
    fail(fails);
  }

  @Compensate()
  undo() {}
}

@Workflow({ name: 'side_by_side', maxRetries: 1 })
class SideBySideWorkflow {
  @Parallel({ all: 'all', any: 'any' })
  both(data: Order, { all, any }: { all: unknown; any: unknown }) {
    return { ...data, all, any };
  }

  @Step()
  async all() {
    return { came: await waitForAll(['a', 'b']) };
  }

  @Step()
  async any() {
    return { came: await waitForAny(['c', 'd']) };
  }

  @Step()
  ship({ fails }: Order) {
    fail(fails);
  }
}

@Workflow({ name: 'asks', maxRetries: 1 })
class AsksWorkflow {
  @Step()
  async ask(data: Order) {
    return { ...data, said: await waitForText('name') };
  }

  @Step()
  ship({ fails }: Order) {
    fail(fails);
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  work() {
    return { id: workflowId() };
  }
}

@Workflow({ name: 'calls', maxRetries: 1 })
class CallsWorkflow {
  @Step()
  async call(data: Order) {
    const { id } = (await callWorkflow(ChildWorkflow, {})) as { id: string };
    return { ...data, id };
  }

  @Step()
  ship({ fails }: Order) {
    fail(fails);
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [PaidWorkflow, UndoneWorkflow, SideBySideWorkflow, AsksWorkflow, ChildWorkflow, CallsWorkflow];
  test = await createDurableTest({ providers, patience: 30_000 }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

const nextRound = () => test.advance(minutes(1));

it('takes the events that failed rounds took again, in the order in which they were sent, before newer ones', async () => {
  const run = await test.client.start(PaidWorkflow, { fails: 2 });
  await run.sendEvent('paid', 1);
  await run.sendEvent('paid', 2);
  await test.idle();
  await run.sendEvent('paid', 3);
  await nextRound();
  expect(await run.execution()).toMatchObject({ round: 3, status: 'completed' });
  expect(await run.result()).toEqual({ fails: 2, first: 1, second: 2, third: 3 });
});

it('takes them again after a rollback too', async () => {
  const run = await test.client.start(UndoneWorkflow, { fails: 1 });
  await test.idle();
  await run.sendEvent('room', 'blue');
  await test.idle();
  await nextRound();
  expect(await run.result()).toEqual({ fails: 1, room: 'blue' });
});

it('takes those of waitForAll and waitForAny in arms again', async () => {
  const run = await test.client.start(SideBySideWorkflow, { fails: 1 });
  for (const name of ['a', 'b', 'd']) await run.sendEvent(name, name);
  await test.idle();
  await nextRound();
  const value = (came: unknown) => ({ status: 'fulfilled', value: expect.objectContaining({ came }) });
  expect(await run.result()).toEqual({ fails: 1, all: value({ a: 'a', b: 'b' }), any: value(['d', 'd']) });
});

it('delivers an event once for its dedupe key, whatever rounds have taken it', async () => {
  const run = await test.client.start(PaidWorkflow, { fails: 1 });
  await run.sendEvent('paid', 1, { dedupeKey: 'k' });
  await run.sendEvent('paid', 2);
  await test.idle();
  await run.sendEvent('paid', 'again', { dedupeKey: 'k' });
  await nextRound();
  expect(await run.execution()).toMatchObject({ round: 2, status: 'waiting' });
  await run.sendEvent('paid', 3);
  expect(await run.result()).toEqual({ fails: 1, first: 1, second: 2, third: 3 });
});

it('asks for inputs anew, and keeps the answers of before as history', async () => {
  const run = await test.client.start(AsksWorkflow, { fails: 1 });
  await test.idle();
  await run.provideInput('name', 'Ada');
  await test.idle();
  await nextRound();
  expect(await run.execution()).toMatchObject({ round: 2, status: 'waiting' });
  const inputs = await test.client.listPendingInputs({ executionId: run.id, status: ['pending', 'completed'] });
  expect(inputs.map(({ status, response }) => [status, response])).toEqual([
    ['pending', null],
    ['completed', 'Ada'],
  ]);
  await run.provideInput('name', 'Grace');
  expect(await run.result()).toEqual({ fails: 1, said: 'Grace' });
});

it('starts children of its own', async () => {
  const run = await test.client.start(CallsWorkflow, { fails: 1 });
  await test.idle();
  await nextRound();
  const children = await test.client.listChildren(run.id);
  expect(children).toHaveLength(2);
  expect(await run.result()).toEqual({ fails: 1, id: children[1]?.id });
});

it('finds every event, wherever the worker was killed', async () => {
  let killed = 0;
  await test.explore(
    UndoneWorkflow,
    { fails: 1 },
    {
      drive: async (run) => {
        await run.sendEvent('room', 'blue');
        await nextRound();
      },
      check: (execution) => {
        killed++;
        expect(execution.status).toBe('completed');
        expect(execution.data).toEqual({ fails: 1, room: 'blue' });
      },
    },
  );
  expect(killed).toBeGreaterThan(5);
});
