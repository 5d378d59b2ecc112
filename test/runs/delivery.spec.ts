import { once, sleep, Step, stepSignal, waitForEvent, Workflow, WorkflowFailedError } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { createTestDatabase } from '../support/database.js';
import { Gate, kit, openApp, present, settled, thrownBy } from '../support/kit-app.js';

const calls: string[] = [];
/** What the step of a run does in place of returning. */
let interrupt: () => unknown = () => undefined;

@Workflow()
class CrashingWorkflow {
  @Step()
  before() {
    calls.push('before');
    return { before: calls.length };
  }

  @Step({ retry: { maxAttempts: 1 } })
  async middle(data: object) {
    calls.push('middle');
    await interrupt();
    return { ...data, middle: true };
  }

  @Step()
  after() {
    calls.push('after');
  }
}

@Workflow({ maxRecoveries: 2 })
class FragileWorkflow {
  @Step()
  before() {
    calls.push('before');
  }

  @Step()
  async middle() {
    calls.push('middle');
    await interrupt();
  }
}

/** Records something each time before its worker dies. */
@Workflow({ maxRecoveries: 1 })
class ProgressWorkflow {
  @Step()
  async slow() {
    for (const part of ['1', '2', '3', '4']) {
      await once(part, () => calls.push(part));
      await interrupt();
    }
  }
}

@Workflow()
class DefaultWorkflow {
  @Step()
  async run() {
    calls.push('run');
    await interrupt();
  }
}

@Workflow()
class WaitingWorkflow {
  @Step()
  async waits() {
    calls.push('waits');
    await sleep(1_000);
    return { heard: await waitForEvent('signal') };
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([CrashingWorkflow, FragileWorkflow, ProgressWorkflow, DefaultWorkflow, WaitingWorkflow]);
});

afterAll(() => test.close());

beforeEach(() => {
  calls.length = 0;
  interrupt = () => undefined;
});

/** The next `times` times that a step comes by, the worker dies under it. */
function dies(times: number): void {
  let left = times;
  interrupt = () => {
    if (left-- <= 0) return undefined;
    void test.restart();
    return new Promise(() => {});
  };
}

describe('a worker that dies', () => {
  it('under a step: the step runs again whatever maxAttempts says, recorded ones do not', async () => {
    dies(1);
    const run = await test.client.start(CrashingWorkflow, {});
    expect((await settled(test, run)).status).toBe('completed');
    expect(calls).toEqual(['before', 'middle', 'middle', 'after']);
    expect(await run.result()).toEqual({ before: 1, middle: true });
  });

  it('maxRecoveries times in a row is recovered from', async () => {
    dies(2);
    const run = await test.client.start(FragileWorkflow, {});
    expect((await settled(test, run)).status).toBe('completed');
    expect(calls).toEqual(['before', 'middle', 'middle', 'middle']);
  });

  it('more often than that with no record in between fails the run with WorkerCrashedError', async () => {
    dies(3);
    const run = await test.client.start(FragileWorkflow, {});
    expect((await settled(test, run)).status).toBe('failed');
    expect(calls).toEqual(['before', 'middle', 'middle', 'middle']);
    const error = present(await thrownBy(() => run.result()));
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect(error.cause).toMatchObject({ name: 'WorkerCrashedError', code: expect.any(String) as string });
  });

  it('with a record in between is no row of deaths', async () => {
    const gone = new Set<string>();
    interrupt = () => {
      const place = present(calls.at(-1));
      if (gone.has(place)) return undefined;
      gone.add(place);
      void test.restart();
      return new Promise(() => {});
    };
    const run = await test.client.start(ProgressWorkflow, {});
    expect((await settled(test, run)).status).toBe('completed');
    expect(calls).toEqual(['1', '2', '3', '4']);
  });

  it('is recovered from 10 times by default', async () => {
    dies(10);
    const run = await test.client.start(DefaultWorkflow, {});
    expect((await settled(test, run)).status).toBe('completed');
    calls.length = 0;
    dies(11);
    const failed = await settled(test, await test.client.start(DefaultWorkflow, {}));
    expect(failed).toMatchObject({ status: 'failed', error: { name: 'WorkerCrashedError' } });
    expect(calls).toHaveLength(11);
  });

  it('while a run waits takes nothing from it', async () => {
    const run = await test.client.start(WaitingWorkflow, {});
    await test.idle();
    await test.crash();
    await test.restart();
    await test.advance(1_000);
    await test.crash();
    await run.sendEvent('signal', 7);
    await test.restart();
    expect((await settled(test, run)).status).toBe('completed');
    expect(await run.result()).toEqual({ heard: 7 });
  });
});

it('orderly hand-backs do not count as deaths', async () => {
  const { url } = await createTestDatabase();
  let entered = new Gate();
  let stay = true;

  @Workflow({ maxRecoveries: 1 })
  class HandedBackWorkflow {
    @Step()
    async run() {
      const signal = stepSignal();
      entered.open();
      if (stay) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        signal.throwIfAborted();
      }
      return { done: true };
    }
  }

  let id = '';
  for (let process = 1; process <= 4; process++) {
    entered = new Gate();
    const { app, client } = await openApp(url, [HandedBackWorkflow], { shutdownTimeout: 20, abortGrace: 20 });
    id ||= (await client.start(HandedBackWorkflow, {})).id;
    await entered.promise;
    await app.close();
  }
  stay = false;
  const { app, client } = await openApp(url, [HandedBackWorkflow]);
  try {
    expect(await client.handle(id).result()).toEqual({ done: true });
  } finally {
    await app.close();
  }
});
