import { days, DurableWorkflow, hours, minutes, scheduledTime, Step, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

const onServer = { databaseUrl: process.env['TEST_SERVER_URL'] };

@Workflow({ name: 'hourly' })
class HourlyWorkflow extends DurableWorkflow<object, { due: Date | null }> {
  @Step()
  look() {
    return { due: scheduledTime() };
  }
}

type Options = NonNullable<Parameters<DurableTest['client']['schedule']>[2]>;

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [HourlyWorkflow] }, onServer);
});

afterAll(() => test.close());

beforeEach(async () => {
  // To half past, so that the hours are well inside of what passes.
  await test.advance(hours(1) - ((test.now().getTime() + minutes(30)) % hours(1)));
});

/** The due times of the runs that are started once a worker lives again. */
async function madeUp(ms: number, options: Options, cron = '0 * * * *'): Promise<Date[]> {
  const before = await test.client.countExecutions({ workflow: HourlyWorkflow });
  await test.client.schedule(HourlyWorkflow, cron, { name: 'out', ...options });
  await test.crash();
  await test.advance(ms);
  expect(await test.client.countExecutions({ workflow: HourlyWorkflow })).toBe(before);
  await test.restart();
  await test.idle();
  const due = await dueTimes(before);
  await test.client.deleteSchedule('out');
  return due;
}

async function dueTimes(after: number): Promise<Date[]> {
  const runs = await test.client.listExecutions({ workflow: HourlyWorkflow, order: 'asc', limit: 1000 });
  const full = await Promise.all(runs.slice(after).map(({ id }) => test.client.getExecution(id)));
  return full
    .map((run) => (run?.data as { due: Date } | undefined)?.due ?? new Date(NaN))
    .sort((a, b) => a.getTime() - b.getTime());
}

/** The hours that lie up to `n` back from now, the last one first. */
function back(...hoursBack: number[]): Date[] {
  return hoursBack.map((n) => new Date(test.now().getTime() - minutes(30) - hours(n)));
}

describe('times that passed while nothing ran', () => {
  it('by default only the latest is made up for', async () => {
    expect(await madeUp(hours(5), {})).toEqual(back(0));
  });

  it("catchUp: 'latest'", async () => {
    expect(await madeUp(hours(5), { catchUp: 'latest' })).toEqual(back(0));
  });

  it("catchUp: 'all'", async () => {
    expect(await madeUp(hours(5), { catchUp: 'all' })).toEqual(back(4, 3, 2, 1, 0));
  });

  it("catchUp: 'none', after which it goes on as usual", async () => {
    const before = await test.client.countExecutions({ workflow: HourlyWorkflow });
    await test.client.schedule(HourlyWorkflow, '0 * * * *', { name: 'none', catchUp: 'none' });
    await test.crash();
    await test.advance(hours(5));
    await test.restart();
    await test.idle();
    expect(await dueTimes(before)).toEqual([]);
    await test.advance(hours(2));
    expect(await dueTimes(before)).toEqual(back(1, 0));
    await test.client.deleteSchedule('none');
  });

  it('catchUpWindow is a day', async () => {
    const due = await madeUp(days(2), { catchUp: 'all' });
    expect(due).toHaveLength(24);
    expect(due.slice(-1)).toEqual(back(0));
  });

  it('times missed by more than catchUpWindow are never made up for', async () => {
    expect(await madeUp(hours(6), { catchUp: 'all', catchUpWindow: hours(2) })).toEqual(back(1, 0));
    expect(await madeUp(hours(6), { catchUp: 'all', catchUpWindow: minutes(20) })).toEqual([]);
    expect(await madeUp(hours(6), { catchUp: 'latest', catchUpWindow: minutes(20) })).toEqual([]);
  });

  it('catchUpLimit is 100', async () => {
    expect(await madeUp(hours(23), { catchUp: 'all' }, '*/10 * * * *')).toHaveLength(100);
  });

  it('no more than catchUpLimit are made up for', async () => {
    expect(await madeUp(hours(6), { catchUp: 'all', catchUpLimit: 2 })).toHaveLength(2);
  });

  it('a schedule that is at work goes on after it has caught up', async () => {
    const before = await test.client.countExecutions({ workflow: HourlyWorkflow });
    await test.client.schedule(HourlyWorkflow, '0 * * * *', { name: 'on', catchUp: 'all', catchUpLimit: 2 });
    await test.crash();
    await test.advance(hours(6));
    await test.restart();
    await test.advance(hours(3));
    expect(await test.client.countExecutions({ workflow: HourlyWorkflow })).toBe(before + 5);
    await test.client.deleteSchedule('on');
  });
});
