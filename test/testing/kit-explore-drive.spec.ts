import {
  callWorkflow,
  Compensate,
  days,
  DurableWorkflow,
  ForEach,
  hours,
  Parallel,
  sleep,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

@Workflow({ name: 'approved' })
class ApprovedWorkflow extends DurableWorkflow<{ n: number }, { decision: string; parcel: unknown }> {
  @Step()
  async ask({ n }: { n: number }) {
    return { n, decision: await waitForApproval('ask') };
  }

  @Step()
  async parcel(data: object) {
    return { ...data, parcel: await waitForEvent('parcel', { timeout: hours(5) }) };
  }
}

@Workflow({ name: 'asked_late' })
class AskedLateWorkflow extends DurableWorkflow<object, { decisions: string[] }> {
  @Step()
  async ask() {
    await sleep(days(1));
    const first = await waitForApproval('ask');
    await sleep(days(1));
    return { decisions: [first, await waitForApproval('ask', { timeout: days(1) })] };
  }
}

@Workflow({ name: 'tree' })
class TreeWorkflow extends DurableWorkflow<object> {
  @Parallel({ left: 'left', right: 'right' })
  fan() {
    return { fanned: true };
  }

  @Step({ compensate: 'undo' })
  async left() {
    await callWorkflow(LeafWorkflow, {});
  }

  @Step({ retry: { maxAttempts: 2 } })
  async right() {
    await waitForEvent('right', { timeout: hours(1), timeoutValue: null });
  }

  @ForEach('one')
  each() {
    return [1, 2, 3];
  }

  @Step()
  one(n: number) {
    return { n };
  }

  @Step()
  fails() {
    throw new Error('undo it');
  }

  @Compensate()
  undo() {}
}

@Workflow({ name: 'leaf' })
class LeafWorkflow {
  @Step()
  work() {}
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [ApprovedWorkflow, AskedLateWorkflow, TreeWorkflow, LeafWorkflow];
  test = await createDurableTest({ providers }, { databaseUrl: process.env['TEST_SERVER_URL'] });
});

afterAll(() => test.close());

it('drive(run, test) sends what the run waits for', async () => {
  let drives = 0;
  let checks = 0;
  await test.explore(
    ApprovedWorkflow,
    { n: 1 },
    {
      async drive(run, given) {
        drives++;
        expect(given).toBe(test);
        await run.provideInput('ask', true);
        await run.sendEvent('parcel', { no: 7 });
      },
      async check(execution) {
        checks++;
        await Promise.resolve();
        expect(execution).toMatchObject({ status: 'completed', data: { decision: 'approved', parcel: { no: 7 } } });
      },
    },
  );
  expect(drives).toBe(checks);
  expect(checks).toBeGreaterThanOrEqual(5);
});

it('answers what the run asks for only after some time, once for each time that it does', async () => {
  await test.explore(
    AskedLateWorkflow,
    {},
    {
      async drive(run) {
        await run.provideInput('ask', true);
        await run.provideInput('ask', false);
      },
      check: ({ data }) => expect(data).toEqual({ decisions: ['approved', 'rejected'] }),
    },
  );
});

it('rejects with an answer that the run never asks for', async () => {
  const drive = (run: Pick<WorkflowHandle, 'provideInput'>) => run.provideInput('aks', true);
  const explored = test.explore(AskedLateWorkflow, {}, { drive, check() {} });
  await expect(explored).rejects.toThrow(/Without a crash: Input "aks" cannot be provided/);
});

it('rejects when drive rejects', async () => {
  const drive = () => Promise.reject(new Error('cannot drive'));
  await expect(test.explore(ApprovedWorkflow, { n: 1 }, { drive, check() {} })).rejects.toThrow(/cannot drive/);
});

it('explores arms, items, children, timeouts and rollbacks', async () => {
  let checks = 0;
  await test.explore(
    TreeWorkflow,
    {},
    {
      async check(execution, { client }) {
        checks++;
        expect(execution).toMatchObject({
          status: 'compensated',
          error: { message: 'undo it' },
          compensationResults: [{ step: 'left', compensation: 'undo', status: 'completed' }],
        });
        expect(await client.listChildren(execution.id)).toMatchObject([{ workflow: 'leaf', status: 'completed' }]);
      },
    },
  );
  expect(checks).toBeGreaterThanOrEqual(9);
});
