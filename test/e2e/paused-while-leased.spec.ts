import { Parallel, Step, waitForEvent, Workflow, type WorkflowHandle } from 'nest-durable';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { Executor } from '../../lib/engine/worker/executor.js';
import { phaseChanges } from '../../lib/engine/run/phases.js';
import { createTestDatabase } from '../support/database.js';
import { Gates, openApp, type PlainApp } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** A run is paused and resumed while a worker has it, for the sake of one of its arms; the other arms have something to do. */

let gates: Gates;
let went: string[];

@Workflow({ name: 'arms' })
class ArmsWorkflow {
  @Parallel({ long: 'long', waiting: ['waiting', 'next'] })
  both() {}

  @Step()
  long() {
    return gates.pass('long');
  }

  @Step()
  async waiting() {
    await waitForEvent('go');
    went.push('waiting');
    await gates.pass('waiting');
  }

  @Step()
  next() {
    went.push('next');
  }
}

/** It has an arm that is recorded while the others run. */
@Workflow({ name: 'recorded' })
class RecordedWorkflow {
  @Parallel({ short: 'short', other: ['other', 'next'], third: 'third' })
  all() {}

  @Step()
  short() {
    return gates.pass('short');
  }

  @Step()
  other() {
    return gates.pass('other');
  }

  @Step()
  next() {
    went.push('next');
  }

  @Step()
  third() {
    return gates.pass('third');
  }
}

let url: string;
const apps: PlainApp[] = [];

async function open(workers = true): Promise<PlainApp> {
  const app = await openApp({ database: { url }, workers, shutdownTimeout: 2_000 }, [ArmsWorkflow, RecordedWorkflow]);
  apps.push(app);
  return app;
}

/** A run with one arm at work, while the other waits. */
async function started({ client }: PlainApp): Promise<WorkflowHandle> {
  const run = await client.start(ArmsWorkflow, {});
  await gates.arrived('long');
  await until(async () => (await client.listPendingEvents({ eventName: 'go' })).length === 1);
  return run;
}

beforeEach(async () => {
  gates = new Gates();
  went = [];
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map(({ app }) => app.close()));
});

it('an arm whose event comes while the run is paused does not go on before it is resumed', async () => {
  const app = await open();
  const run = await started(app);
  expect(await run.pause()).toBe(true);
  await run.sendEvent('go');
  await app.client.sweep();
  expect(went).toEqual([]);
  expect(await run.execution()).toMatchObject({ status: 'running', pauseRequested: true });
  gates.open('long');
  await until(async () => (await run.execution())?.status === 'paused');
  expect(went).toEqual([]);
  await run.resume();
  gates.open('waiting');
  await run.result();
  expect(went).toEqual(['waiting', 'next']);
});

it('the same where another process has paused it', async () => {
  const app = await open();
  const run = await started(app);
  const { client } = await open(false);
  expect(await client.pause(run.id)).toBe(true);
  await app.client.sweep();
  await client.sendEvent(run.id, 'go');
  await app.client.sweep();
  expect(went).toEqual([]);
});

it('an arm goes on as soon as the run is resumed, however long another takes', async () => {
  const app = await open();
  const run = await started(app);
  await run.pause();
  await run.sendEvent('go');
  await app.client.sweep();
  expect(went).toEqual([]);
  expect(await run.resume()).toBe(true);
  await gates.arrived('waiting');
});

it('one that is resumed while its process ends begins no further step there', async () => {
  const app = await open();
  const { client } = await open(false);
  const run = await app.client.start(RecordedWorkflow, {});
  await Promise.all([gates.arrived('short'), gates.arrived('other'), gates.arrived('third')]);
  const stopping = new Promise<void>((resolve) => {
    const hear = (change: unknown): void => {
      if ((change as { to?: unknown }).to !== 'stopping') return;
      phaseChanges.unsubscribe(hear);
      resolve();
    };
    phaseChanges.subscribe(hear);
  });
  await run.pause();
  gates.open('short');
  await stopping;
  const { drain } = Executor.prototype;
  try {
    const draining = new Promise<void>((resolve) => {
      Executor.prototype.drain = function (...args) {
        const drained = drain.apply(this, args);
        resolve();
        return drained;
      };
    });
    const closing = app.app.close();
    await draining;
    expect(await client.resume(run.id)).toBe(true);
    gates.open('other');
    await until(async () =>
      (await client.getSteps(run.id)).some(({ step, status }) => step === 'other' && status === 'completed'),
    );
    gates.open('third');
    await closing;
  } finally {
    Executor.prototype.drain = drain;
  }
  expect(went).toEqual([]);
  await open();
  await client.handle(run.id).result();
  expect(went).toEqual(['next']);
});

it('a pause is heard though the look that found it was sent before a commit of the run was answered', async () => {
  // No hint makes a further look, and none is made by itself while the test runs.
  const app = await openApp({ database: { url }, notify: false, recoveryInterval: 600_000 }, [RecordedWorkflow]);
  apps.push(app);
  const { client } = await open(false);
  const run = await app.client.start(RecordedWorkflow, {});
  await Promise.all([gates.arrived('short'), gates.arrived('other'), gates.arrived('third')]);
  let isStopping = false;
  const hear = (change: unknown): void => void (isStopping ||= (change as { to?: unknown }).to === 'stopping');
  const { leasedRows, commitGroup } = PgStore.prototype;
  // Its answer has been taken in a macrotask later.
  const committed = new Promise<void>((resolve) => {
    PgStore.prototype.commitGroup = async function (worker, group) {
      const result = await commitGroup.call(this, worker, group);
      if (group.ops.some(({ records }) => records.some(({ path }) => path.endsWith('/short')))) setImmediate(resolve);
      return result;
    };
  });
  let look = (): void => {};
  const mayLook = new Promise<void>((resolve) => (look = resolve));
  phaseChanges.subscribe(hear);
  try {
    const asked = new Promise<void>((resolve) => {
      PgStore.prototype.leasedRows = async function (worker) {
        resolve();
        await mayLook;
        return leasedRows.call(this, worker);
      };
    });
    const swept = app.client.sweep();
    await asked;
    gates.open('short');
    await committed;
    await client.pause(run.id);
    look();
    await swept;
    await until(() => isStopping);
    gates.open('other');
    gates.open('third');
    await until(async () => (await run.execution())?.status === 'paused');
    expect(went).toEqual([]);
  } finally {
    phaseChanges.unsubscribe(hear);
    Object.assign(PgStore.prototype, { leasedRows, commitGroup });
    look();
  }
});
