import {
  callWorkflow,
  DurableWorkflow,
  ForEach,
  Parallel,
  startWorkflow,
  Step,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { kit, openApp, settled } from '../support/kit-app.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

/** The run goes on though one of its arms was given up: children that the arm waits for do not. */

@Workflow({ name: 'patient' })
class PatientWorkflow extends DurableWorkflow<object, { heard: unknown }> {
  @Step()
  async wait() {
    return { heard: await waitForEvent('go') };
  }
}

/** Its inner parallel fails, and with it one of the two arms around. */
@Workflow({ name: 'arms' })
class ArmsWorkflow {
  @Parallel({ inner: 'inner', other: 'other' }, { onError: 'completeAll' })
  outer() {}

  @Parallel(['call', 'fail'])
  inner() {}

  @Step()
  async call() {
    await callWorkflow(PatientWorkflow, {});
  }

  @Step()
  async fail() {
    await waitForEvent('fail');
    throw new Error('given up');
  }

  @Step()
  async other() {
    await waitForEvent('end');
  }
}

@Workflow({ name: 'items' })
class ItemsWorkflow {
  @ForEach('inner', { onError: 'completeAll' })
  items() {
    return [1, 2];
  }

  @Parallel(['call', 'start', 'fail'])
  inner() {}

  @Step()
  async call() {
    await callWorkflow(PatientWorkflow, {}, { ref: 'called' });
  }

  @Step()
  async start() {
    await startWorkflow(PatientWorkflow, {});
    await waitForEvent('never');
  }

  @Step()
  async fail(item: number) {
    await waitForEvent(`fail ${item}`);
    throw new Error('given up');
  }
}

/** Its call is suspended on in the commit that is under way when the other arm fails. */
let fails: () => void;
let failing: Promise<void>;

@Workflow({ name: 'late_call' })
class LateCallWorkflow {
  @Parallel({ inner: 'inner', other: 'other' }, { onError: 'completeAll' })
  outer() {}

  @Parallel(['call', 'fail'])
  inner() {}

  @Step()
  async call() {
    await callWorkflow(PatientWorkflow, {});
  }

  @Step()
  async fail() {
    await failing;
    throw new Error('given up');
  }

  @Step()
  other() {}
}

const providers = [PatientWorkflow, ArmsWorkflow, ItemsWorkflow, LateCallWorkflow];
let test: DurableTest;

beforeAll(async () => {
  test = await kit(providers);
});

afterAll(() => test.close());

async function children(run: WorkflowHandle<unknown>): Promise<string[]> {
  return (await run.children()).map(({ status }) => status);
}

it('the child that an aborted arm has called is cancelled, while the other arm goes on', async () => {
  const run = await test.client.start(ArmsWorkflow, {});
  await test.idle();
  expect(await children(run)).toEqual(['waiting']);
  await run.sendEvent('fail');
  expect((await settled(test, run)).status).toBe('waiting');
  expect(await children(run)).toEqual(['cancelled']);
  await run.sendEvent('end');
  expect((await settled(test, run)).status).toBe('completed');
});

it('so is that of an item that has failed; what was started without waiting for it goes on', async () => {
  const run = await test.client.start(ItemsWorkflow, {});
  await test.idle();
  await run.sendEvent('fail 1');
  expect((await settled(test, run)).status).toBe('waiting');
  expect((await children(run)).toSorted()).toEqual(['cancelled', 'waiting', 'waiting', 'waiting']);
  await run.sendEvent('fail 2');
  expect((await settled(test, run)).status).toBe('completed');
  expect((await children(run)).toSorted()).toEqual(['cancelled', 'cancelled', 'waiting', 'waiting']);
});

it('wherever a crash comes', async () => {
  await test.explore(
    ArmsWorkflow,
    {},
    {
      drive: async (run, app) => {
        await run.sendEvent('fail', null, { dedupeKey: 'fail' });
        await app.idle();
        await run.sendEvent('end', null, { dedupeKey: 'end' });
      },
      check: async (execution) => {
        expect(execution.status).toBe('completed');
        expect(await children(test.client.handle(execution.id))).toEqual(['cancelled']);
      },
    },
  );
});

it('a call that is being committed when its arm is given up leaves no child behind', async () => {
  failing = new Promise((resolve) => (fails = resolve));
  const { url } = await createTestDatabase();
  const { app, client } = await openApp(url, providers);
  const { commitGroup } = PgStore.prototype;
  try {
    PgStore.prototype.commitGroup = async function (worker, group) {
      if (!group.ops.some(({ extras }) => extras?.waits.some(({ kind }) => kind === 'child'))) {
        return commitGroup.call(this, worker, group);
      }
      PgStore.prototype.commitGroup = commitGroup;
      fails();
      // The failure is recorded, and the run looked at, before the call is.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      return commitGroup.call(this, worker, group);
    };
    const run = await client.start(LateCallWorkflow, {});
    await run.result();
    await until(async () => (await children(run)).every((status) => status !== 'pending'));
    expect(await children(run)).toEqual(['cancelled']);
  } finally {
    PgStore.prototype.commitGroup = commitGroup;
    await app.close();
  }
});
