import type { Provider } from '@nestjs/common';
import {
  Compensate,
  hours,
  seconds,
  Step,
  stepSignal,
  waitForEvent,
  Workflow,
  WorkflowCancelledError,
  WorkflowFailedError,
} from 'nest-durable';
import pg from 'pg';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { caught, Gates, openApp, type PlainApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';
import { createTestDatabase } from '../support/database.js';

/** A run that is asked to undo what it did comes to an end, or to a stop, whatever else has become of it. */

const gates = new Gates();
const undone: string[] = [];

@Workflow({ name: 'hog' })
class HogWorkflow {
  @Step()
  hold({ gate }: { gate: string }) {
    return gates.pass(gate);
  }
}

@Workflow({ name: 'waiting', timeout: hours(1) })
class WaitingWorkflow {
  @Step()
  async wait() {
    await waitForEvent('go');
  }
}

const aborted: string[] = [];

/** Its step may have to be undone, so that it is waited for when the run has failed. */
@Workflow({ name: 'stubborn', timeout: seconds(1) })
class StubbornWorkflow {
  @Step({ compensate: 'undo' })
  async work({ gate }: { gate: string }) {
    stepSignal().addEventListener('abort', () => aborted.push(gate));
    await gates.pass(gate);
    throw new Error('it has done nothing');
  }

  @Compensate()
  undo() {
    undone.push('stubborn');
  }
}

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step({ compensate: 'refund' })
  charge() {
    return { charged: true };
  }

  @Step()
  async wait() {
    await waitForEvent('go');
  }

  @Compensate()
  refund() {
    undone.push('refund');
  }
}

/** It fails before it has done anything. */
@Workflow({ name: 'fails_first' })
class FailsFirstWorkflow {
  @Step({ compensate: 'refund' })
  charge() {
    throw new Error('refused');
  }

  @Compensate()
  refund() {
    undone.push('fails_first');
  }
}

@Workflow({ name: 'fails_plain' })
class FailsPlainWorkflow {
  @Step()
  work() {
    throw new Error('refused');
  }
}

/** A step of it was on another queue. */
@Workflow({ name: 'fails_elsewhere' })
class FailsElsewhereWorkflow {
  @Step({ queue: 'other', compensate: 'refund' })
  charge() {
    return { charged: true };
  }

  @Step()
  work() {
    throw new Error('refused');
  }

  @Compensate()
  refund() {
    undone.push('fails_elsewhere');
  }
}

/** The place where its runs stand is gone. */
@Workflow({ name: 'order' })
class PlaceGone {
  @Step({ compensate: 'refund' })
  charge() {
    return { charged: true };
  }

  @Compensate()
  refund() {
    undone.push('refund');
  }
}

/** What they have done is gone too. */
@Workflow({ name: 'order' })
class ChargeGone {
  @Step({ compensate: 'refund' })
  other() {}

  @Compensate()
  refund() {}
}

let pool: pg.Pool;
let url: string;
const apps: PlainApp[] = [];

beforeEach(async () => {
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 2 });
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map(({ app }) => app.close()));
  await pool.end();
});

/** A client of another process. */
async function elsewhere(): Promise<PlainApp['client']> {
  const app = await openApp({ database: { url }, workers: false });
  apps.push(app);
  return app.client;
}

async function deploy(...providers: Provider[]): Promise<PlainApp> {
  const app = await openApp(
    { database: { url }, queues: { default: { concurrency: 1 }, other: { concurrency: 1 } } },
    providers,
  );
  apps.push(app);
  return app;
}

async function rowOf(id: string): Promise<Record<string, unknown> | undefined> {
  return (await pool.query(`SELECT * FROM durable.workflow_queue WHERE id = $1`, [id])).rows[0];
}

it('one that was cancelled before its timeout, and is claimed after it with nothing to undo, is cancelled', async () => {
  const { client } = await deploy(HogWorkflow, WaitingWorkflow);
  const run = await client.start(WaitingWorkflow, {});
  await reached(client, run.id, 'waiting');
  await client.start(HogWorkflow, { gate: 'claimed late' });
  await gates.arrived('claimed late');
  expect(await run.cancel('not wanted', { compensate: true })).toBe(true);
  await pool.query(`UPDATE durable.workflow_queue SET deadline_at = now() WHERE id = $1`, [run.id]);
  gates.open('claimed late');
  expect(await caught(run.result(), WorkflowCancelledError)).toMatchObject({ reason: 'not wanted' });
  expect(
    (await pool.query('SELECT id, workflow_queue FROM durable.workflow_queue WHERE id = $1', [run.id])).rows,
  ).toEqual([]);
});

it('one that is cancelled while its timeout ends it, with nothing to undo, has failed', async () => {
  const { client } = await deploy(StubbornWorkflow);
  const run = await client.start(StubbornWorkflow, { gate: 'stubborn' });
  await until(() => aborted.includes('stubborn'));
  expect(await run.cancel(undefined, { compensate: true })).toBe(true);
  gates.open('stubborn');
  const error = await caught(run.result(), WorkflowFailedError);
  expect(error).toMatchObject({ status: 'failed', cause: { name: 'WorkflowTimeoutError' } });
  expect(undone).toEqual([]);
});

describe('one that is paused since its place is gone from the code', () => {
  async function paused(...code: Provider[]): Promise<{ client: PlainApp['client']; id: string }> {
    const old = await deploy(OrderWorkflow);
    const { id } = await old.client.start(OrderWorkflow, {});
    await reached(old.client, id, 'waiting');
    await old.app.close();
    apps.length = 0;
    const { client } = await deploy(...code);
    await client.handle(id).sendEvent('go');
    expect(await reached(client, id, 'paused')).toMatchObject({ error: { name: 'DefinitionChangedError' } });
    return { client, id };
  }

  it('is undone when it is cancelled: that goes by names', async () => {
    const { client, id } = await paused(PlaceGone);
    expect(await client.cancel(id, undefined, { compensate: true })).toBe(true);
    await caught(client.handle(id).result(), WorkflowCancelledError);
    expect((await client.getExecution(id))?.status).toBe('compensated');
    expect(undone.splice(0)).toEqual(['refund']);
  });

  it('is paused again, once, where what is to be undone is gone too, and is undone by code that has it', async () => {
    const { client, id } = await paused(ChargeGone);
    const before = Number((await rowOf(id))?.['token']);
    expect(await client.cancel(id, undefined, { compensate: true })).toBe(true);
    await until(async () => (await rowOf(id))?.['paused'] === true && Number((await rowOf(id))?.['token']) > before);
    const stopped = await client.getExecution(id);
    expect(stopped).toMatchObject({
      status: 'paused',
      error: { message: expect.stringContaining('have to be undone') },
    });
    await client.sweep();
    expect(await rowOf(id)).toMatchObject({ token: before + 1, paused: true, cancel: expect.any(String) });
    await Promise.all(apps.splice(0).map(({ app }) => app.close()));
    const fixed = await deploy(OrderWorkflow);
    await fixed.client.resume(id);
    await caught(fixed.client.handle(id).result(), WorkflowCancelledError);
    expect((await fixed.client.getExecution(id))?.status).toBe('compensated');
    expect(undone.splice(0)).toEqual(['refund']);
  });
});

describe.each([
  ['a step that may have to be undone', FailsFirstWorkflow],
  ['nothing to undo', FailsPlainWorkflow],
])('one that fails, with %s', (_what, workflow) => {
  it('is cancelled when that comes between its last look at what there is to undo and its end', async () => {
    const { client } = await deploy(workflow);
    const { commitGroup } = PgStore.prototype;
    const ending = new Promise<boolean>((resolve, reject) => {
      PgStore.prototype.commitGroup = async function (worker, group) {
        const end = group.ops.find(({ outcome }) => outcome?.kind === 'end');
        if (end === undefined) return commitGroup.call(this, worker, group);
        PgStore.prototype.commitGroup = commitGroup;
        await client.cancel(end.runId, 'not wanted', { compensate: true }).then(resolve, reject);
        return commitGroup.call(this, worker, group);
      };
    });
    try {
      const run = await client.start(workflow, {});
      expect(await ending).toBe(true);
      expect(await caught(run.result(), WorkflowCancelledError)).toMatchObject({ reason: 'not wanted' });
      expect(await rowOf(run.id)).toBeUndefined();
      expect(undone).toEqual([]);
    } finally {
      PgStore.prototype.commitGroup = commitGroup;
    }
  });
});

it('one whose rollback is beginning when it is asked for is undone, though the look at what was asked comes late', async () => {
  const { client } = await deploy(FailsElsewhereWorkflow);
  const other = await elsewhere();
  const { commitGroup, leasedRows, loadUndo } = PgStore.prototype;
  let isBegun = (): void => {};
  const begun = new Promise<void>((resolve) => (isBegun = resolve));
  try {
    const asked = new Promise<boolean>((resolve, reject) => {
      PgStore.prototype.commitGroup = async function (worker, group) {
        const first = group.ops.find(({ outcome, extras }) => outcome === null && extras?.dropSteps === true);
        if (first === undefined) return commitGroup.call(this, worker, group);
        PgStore.prototype.commitGroup = commitGroup;
        PgStore.prototype.leasedRows = async function (of) {
          await begun;
          return leasedRows.call(this, of);
        };
        await other.cancel(first.runId, 'not wanted', { compensate: true }).then(resolve, reject);
        return commitGroup.call(this, worker, group);
      };
    });
    // What is to be undone is known, and the record that begins it is made, before a look says what was asked.
    PgStore.prototype.loadUndo = async function (...of) {
      const records = await loadUndo.apply(this, of);
      setImmediate(isBegun);
      return records;
    };
    const run = await client.start(FailsElsewhereWorkflow, {});
    expect(await asked).toBe(true);
    await caught(run.result(), WorkflowFailedError);
    expect((await run.execution())?.status).toBe('compensated');
    expect(undone.splice(0)).toEqual(['fails_elsewhere']);
  } finally {
    isBegun();
    Object.assign(PgStore.prototype, { commitGroup, leasedRows, loadUndo });
  }
});
