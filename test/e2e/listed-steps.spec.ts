import {
  Branch,
  Compensate,
  Decision,
  ForEach,
  goto,
  Parallel,
  Step,
  type StepRecord,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { Gate, onTestServer } from '../testing/support.js';

/** What is listed of steps that have not ended. */

let gate: Gate;
let reached: Gate;

async function hold(): Promise<void> {
  const { promise } = gate;
  reached.open();
  await promise;
}

@Workflow({ name: 'arms' })
class ArmsWorkflow {
  @Parallel({ left: ['leftData', 'decides'], right: ['rightData', 'each'], away: ['awayData', 'elsewhere'] })
  both() {}

  @Step()
  leftData() {
    return { arm: 'left' };
  }

  @Decision({ goto: ['leftData'] })
  async decides() {
    return (await waitForEvent('decide')) === 'again' ? goto('leftData', {}) : undefined;
  }

  @Step()
  rightData() {
    return { arm: 'right' };
  }

  @ForEach('picks')
  each() {
    return [{ item: 1 }, { item: 2 }];
  }

  @Branch({ yes: 'never' })
  async picks() {
    await waitForEvent('pick');
    return 'yes';
  }

  @Step()
  never() {}

  @Step()
  awayData() {
    return { arm: 'away' };
  }

  @Step({ queue: 'other' })
  async elsewhere() {
    await waitForEvent('come back');
  }
}

@Workflow({ name: 'running' })
class RunningWorkflow {
  @Parallel(['first', 'second'])
  both() {
    return { merged: true };
  }

  @Step()
  first() {
    return { arm: 'first' };
  }

  @Step({ compensate: 'undo' })
  async second() {
    await hold();
  }

  @Step()
  fails() {
    throw new Error('fails');
  }

  @Compensate()
  async undo() {
    await hold();
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [ArmsWorkflow, RunningWorkflow] }, onTestServer);
});

beforeEach(() => {
  gate = new Gate();
  reached = new Gate();
});

afterAll(() => test.close());

function unfinished(steps: readonly StepRecord[]): [string, string, string, unknown][] {
  return steps
    .filter((step) => step.status === 'waiting' || step.status === 'running')
    .map(({ step, type, status, input }): [string, string, string, unknown] => [step, type, status, input])
    .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

it('a step that waits in an arm or item is listed with the data that it got and the kind of its member', async () => {
  const run = await test.client.start(ArmsWorkflow, { arm: 'none' });
  await test.idle();
  expect(unfinished(await test.client.getSteps(run.id))).toEqual([
    ['decides', 'decision', 'waiting', { arm: 'left' }],
    ['elsewhere', 'step', 'waiting', { arm: 'away' }],
    ['picks', 'branch', 'waiting', { item: 1 }],
    ['picks', 'branch', 'waiting', { item: 2 }],
  ]);
});

/** What runs, as soon as its process has told of it. */
async function running(run: { id: string }, step: string): Promise<ReturnType<typeof unfinished>> {
  for (;;) {
    const found = unfinished(await test.client.getSteps(run.id));
    if (found.some(([name]) => name === step)) return found;
  }
}

it('a step or compensation that runs is listed with the data that it got, whatever others have returned since', async () => {
  const run = await test.client.start(RunningWorkflow, { given: true });
  await reached.promise;
  expect(await running(run, 'second')).toEqual([['second', 'step', 'running', { given: true }]]);
  expect((await test.client.getSteps(run.id))[0]).toMatchObject({ step: 'first', status: 'completed' });
  const step = gate;
  gate = new Gate();
  step.open();
  expect(await running(run, 'undo')).toEqual([['undo', 'compensate', 'running', { given: true }]]);
  gate.open();
  await expect(run.result()).rejects.toThrow('fails');
});
