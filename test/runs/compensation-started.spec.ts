import {
  Compensate,
  currentAttempt,
  DurableWorkflow,
  hours,
  Parallel,
  Step,
  stepSignal,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

interface Data {
  readonly how: string;
  readonly changed?: boolean;
}

interface Info {
  readonly step: string;
  readonly outcome: string;
  readonly error: { readonly name: string };
  readonly current: unknown;
}

const undone: unknown[] = [];
let attempts = 0;
let begun: () => void = () => {};

/** Until the attempt is given up. */
function untilAborted(): Promise<never> {
  const signal = stepSignal();
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
}

@Workflow({ name: 'started' })
class StartedWorkflow extends DurableWorkflow<Data> {
  @Step({
    compensate: 'undo',
    compensateWhen: 'started',
    timeout: hours(1),
    retry: { maxAttempts: 2, backoff: 'constant', initialDelay: 1000, jitter: false },
  })
  async risky(data: Data) {
    attempts++;
    begun();
    switch (data.how) {
      case 'fails':
        throw new Error('failed');
      case 'hangs':
        return await untilAborted();
      case 'waits':
        await waitForEvent('never');
        return data;
      case 'second time':
        if (attempts === 1) throw new Error('failed');
        return { ...data, changed: true };
      default:
        return { ...data, changed: true };
    }
  }

  @Step({ compensate: 'undo', compensateWhen: 'completed' })
  goOn({ how }: Data) {
    if (how === 'then fails' || how === 'second time') throw new RangeError('then');
  }

  @Compensate()
  undo(data: Data, { step, outcome, error, current }: Info) {
    undone.push({ step, outcome, data, error: error.name, current });
  }
}

@Workflow({ name: 'started_elsewhere' })
class StartedElsewhereWorkflow extends StartedWorkflow {
  @Step({
    queue: 'elsewhere',
    compensate: 'undo',
    compensateWhen: 'started',
    timeout: hours(1),
    retry: { maxAttempts: 2, backoff: 'constant', initialDelay: 1000, jitter: false },
  })
  override risky(data: Data) {
    return super.risky(data);
  }
}

@Workflow({ name: 'siblings' })
class SiblingsWorkflow extends DurableWorkflow<Data> {
  @Parallel({ good: 'good', bad: 'bad' })
  both() {}

  @Step({ compensate: 'undo', compensateWhen: 'started' })
  good() {
    begun();
    return untilAborted();
  }

  @Step({ compensate: 'undo', compensateWhen: 'started' })
  async bad() {
    await waitForEvent('fail');
    throw new RangeError('bad');
  }

  @Compensate()
  undo(_data: Data, { step, outcome }: Info) {
    undone.push([step, outcome]);
  }
}

@Workflow({ name: 'siblings_elsewhere' })
class SiblingsElsewhereWorkflow extends SiblingsWorkflow {
  @Step({ queue: 'elsewhere', compensate: 'undo', compensateWhen: 'started' })
  override good() {
    return super.good();
  }
}

/** What the engine notes of one arm comes right after the numbers that are kept for the other. */
@Workflow({ name: 'beside' })
class BesideWorkflow {
  @Parallel({ away: 'away', here: 'here' })
  both() {}

  @Step({ queue: 'elsewhere', retry: { maxAttempts: 3, initialDelay: 0 } })
  away() {
    if (currentAttempt() < 3) throw new Error('not yet');
  }

  @Step({ compensate: 'undo', compensateWhen: 'started' })
  here() {}

  @Compensate()
  undo() {}
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [
    StartedWorkflow,
    StartedElsewhereWorkflow,
    SiblingsWorkflow,
    SiblingsElsewhereWorkflow,
    BesideWorkflow,
  ];
  test = await createDurableTest({ providers }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

beforeEach(() => {
  undone.length = 0;
  attempts = 0;
});

describe.each([
  ['in its own queue', StartedWorkflow, SiblingsWorkflow],
  ['in another queue', StartedElsewhereWorkflow, SiblingsElsewhereWorkflow],
])("compensateWhen: 'started' %s", (_where, Started, Siblings) => {
  it('a step that failed is undone once, with its input', async () => {
    const run = await test.client.start(Started, { how: 'fails' });
    await test.advance(1000);
    expect((await run.execution())?.status).toBe('compensated');
    expect(attempts).toBe(2);
    const data = { how: 'fails' };
    expect(undone).toEqual([{ step: 'risky', outcome: 'unknown', data, error: 'Error', current: data }]);
  });

  it('a step that timed out is undone', async () => {
    const run = await test.client.start(Started, { how: 'hangs' });
    await test.advance(hours(3));
    expect((await run.execution())?.status).toBe('compensated');
    const data = { how: 'hangs' };
    expect(undone).toEqual([{ step: 'risky', outcome: 'unknown', data, error: 'StepTimeoutError', current: data }]);
  });

  it('a step that completed is undone with what it left', async () => {
    const run = await test.client.start(Started, { how: 'then fails' });
    await test.idle();
    expect((await run.execution())?.status).toBe('compensated');
    const data = { how: 'then fails', changed: true };
    expect(undone).toEqual([{ step: 'risky', outcome: 'completed', data, error: 'RangeError', current: data }]);
  });

  it('also when it did so only in its second attempt, once', async () => {
    const run = await test.client.start(Started, { how: 'second time' });
    await test.advance(1000);
    expect((await run.execution())?.status).toBe('compensated');
    const data = { how: 'second time', changed: true };
    expect(undone).toEqual([{ step: 'risky', outcome: 'completed', data, error: 'RangeError', current: data }]);
  });

  it('a step that waited when the run was cancelled is undone', async () => {
    const run = await test.client.start(Started, { how: 'waits' });
    await test.idle();
    await run.cancel('enough', { compensate: true });
    await test.idle();
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone).toMatchObject([{ step: 'risky', outcome: 'unknown', data: { how: 'waits' } }]);
  });

  it('a step that ran when the run was cancelled is undone', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(Started, { how: 'hangs' });
    await running;
    await run.cancel('enough', { compensate: true });
    await test.idle();
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone).toMatchObject([{ step: 'risky', outcome: 'unknown', data: { how: 'hangs' } }]);
  });

  it('a step that was lost with its worker is undone', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(Started, { how: 'hangs' });
    await running;
    await test.crash();
    await run.cancel('enough', { compensate: true });
    await test.restart();
    await test.idle();
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone).toMatchObject([{ step: 'risky', outcome: 'unknown', data: { how: 'hangs' } }]);
  });

  it('a step that was aborted by the failure of a sibling is undone', async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await test.client.start(Siblings, { how: '' });
    await running;
    await run.sendEvent('fail');
    await expect(run.result()).rejects.toMatchObject({ status: 'compensated', cause: { message: 'bad' } });
    expect(undone).toHaveLength(2);
    expect(undone).toEqual(
      expect.arrayContaining([
        ['good', 'unknown'],
        ['bad', 'unknown'],
      ]),
    );
  });
});

it('records each attempt of a step on another queue beside a step that began in its own', async () => {
  const run = await test.client.start(BesideWorkflow, {});
  await test.advance(0);
  expect((await run.execution())?.status).toBe('completed');
  const away = (await run.steps()).filter(({ step }) => step === 'away');
  expect(away.map(({ attempt, status }) => [attempt, status])).toEqual([
    [1, 'failed'],
    [2, 'failed'],
    [3, 'completed'],
  ]);
});
