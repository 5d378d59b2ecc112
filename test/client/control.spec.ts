import {
  callWorkflow,
  ChildWorkflowError,
  Compensate,
  type DurableClient,
  ForEach,
  hours,
  Parallel,
  stepSignal,
  Step,
  waitForEvent,
  waitForInput,
  Workflow,
  WorkflowCancelledError,
  workflowId,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { caught, type PlainApp, Gates, openApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** cancel */

const gates = new Gates();
const calls: string[] = [];
const aborted: string[] = [];

/** Called by steps. */
function noteAbort(arm = ''): void {
  const id = workflowId();
  stepSignal().addEventListener('abort', () => aborted.push(id + arm));
}

@Workflow({ name: 'steps' })
class StepsWorkflow {
  @Step({ compensate: 'undoFirst' })
  first(data: object) {
    calls.push(`${workflowId()} first`);
    return { ...data, first: true };
  }

  @Step()
  async second({ gate, event }: { gate?: string; event?: string; first?: boolean }) {
    calls.push(`${workflowId()} second`);
    noteAbort();
    if (gate !== undefined) await gates.pass(gate);
    if (event !== undefined) await waitForEvent(event);
  }

  @Step()
  third() {
    calls.push(`${workflowId()} third`);
  }

  @Compensate()
  async undoFirst() {
    calls.push(`${workflowId()} undoFirst`);
    await gates.pass(`undo ${workflowId()}`);
  }
}

@Workflow({ name: 'second_only' })
class SecondOnlyWorkflow {
  @Step()
  async wait({ gate }: { gate?: string }) {
    if (gate !== undefined) await gates.pass(gate);
    await Promise.all([waitForEvent('never'), waitForInput('never', { timeout: hours(5) })]);
  }
}

@Workflow({ name: 'parent' })
class ParentWorkflow {
  @Step()
  async call({ catches }: { catches?: boolean }) {
    if (catches !== true) return { got: await callWorkflow(GrandWorkflow, {}) };
    try {
      await callWorkflow(GrandWorkflow, {});
      return { got: 'a result' };
    } catch (error) {
      if (!(error instanceof ChildWorkflowError)) throw error;
      return { got: 'an error', status: error.status, childId: error.childId };
    }
  }
}

@Workflow({ name: 'grand' })
class GrandWorkflow {
  @Step()
  async call() {
    return callWorkflow(SecondOnlyWorkflow, {}) as Promise<object>;
  }
}

@Workflow({ name: 'fan' })
class FanWorkflow {
  @Parallel({ a: 'armA', b: 'armB' })
  arms() {}

  @Step()
  async armA() {
    noteAbort(' a');
    await gates.pass(`fan ${workflowId()} a`);
  }

  @Step()
  async armB() {
    noteAbort(' b');
    await gates.pass(`fan ${workflowId()} b`);
  }

  @ForEach('item')
  items() {
    calls.push(`${workflowId()} items`);
    return [1];
  }

  @Step()
  item() {}
}

let opened: PlainApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  opened = await openApp({ database: { url } }, [
    StepsWorkflow,
    SecondOnlyWorkflow,
    ParentWorkflow,
    GrandWorkflow,
    FanWorkflow,
  ]);
  client = opened.client;
});

afterAll(async () => {
  gates.openAll();
  await opened.app.close();
});

describe('cancel', () => {
  it('ends a run that has not begun', async () => {
    const run = await client.start(StepsWorkflow, {}, { delay: hours(1) });
    expect(await client.cancel(run.id, 'changed our mind')).toBe(true);
    const execution = await run.execution();
    expect(execution).toMatchObject({ status: 'cancelled', completedAt: expect.any(Date) });
    const error = await caught(run.result(), WorkflowCancelledError);
    expect(error.message).toContain('changed our mind');
    expect(calls.filter((call) => call.startsWith(run.id))).toEqual([]);
  });

  it('aborts the signal of the running step, and no further step starts', async () => {
    const run = await client.start(StepsWorkflow, { gate: 'abort' });
    await gates.arrived('abort');
    expect(await client.cancel(run.id)).toBe(true);
    await until(() => aborted.includes(run.id));
    gates.open('abort');
    expect((await run.execution())?.status).toBe('cancelled');
    // A later run through the same worker: the first one had its chance.
    await (await client.start(StepsWorkflow, {})).result();
    expect(calls.filter((call) => call.startsWith(run.id))).toEqual([`${run.id} first`, `${run.id} second`]);
    await caught(run.result(), WorkflowCancelledError);
  });

  it('aborts every arm', async () => {
    const run = await client.start(FanWorkflow, {});
    await gates.arrived(`fan ${run.id} a`);
    await gates.arrived(`fan ${run.id} b`);
    await client.cancel(run.id);
    await until(() => aborted.includes(`${run.id} a`) && aborted.includes(`${run.id} b`));
    gates.open(`fan ${run.id} a`);
    gates.open(`fan ${run.id} b`);
    expect((await run.execution())?.status).toBe('cancelled');
  });

  it('takes all active descendants along, and closes their waits', async () => {
    const run = await client.start(ParentWorkflow, {});
    const listed = async (): Promise<number> =>
      (await client.listPendingInputs({ workflow: SecondOnlyWorkflow })).length;
    await until(async () => (await listed()) === 1);
    const [child] = await client.listChildren(run.id);
    const [grandchild] = await client.listChildren(child?.id ?? '');
    expect(await run.cancel('all of it')).toBe(true);
    for (const id of [run.id, child?.id ?? '', grandchild?.id ?? '']) {
      expect((await client.getExecution(id))?.status).toBe('cancelled');
    }
    expect(await listed()).toBe(0);
    expect(await client.listPendingEvents({ eventName: 'never' })).toEqual([]);
    expect(await client.listPendingInputs({ workflow: SecondOnlyWorkflow, status: 'cancelled' })).toHaveLength(1);
  });

  it('tells a parent that waits for it', async () => {
    const run = await client.start(ParentWorkflow, { catches: true });
    await until(async () => (await client.listChildren(run.id)).length === 1);
    const [child] = await client.listChildren(run.id);
    await client.cancel(child?.id ?? '');
    expect(await run.result()).toEqual({ got: 'an error', status: 'cancelled', childId: child?.id });
  });

  it('leaves a finished run alone', async () => {
    const run = await client.start(StepsWorkflow, {});
    await run.result();
    expect(await client.cancel(run.id)).toBe(false);
    expect(await client.cancel(run.id, 'x', { compensate: true })).toBe(false);
    expect((await run.execution())?.status).toBe('completed');
    const other = await client.start(StepsWorkflow, {}, { delay: hours(1) });
    expect(await other.cancel()).toBe(true);
    expect(await other.cancel()).toBe(false);
  });

  it('ends a paused run and a waiting one', async () => {
    const waiting = await client.start(StepsWorkflow, { event: 'x' });
    await reached(client, waiting.id, 'waiting');
    expect(await waiting.cancel()).toBe(true);
    expect((await waiting.execution())?.status).toBe('cancelled');
    const paused = await client.start(StepsWorkflow, {}, { delay: hours(1) });
    await paused.pause();
    expect((await paused.execution())?.status).toBe('paused');
    expect(await paused.cancel()).toBe(true);
    expect((await paused.execution())?.status).toBe('cancelled');
  });
});

describe('cancel with compensate', () => {
  it('undoes what was done, and leaves a compensating run alone', async () => {
    const run = await client.start(StepsWorkflow, { event: 'x' });
    await reached(client, run.id, 'waiting');
    expect(await run.cancel('undo it', { compensate: true })).toBe(true);
    await gates.arrived(`undo ${run.id}`);
    expect((await run.execution())?.status).toBe('compensating');
    expect(await run.cancel('again')).toBe(false);
    gates.open(`undo ${run.id}`);
    const execution = await reached(client, run.id, 'compensated');
    expect(execution.compensationResults).toEqual([{ step: 'first', compensation: 'undoFirst', status: 'completed' }]);
    expect(execution.compensatedAt).toBeInstanceOf(Date);
    await caught(run.result(), WorkflowCancelledError);
    expect(calls).not.toContain(`${run.id} third`);
  });

  it('with nothing to undo gives cancelled', async () => {
    const run = await client.start(SecondOnlyWorkflow, {});
    await reached(client, run.id, 'waiting');
    await run.cancel(undefined, { compensate: true });
    expect((await reached(client, run.id, 'cancelled')).compensationResults).toEqual([]);
    await caught(run.result(), WorkflowCancelledError);
  });

  it('without it undoes nothing', async () => {
    const run = await client.start(StepsWorkflow, { event: 'x' });
    await reached(client, run.id, 'waiting');
    await run.cancel('only stop');
    expect((await run.execution())?.status).toBe('cancelled');
    await (await client.start(StepsWorkflow, {})).result();
    expect(calls).not.toContain(`${run.id} undoFirst`);
  });
});
