import {
  days,
  hours,
  InvalidCronError,
  InvalidInputError,
  Schedule,
  ScheduleExistsError,
  ScheduleNotFoundError,
  scheduledTime,
  SerializationError,
  Step,
  Workflow,
  WorkflowHandle,
  WorkflowNotFoundError,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { caught, kit } from '../support/plain-app.js';

/** Schedules through the client. */

@Workflow({ name: 'report', queue: 'reports' })
class ReportWorkflow {
  @Step()
  collect(data: object) {
    return { ...data, due: scheduledTime() };
  }
}

@Workflow({ name: 'declared' })
@Schedule({ name: 'of_code', cron: '0 6 * * *', timezone: 'Europe/Berlin', input: { from: 'code' }, queue: 'mail' })
@Schedule({ cron: '@daily', enabled: false })
class DeclaredWorkflow {
  @Step()
  nothing() {}
}

const KEYS =
  'name, workflow, cron, timezone, input, queue, enabled, overlap, catchUp, nextRunAt, lastRunAt, lastError, lastErrorAt, consecutiveFailures, autoDisabledAt, removedAt'.split(
    ', ',
  );

let test: DurableTest;

beforeAll(async () => {
  test = await kit([ReportWorkflow, DeclaredWorkflow], { queues: { default: {}, reports: {}, mail: {} } });
});

afterAll(() => test.close());

const now = (): number => test.now().getTime();

it('a schedule has its defaults', async () => {
  const made = await test.client.schedule(ReportWorkflow, '0 * * * *', { name: 'hourly' });
  const schedule = await test.client.getSchedule('hourly');
  expect(schedule).toMatchObject({
    name: 'hourly',
    workflow: 'report',
    cron: '0 * * * *',
    timezone: 'UTC',
    input: {},
    enabled: true,
    overlap: 'allow',
    catchUp: 'latest',
    lastRunAt: null,
    lastError: null,
    lastErrorAt: null,
    consecutiveFailures: 0,
    autoDisabledAt: null,
    removedAt: null,
  });
  expect(Object.keys(schedule ?? {})).toEqual(expect.arrayContaining(KEYS));
  expect(schedule?.nextRunAt?.getTime()).toBe(Math.floor(now() / hours(1) + 1) * hours(1));
  expect(made).toEqual(schedule);
  await test.client.deleteSchedule('hourly');
});

it('a run by hand with null as its input is refused, not started with that of the schedule', async () => {
  await test.client.schedule(ReportWorkflow, '@daily', { name: 'by_hand', input: { own: true } });
  const before = await test.client.countExecutions();
  const refusal = await caught(test.client.triggerSchedule('by_hand', { input: null as never }), InvalidInputError);
  expect(refusal.message).toContain('expected an object');
  expect(await test.client.countExecutions()).toBe(before);
  await test.client.deleteSchedule('by_hand');
});

it('a schedule has the name of the workflow, by default', async () => {
  await test.client.schedule('report', '@daily', {});
  expect(await test.client.getSchedule('report')).toMatchObject({ name: 'report', cron: '@daily' });
  await caught(test.client.schedule(ReportWorkflow, '@daily', {}), ScheduleExistsError);
  await test.client.deleteSchedule('report');
  expect(await test.client.getSchedule('report')).toBeNull();
});

it('a schedule keeps what it was given', async () => {
  const options = {
    name: 'given',
    timezone: 'America/New_York',
    input: { at: new Date(0), big: 5n },
    queue: 'mail',
    enabled: false,
    overlap: 'skip',
    catchUp: 'all',
    catchUpWindow: hours(3),
    catchUpLimit: 5,
  } as const;
  await test.client.schedule(ReportWorkflow, '30 9 * * MON-FRI', options);
  const { catchUpWindow: _window, catchUpLimit: _limit, ...shown } = options;
  expect(await test.client.getSchedule('given')).toMatchObject({ ...shown, cron: '30 9 * * MON-FRI' });
  await test.client.deleteSchedule('given');
});

it('bad ones are refused at the call', async () => {
  const { client } = test;
  await caught(client.schedule(ReportWorkflow, 'every day', { name: 'bad' }), InvalidCronError);
  await caught(client.schedule(ReportWorkflow, '61 * * * *', { name: 'bad' }), InvalidCronError);
  await caught(client.schedule(ReportWorkflow, `* * * * * ${' '.repeat(256)}`, { name: 'bad' }), InvalidCronError);
  await caught(client.schedule(ReportWorkflow, '@daily', { name: 'bad', timezone: 'Mars/Olympus' }), InvalidCronError);
  await caught(client.schedule('nobody', '@daily', { name: 'bad' }), WorkflowNotFoundError);
  const input = { fn: () => {} };
  await caught(client.schedule(ReportWorkflow, '@daily', { name: 'bad', input }), SerializationError);
  expect(await client.getSchedule('bad')).toBeNull();
});

it('an unknown name is ScheduleNotFoundError, or null', async () => {
  const { client } = test;
  expect(await client.getSchedule('nope')).toBeNull();
  await caught(client.updateSchedule('nope', { cron: '@daily' }), ScheduleNotFoundError);
  await caught(client.enableSchedule('nope'), ScheduleNotFoundError);
  await caught(client.disableSchedule('nope'), ScheduleNotFoundError);
  await caught(client.deleteSchedule('nope'), ScheduleNotFoundError);
  await caught(client.triggerSchedule('nope', {}), ScheduleNotFoundError);
  await caught(client.nextRuns('nope', 1), ScheduleNotFoundError);
});

it('starts its runs, and a deleted or disabled one does not', async () => {
  const { client } = test;
  await client.schedule(ReportWorkflow, '0 12 * * *', { name: 'noon', input: { n: 1 }, queue: 'mail' });
  const due = (await client.getSchedule('noon'))?.nextRunAt;
  await test.advance(days(1));
  const runs = await client.listExecutions({ workflow: ReportWorkflow, queue: 'mail' });
  expect(runs).toHaveLength(1);
  expect(await client.getExecution(runs[0]?.id ?? '')).toMatchObject({ input: { n: 1 }, data: { n: 1, due } });
  expect((await client.getSchedule('noon'))?.lastRunAt).toEqual(due);
  await client.disableSchedule('noon');
  expect(await client.getSchedule('noon')).toMatchObject({ enabled: false });
  await test.advance(days(1));
  expect(await client.countExecutions({ workflow: ReportWorkflow, queue: 'mail' })).toBe(1);
  await client.enableSchedule('noon');
  expect(await client.getSchedule('noon')).toMatchObject({ enabled: true });
  await test.advance(days(1));
  expect(await client.countExecutions({ workflow: ReportWorkflow, queue: 'mail' })).toBe(2);
  await client.deleteSchedule('noon');
  await test.advance(days(1));
  expect(await client.countExecutions({ workflow: ReportWorkflow, queue: 'mail' })).toBe(2);
});

it('triggerSchedule starts one now, with its own input or another', async () => {
  const { client } = test;
  await client.schedule(ReportWorkflow, '@yearly', { name: 'yearly', input: { n: 1 }, enabled: false });
  const own = await client.triggerSchedule('yearly');
  expect(own).toBeInstanceOf(WorkflowHandle);
  expect(await own.result()).toMatchObject({ n: 1 });
  const other = await client.triggerSchedule('yearly', { input: { n: 2 } });
  expect(await other.result()).toMatchObject({ n: 2 });
  expect(await other.execution()).toMatchObject({ workflow: 'report', queue: 'reports' });
  await client.deleteSchedule('yearly');
});

it('nextRuns gives the next times', async () => {
  const { client } = test;
  await client.schedule(ReportWorkflow, '15 10 * * *', { name: 'next', timezone: 'Asia/Kolkata' });
  const times = await client.nextRuns('next', 4);
  expect(times).toHaveLength(4);
  for (const [index, time] of times.entries()) {
    expect(time).toBeInstanceOf(Date);
    // 10:15 in India.
    expect(time.toISOString()).toContain('T04:45:00.000Z');
    expect(time.getTime()).toBe((times[0]?.getTime() ?? 0) + index * days(1));
  }
  expect(times[0]?.getTime()).toBeGreaterThan(now());
  expect(times[0]?.getTime()).toBeLessThanOrEqual(now() + days(1));
  expect((await client.getSchedule('next'))?.nextRunAt).toEqual(times[0]);
  await client.deleteSchedule('next');
});

it('updateSchedule changes it, until { reset: true }', async () => {
  const { client } = test;
  const declared = {
    workflow: 'declared',
    cron: '0 6 * * *',
    timezone: 'Europe/Berlin',
    input: { from: 'code' },
    queue: 'mail',
    fromCode: true,
    removedAt: null,
  };
  expect(await client.getSchedule('of_code')).toMatchObject({ ...declared, overridden: [] });
  await client.updateSchedule('of_code', { cron: '0 7 * * *', timezone: 'UTC', input: { from: 'client' } });
  const changed = await client.getSchedule('of_code');
  expect(changed?.overridden.toSorted()).toEqual(['cron', 'input', 'timezone']);
  expect(changed).toMatchObject({
    ...declared,
    cron: '0 7 * * *',
    timezone: 'UTC',
    input: { from: 'client' },
  });
  expect(changed?.nextRunAt?.toISOString()).toContain('T07:00:00.000Z');
  await caught(client.updateSchedule('of_code', { cron: 'no cron' }), InvalidCronError);
  await client.updateSchedule('of_code', { reset: true });
  expect(await client.getSchedule('of_code')).toMatchObject(declared);
});

it('listSchedules filters', async () => {
  const { client } = test;
  for (const name of ['a', 'b', 'c']) {
    await client.schedule(ReportWorkflow, '@daily', {
      name,
      enabled: name !== 'b',
      queue: name === 'c' ? 'mail' : 'reports',
    });
  }
  const names = async (filters?: Parameters<typeof client.listSchedules>[0]): Promise<string[]> =>
    (await client.listSchedules(filters)).map(({ name }) => name).toSorted();
  expect(await names()).toEqual(['a', 'b', 'c', 'declared', 'of_code']);
  expect(await names({ enabled: true })).toEqual(['a', 'c', 'of_code']);
  expect(await names({ enabled: false })).toEqual(['b', 'declared']);
  expect(await names({ workflow: ReportWorkflow })).toEqual(['a', 'b', 'c']);
  expect(await names({ workflow: 'declared' })).toEqual(['declared', 'of_code']);
  expect(await names({ queue: 'mail' })).toEqual(['c', 'of_code']);
  const pages = [await names({ limit: 2 }), await names({ limit: 2, offset: 2 }), await names({ limit: 2, offset: 4 })];
  expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
  expect(pages.flat().toSorted()).toEqual(await names());
});

it('listSchedules gives 100 unless limit says otherwise', async () => {
  const { client } = test;
  for (let n = 0; n < 101; n += 1) {
    await client.schedule(ReportWorkflow, '@yearly', { name: `many ${n}`, enabled: false });
  }
  expect(await client.listSchedules()).toHaveLength(100);
  expect(await client.listSchedules({ limit: 101, workflow: ReportWorkflow })).toHaveLength(101);
});
