import {
  AmbiguousInputError,
  ExecutionFinishedError,
  InputNotPendingError,
  Parallel,
  SerializationError,
  Step,
  WaitCancelledError,
  waitForEvent,
  waitForInput,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { DataSource } from 'typeorm';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { caught } from '../support/plain-app.js';

/** sendEvent, provideInput and cancelWait */

@Workflow({ name: 'collector' })
class CollectorWorkflow {
  @Step()
  async collect({ count = 1 }: { count?: number }) {
    const got: unknown[] = [];
    for (let n = 0; n < count; n += 1) got.push(await waitForEvent('item'));
    return { got };
  }
}

@Workflow({ name: 'asker' })
class AskerWorkflow {
  @Step()
  async ask() {
    return { answer: await waitForInput('question') };
  }
}

@Workflow({ name: 'twins' })
class TwinsWorkflow {
  @Parallel({ a: 'armA', b: 'armB' })
  both(_data: object, results: Record<string, unknown>) {
    return { results };
  }

  @Step()
  async armA() {
    return { answer: await waitForInput('question') };
  }

  @Step()
  async armB() {
    return { answer: await waitForInput('question') };
  }
}

@Workflow({ name: 'catcher' })
class CatcherWorkflow {
  @Step()
  async wait() {
    const outcomes = await Promise.all(
      [waitForEvent('one'), waitForEvent('two'), waitForInput('three')].map((wait) =>
        wait.catch((error: unknown) => {
          if (!(error instanceof WaitCancelledError)) throw error;
          return `cancelled: ${error.message}`;
        }),
      ),
    );
    return { outcomes };
  }
}

let test: DurableTest;
let dataSource: DataSource;

beforeAll(async () => {
  const databaseUrl = process.env['TEST_SERVER_URL'];
  const providers = [CollectorWorkflow, AskerWorkflow, TwinsWorkflow, CatcherWorkflow];
  test = await createDurableTest(
    (url) => {
      dataSource = new DataSource({ type: 'postgres', url, installExtensions: false });
      return { providers, dataSource, patience: 30_000 };
    },
    { databaseUrl },
  );
});

afterAll(() => test.close());

async function waiting(run: WorkflowHandle<unknown>): Promise<void> {
  await test.idle();
  expect((await run.execution())?.status).toBe('waiting');
}

describe('sendEvent', () => {
  it('is kept until it is asked for, and given in the order sent', async () => {
    const run = await test.client.start(CollectorWorkflow, { count: 3 }, { delay: 1_000 });
    await test.client.sendEvent(run.id, 'item', 'one');
    await run.sendEvent('item', { two: 2 });
    await run.sendEvent('other', 'not asked for');
    await test.advance(1_000);
    await waiting(run);
    await run.sendEvent('item');
    expect(await run.result()).toEqual({ got: ['one', { two: 2 }, undefined] });
  });

  it('is delivered once for each dedupeKey', async () => {
    const run = await test.client.start(CollectorWorkflow, { count: 3 });
    await run.sendEvent('item', 1, { dedupeKey: 'a' });
    await test.idle();
    await run.sendEvent('item', 1, { dedupeKey: 'a' });
    await run.sendEvent('item', 2, { dedupeKey: 'b' });
    await waiting(run);
    await run.sendEvent('item', 2, { dedupeKey: 'b' });
    await waiting(run);
    await run.sendEvent('item', 3);
    expect(await run.result()).toEqual({ got: [1, 2, 3] });
  });

  it('has keys of its own in each run', async () => {
    const runs = await test.client.startMany(CollectorWorkflow, [{ input: {} }, { input: {} }]);
    for (const run of runs) await run.sendEvent('item', 'x', { dedupeKey: 'same' });
    for (const run of runs) expect(await run.result()).toEqual({ got: ['x'] });
  });

  it('with manager is sent if and only if the transaction commits', async () => {
    const run = await test.client.start(CollectorWorkflow, {});
    await waiting(run);
    const rolledBack = dataSource.transaction(async (manager) => {
      await run.sendEvent('item', 'dropped', { manager });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    await waiting(run);
    await dataSource.transaction((manager) => run.sendEvent('item', 'kept', { manager }));
    expect(await run.result()).toEqual({ got: ['kept'] });
  });

  it('refuses a finished run, and what cannot be stored', async () => {
    const run = await test.client.start(CollectorWorkflow, {});
    await caught(
      run.sendEvent('item', () => {}),
      SerializationError,
    );
    await waiting(run);
    await run.sendEvent('item', 1);
    await run.result();
    await expect(run.sendEvent('item', 2)).rejects.toBeInstanceOf(ExecutionFinishedError);
    await expect(test.client.sendEvent(run.id, 'item', 2)).rejects.toBeInstanceOf(ExecutionFinishedError);
  });
});

describe('provideInput', () => {
  it('answers by name', async () => {
    const run = await test.client.start(AskerWorkflow, {});
    await waiting(run);
    await test.client.provideInput(run.id, 'question', { any: ['thing'] });
    expect(await run.result()).toEqual({ answer: { any: ['thing'] } });
  });

  it('lets exactly one of several answers win', async () => {
    const run = await test.client.start(AskerWorkflow, {});
    await waiting(run);
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => run.provideInput('question', n)));
    const lost = answers.filter((one) => one.status === 'rejected');
    expect(lost).toHaveLength(4);
    for (const { reason } of lost) expect(reason).toBeInstanceOf(InputNotPendingError);
    const winner = answers.findIndex(({ status }) => status === 'fulfilled') + 1;
    expect(await run.result()).toEqual({ answer: winner });
    await caught(run.provideInput('question', 6), InputNotPendingError);
  });

  it('refuses what is not asked for', async () => {
    const run = await test.client.start(AskerWorkflow, {});
    await waiting(run);
    await caught(run.provideInput('another', 1), InputNotPendingError);
    await caught(run.provideInput('question', Symbol('x')), SerializationError);
    await waiting(run);
    await run.provideInput('question', 1);
    expect(await run.result()).toEqual({ answer: 1 });
  });

  it('asks which of several inputs of that name is meant', async () => {
    const run = await test.client.start(TwinsWorkflow, {});
    await waiting(run);
    const open = await test.client.listPendingInputs({ executionId: run.id });
    expect(open.map(({ step }) => step).toSorted()).toEqual(['armA', 'armB']);
    const error = await caught(run.provideInput('question', 1), AmbiguousInputError);
    for (const { id } of open) expect(error.message).toContain(id);
    for (const { id, step } of open) await run.provideInput({ inputId: id }, step);
    expect(await run.result()).toMatchObject({
      results: { a: { value: { answer: 'armA' } }, b: { value: { answer: 'armB' } } },
    });
    await caught(run.provideInput({ inputId: open[0]?.id ?? '' }, 1), InputNotPendingError);
  });

  it('takes the name again when one of them is left', async () => {
    const run = await test.client.start(TwinsWorkflow, {});
    await waiting(run);
    const open = await test.client.listPendingInputs({ executionId: run.id });
    await run.provideInput({ inputId: open.find(({ step }) => step === 'armA')?.id ?? '' }, 'first');
    await test.idle();
    await run.provideInput('question', 'second');
    expect(await run.result()).toMatchObject({ results: { b: { value: { answer: 'second' } } } });
  });
});

describe('cancelWait', () => {
  it('ends all open waits, or those of a name, with WaitCancelledError', async () => {
    const run = await test.client.start(CatcherWorkflow, {});
    await waiting(run);
    expect(await test.client.cancelWait(run.id, { name: 'two', reason: 'nobody comes' })).toBe(1);
    await waiting(run);
    expect(await test.client.cancelWait(run.id, { name: 'two', reason: 'again' })).toBe(0);
    expect(await test.client.cancelWait(run.id, { reason: 'all of them' })).toBe(2);
    expect(await run.result()).toEqual({
      outcomes: [
        expect.stringContaining('all of them'),
        expect.stringContaining('nobody comes'),
        expect.stringContaining('all of them'),
      ],
    });
  });

  it('fails a step that does not catch it', async () => {
    const run = await test.client.start(AskerWorkflow, {});
    await waiting(run);
    expect(await test.client.cancelWait(run.id, { name: 'question', reason: 'closed' })).toBe(1);
    await test.idle();
    expect(await run.execution()).toMatchObject({
      status: 'failed',
      error: { name: 'WaitCancelledError', message: expect.stringContaining('closed') },
    });
    expect(await test.client.listPendingInputs({ executionId: run.id, status: 'cancelled' })).toHaveLength(1);
  });
});
