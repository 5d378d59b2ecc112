import {
  Compensate,
  type CompensationInfo,
  once,
  Step,
  stepManager,
  waitForEvent,
  WaitInTransactionError,
  Workflow,
  workflowId,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { DataSource, type EntityManager } from 'typeorm';

/** What a compensation is told, and one that is undone exactly once. */

interface Trip {
  flight?: string;
  hotel?: string;
}

const infos: { readonly data: unknown; readonly info: CompensationInfo<Trip> }[] = [];

@Workflow({ name: 'trip' })
class TripWorkflow {
  @Step({ compensate: 'cancel' })
  flight(data: Trip) {
    return { ...data, flight: 'f-1' };
  }

  @Step({ compensate: 'cancel', compensateWhen: 'started' })
  hotel(data: Trip) {
    return { ...data, hotel: 'h-1' };
  }

  @Step({ compensate: 'cancel', compensateWhen: 'started' })
  car(): void {
    throw Object.assign(new Error('no car'), { code: 'E_CAR' });
  }

  @Compensate()
  cancel(data: Trip, info: CompensationInfo<Trip>) {
    infos.push({ data, info });
  }
}

function insert(step: string): Promise<unknown> {
  return stepManager<EntityManager>().query('INSERT INTO refunds (run, step) VALUES ($1, $2)', [workflowId(), step]);
}

let fails = 0;

@Workflow({ name: 'refunded' })
class RefundedWorkflow {
  @Step({ compensate: 'refund' })
  charge() {}

  @Step({ compensate: 'release' })
  reserve() {}

  @Step()
  fail() {
    throw new Error('fails');
  }

  @Compensate({ transactional: true, retry: { maxAttempts: 3, initialDelay: 1, jitter: false } })
  async refund() {
    await insert('refund');
    await once('receipt', () => insert('receipt'));
    const refused: unknown = await waitForEvent('x').catch((error: unknown) => error);
    if (!(refused instanceof WaitInTransactionError)) throw new Error('The wait was not refused');
    if (fails-- > 0) throw new Error('no connection to the bank');
  }

  @Compensate()
  release() {}
}

let dataSource: DataSource;
let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest(
    (url) => {
      dataSource = new DataSource({ type: 'postgres', url, installExtensions: false });
      return { providers: [TripWorkflow, RefundedWorkflow], dataSource, patience: 30_000 };
    },
    { databaseUrl: process.env['TEST_SERVER_URL'] },
  );
  await dataSource.query('CREATE TABLE refunds (run uuid NOT NULL, step text NOT NULL)');
});

afterAll(() => test.close());

async function refundsOf(id: string): Promise<string[]> {
  const rows: { step: string }[] = await dataSource.query('SELECT step FROM refunds WHERE run = $1 ORDER BY step', [
    id,
  ]);
  return rows.map(({ step }) => step);
}

it('a compensation gets the data that the step left, how that ended, why the run failed, and the data of then', async () => {
  const run = await test.client.start(TripWorkflow, {});
  await test.idle();
  expect(await run.execution()).toMatchObject({ status: 'compensated' });
  const current = { flight: 'f-1', hotel: 'h-1' };
  const error = expect.objectContaining({ name: 'Error', message: 'no car', code: 'E_CAR' });
  expect(infos).toEqual([
    { data: current, info: { step: 'car', outcome: 'unknown', error, current } },
    { data: current, info: { step: 'hotel', outcome: 'completed', error, current } },
    { data: { flight: 'f-1' }, info: { step: 'flight', outcome: 'completed', error, current } },
  ]);
});

it('a transactional compensation writes and is recorded in one transaction; what failed is rolled back', async () => {
  fails = 2;
  const run = await test.client.start(RefundedWorkflow, {});
  await test.advance(1_000);
  expect(await run.execution()).toMatchObject({
    status: 'compensated',
    compensationResults: [
      { step: 'reserve', compensation: 'release', status: 'completed' },
      { step: 'charge', compensation: 'refund', status: 'completed' },
    ],
  });
  expect(await refundsOf(run.id)).toEqual(['receipt', 'refund']);
  const steps = (await test.client.getSteps(run.id)).filter(({ isCompensation }) => isCompensation);
  expect(steps.map(({ step, attempt, status }) => [step, attempt, status])).toEqual([
    ['release', 1, 'completed'],
    ['refund', 1, 'failed'],
    ['refund', 2, 'failed'],
    ['refund', 3, 'completed'],
  ]);
});

it('a transactional compensation undoes exactly once, wherever the worker was killed', async () => {
  const { commits, crashes } = await test.explore(
    RefundedWorkflow,
    {},
    {
      check: async (execution) => {
        expect(execution).toMatchObject({
          status: 'compensated',
          compensationResults: [{ compensation: 'release' }, { compensation: 'refund', status: 'completed' }],
        });
        expect(await refundsOf(execution.id)).toEqual(['receipt', 'refund']);
        const records = (execution.steps ?? []).filter(({ step }) => step === 'refund');
        expect(records.map(({ status }) => status)).toEqual(['completed']);
      },
    },
  );
  expect(commits.some((what) => what.includes('refund'))).toBe(true);
  expect(crashes).toBeGreaterThan(5);
});
