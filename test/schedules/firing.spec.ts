import {
  days,
  DurableWorkflow,
  hours,
  minutes,
  Schedule,
  scheduledTime,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

const onServer = { databaseUrl: process.env['TEST_SERVER_URL'] };

@Workflow({ name: 'plain', queue: 'reports' })
@Schedule({ cron: '0 7 * * *' })
class PlainWorkflow extends DurableWorkflow<object, { due: Date | null }> {
  @Step()
  look() {
    return { due: scheduledTime() };
  }
}

@Workflow({ name: 'several' })
@Schedule({ name: 'quarterly', cron: '*/15 * * * *', input: { of: 'quarter' }, queue: 'reports' })
@Schedule({ name: 'half_hourly', cron: '10,40 * * * *', timezone: 'Europe/Berlin', overlap: 'skip', catchUp: 'all' })
@Schedule({ name: 'off', cron: '* * * * *', enabled: false })
class SeveralWorkflow extends DurableWorkflow<{ of?: string }, { of?: string; due: Date | null }> {
  @Step()
  look(data: { of?: string }) {
    return { ...data, due: scheduledTime() };
  }
}

@Workflow({ name: 'long' })
class LongWorkflow {
  @Step()
  async wait() {
    await waitForEvent('end');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [PlainWorkflow, SeveralWorkflow, LongWorkflow] }, onServer);
});

afterAll(() => test.close());

async function runsOf(workflow: string) {
  return await test.client.listExecutions({ workflow, order: 'asc', limit: 1000 });
}

describe('the defaults', () => {
  const defaults = {
    name: 'plain',
    workflow: 'plain',
    cron: '0 7 * * *',
    timezone: 'UTC',
    input: {},
    queue: 'reports',
    enabled: true,
    overlap: 'allow',
    catchUp: 'latest',
    lastRunAt: null,
    lastError: null,
    lastErrorAt: null,
    consecutiveFailures: 0,
    autoDisabledAt: null,
    removedAt: null,
  };

  it('of the decorator', async () => {
    const schedule = await test.client.getSchedule('plain');
    expect(schedule).toMatchObject(defaults);
    const { nextRunAt } = schedule ?? {};
    expect(nextRunAt?.toISOString()).toMatch(/T07:00:00\.000Z$/);
    const ahead = (nextRunAt?.getTime() ?? 0) - test.now().getTime();
    expect(ahead).toBeGreaterThan(0);
    expect(ahead).toBeLessThanOrEqual(days(1));
  });

  it('of schedule()', async () => {
    const made = await test.client.schedule(LongWorkflow, '0 7 * * *');
    expect(made).toMatchObject({ ...defaults, name: 'long', workflow: 'long', queue: 'default' });
    await test.client.deleteSchedule('long');
    expect(await test.client.getSchedule('long')).toBeNull();
  });
});

describe('a class with several schedules', () => {
  it('has them all', async () => {
    const all = await test.client.listSchedules({ workflow: SeveralWorkflow });
    expect(all.map(({ name }) => name).sort()).toEqual(['half_hourly', 'off', 'quarterly']);
    expect(all.find(({ name }) => name === 'quarterly')).toMatchObject({ input: { of: 'quarter' }, queue: 'reports' });
    expect(all.find(({ name }) => name === 'half_hourly')).toMatchObject({
      timezone: 'Europe/Berlin',
      overlap: 'skip',
      catchUp: 'all',
    });
    expect(all.find(({ name }) => name === 'off')).toMatchObject({ enabled: false, nextRunAt: null });
  });

  it('starts one run for each due time, with input, queue and scheduledTime()', async () => {
    // To a whole hour, so that the next has four quarters.
    await test.advance(hours(1) - (test.now().getTime() % hours(1)));
    const before = await runsOf('several');
    const start = test.now().getTime();
    await test.advance(hours(1));
    const runs = (await runsOf('several')).slice(before.length);
    const full = await Promise.all(runs.map(({ id }) => test.client.getExecution(id)));
    const due = full.map((run) => [run?.queue, run?.data]);
    expect(due).toEqual([
      ['default', { due: new Date(start + minutes(10)) }],
      ['reports', { of: 'quarter', due: new Date(start + minutes(15)) }],
      ['reports', { of: 'quarter', due: new Date(start + minutes(30)) }],
      ['default', { due: new Date(start + minutes(40)) }],
      ['reports', { of: 'quarter', due: new Date(start + minutes(45)) }],
      ['reports', { of: 'quarter', due: new Date(start + minutes(60)) }],
    ]);
    expect(await test.client.getSchedule('quarterly')).toMatchObject({
      lastRunAt: new Date(start + minutes(60)),
      nextRunAt: new Date(start + minutes(75)),
    });
  });
});

describe('scheduledTime()', () => {
  it('is null in a run that no schedule started', async () => {
    const run = await test.client.start(PlainWorkflow, {});
    expect(await run.result()).toEqual({ due: null });
  });
});

describe('overlap', () => {
  afterEach(async () => {
    for (const { name } of await test.client.listSchedules({ workflow: LongWorkflow })) {
      await test.client.deleteSchedule(name);
    }
    for (const { id } of await runsOf('long')) await test.client.cancel(id);
  });

  async function started(work: () => Promise<unknown>): Promise<number> {
    const before = (await runsOf('long')).length;
    await work();
    return (await runsOf('long')).length - before;
  }

  it("'allow' starts a run beside one that is unfinished", async () => {
    await test.client.schedule(LongWorkflow, '* * * * *', { overlap: 'allow' });
    expect(await started(() => test.advance(minutes(3)))).toBe(3);
  });

  it("'skip' does not, until it has ended", async () => {
    await test.client.schedule(LongWorkflow, '* * * * *', { overlap: 'skip' });
    expect(await started(() => test.advance(minutes(3)))).toBe(1);
    const [run] = (await runsOf('long')).slice(-1);
    await test.client.sendEvent(run?.id ?? '', 'end');
    await test.idle();
    expect(await started(() => test.advance(minutes(3)))).toBe(1);
  });

  it("'skip' does not count a run of another schedule, or started by hand", async () => {
    await test.client.start(LongWorkflow, {});
    await test.client.schedule(LongWorkflow, '* * * * *', { name: 'other', overlap: 'skip' });
    await test.client.schedule(LongWorkflow, '* * * * *', { name: 'long', overlap: 'skip' });
    expect(await started(() => test.advance(minutes(3)))).toBe(2);
  });

  it('does not count paused runs', async () => {
    await test.client.schedule(LongWorkflow, '* * * * *', { overlap: 'skip' });
    await test.advance(minutes(1));
    const [run] = (await runsOf('long')).slice(-1);
    await test.client.pause(run?.id ?? '');
    await test.idle();
    expect((await test.client.getExecution(run?.id ?? ''))?.status).toBe('paused');
    expect(await started(() => test.advance(minutes(3)))).toBe(1);
  });
});
