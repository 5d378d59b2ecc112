import { callWorkflow, Compensate, Step, waitForEvent, Workflow } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { Gates, kit, reached } from '../support/plain-app.js';

const gates = new Gates();

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step({ compensate: 'undo' })
  book() {}

  @Step()
  async wait() {
    await waitForEvent('never');
  }

  @Compensate()
  undo() {}
}

@Workflow({ name: 'parent' })
class ParentWorkflow {
  @Step({ compensate: 'undo' })
  book() {}

  @Step()
  async call() {
    await callWorkflow(ChildWorkflow, {});
  }

  @Compensate()
  undo() {}
}

@Workflow({ name: 'busy' })
class BusyWorkflow {
  @Step()
  async work() {
    await gates.pass('busy');
  }

  @Step()
  done() {}
}

let test: DurableTest;

beforeAll(async () => {
  test = await kit([ChildWorkflow, ParentWorkflow, BusyWorkflow]);
});

afterAll(async () => {
  gates.openAll();
  await test.close();
});

describe.each([false, true])('cancelMany with compensate: %s', (compensate) => {
  it('refuses no child that is cancelled with its parent', async () => {
    const items = Array.from({ length: 6 }, () => ({ input: {} }));
    const parents = await test.client.startMany(ParentWorkflow, items);
    await test.idle();
    expect((await test.client.cancelMany({}, { compensate })).refused).toEqual([]);
    await test.idle();
    const status = compensate ? 'compensated' : 'cancelled';
    for (const parent of parents) {
      expect(await parent.execution()).toMatchObject({ status });
      expect(await parent.children()).toMatchObject([{ status }]);
    }
  });

  it('refuses what had ended, where such are asked for', async () => {
    const run = await test.client.start(ChildWorkflow, {});
    await test.client.cancel(run.id);
    const { count, refused } = await test.client.cancelMany({ status: 'cancelled' }, { compensate });
    expect(count).toBe(0);
    expect(refused).toContainEqual(expect.objectContaining({ id: run.id, code: 'UNCHANGED' }));
  });
});

it('resumeMany resumes what is still to be paused: a step that ran on would have left it paused', async () => {
  const run = await test.client.start(BusyWorkflow, {});
  const other = await test.client.start(BusyWorkflow, {});
  await gates.arrived('busy');
  await reached(test.client, other.id, 'running');
  expect(await run.pause()).toBe(true);
  expect(await run.execution()).toMatchObject({ status: 'running', pauseRequested: true });
  expect(await test.client.resumeMany({ workflow: BusyWorkflow }, { dryRun: true })).toEqual({ count: 1, refused: [] });
  expect(await test.client.resumeMany({ workflow: BusyWorkflow })).toEqual({ count: 1, refused: [] });
  gates.open('busy');
  await Promise.all([run.result(), other.result()]);
});
