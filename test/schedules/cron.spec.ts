import { days, hours, InvalidCronError, scheduledTime, Step, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

const onServer = { databaseUrl: process.env['TEST_SERVER_URL'] };

@Workflow({ name: 'tick' })
class TickWorkflow {
  @Step()
  look() {
    return { due: scheduledTime() };
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [TickWorkflow] }, onServer);
});

afterAll(() => test.close());

async function next(cron: string, count: number, timezone?: string): Promise<Date[]> {
  await test.client.schedule(TickWorkflow, cron, timezone === undefined ? {} : { timezone });
  try {
    return await test.client.nextRuns('tick', count);
  } finally {
    await test.client.deleteSchedule('tick');
  }
}

const isos = (dates: readonly Date[]): string[] => dates.map((date) => date.toISOString());

describe('cron', () => {
  it('has five fields', async () => {
    const dates = await next('30 4 1 * *', 12);
    expect(new Set(isos(dates).map((iso) => iso.slice(7)))).toEqual(new Set(['-01T04:30:00.000Z']));
    expect(new Set(isos(dates).map((iso) => iso.slice(5, 7))).size).toBe(12);
    expect(dates[0]?.getTime()).toBeGreaterThan(test.now().getTime());
  });

  it('or six, seconds first', async () => {
    const dates = await next('*/10 * * * * *', 5);
    const first = Math.floor(test.now().getTime() / 10_000) * 10_000 + 10_000;
    expect(dates).toEqual([0, 1, 2, 3, 4].map((n) => new Date(first + n * 10_000)));
  });

  it.each(['0 9 * * MON-FRI', '0 9 * * mon-fri', '0 9 * * 1-5', '0 0 9 * * MON-FRI'])(
    'knows names: %s',
    async (cron) => {
      const dates = await next(cron, 15);
      expect(dates.map((date) => date.getUTCHours())).toEqual(Array(15).fill(9));
      const weekdays = dates.map((date) => date.getUTCDay());
      expect([...new Set(weekdays)].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
      // Fifteen of them take three weeks at most: none is left out.
      expect((dates[14]?.getTime() ?? 0) - (dates[0]?.getTime() ?? 0)).toBeLessThan(days(21));
    },
  );

  it('knows the names of months', async () => {
    const dates = await next('0 0 1 JAN,jul *', 2);
    expect(dates.map((date) => date.getUTCMonth()).sort((a, b) => a - b)).toEqual([0, 6]);
  });

  it.each([
    ['@hourly', hours(1)],
    ['@daily', days(1)],
    ['@weekly', days(7)],
  ])('knows %s', async (cron, apart) => {
    const [a, b] = await next(cron, 2);
    expect((b?.getTime() ?? 0) - (a?.getTime() ?? 0)).toBe(apart);
    expect((a?.getTime() ?? NaN) % Math.min(apart, days(1))).toBe(0);
  });

  it('reads 7 and 0 as Sunday', async () => {
    expect(await next('0 0 * * 7', 5)).toEqual(await next('0 0 * * SUN', 5));
    expect(await next('0 0 * * 0', 5)).toEqual(await next('0 0 * * SUN', 5));
  });

  it('has at most 256 characters', async () => {
    const list = (from: number, to: number): string =>
      Array.from({ length: to - from + 1 }, (_, at) => from + at).join(',');
    const longest = `${list(0, 59)} ${list(0, 23)} * ${list(1, 10)} *`;
    expect(longest).toHaveLength(256);
    expect(await next(longest, 2)).toHaveLength(2);
    await expect(next(`${longest} `, 2)).rejects.toThrow(InvalidCronError);
  });

  it.each([
    '',
    'soon',
    '* * * *',
    '* * * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '*/0 * * * *',
    '@sometimes',
    '0 0 * * FOO',
  ])('refuses %p with InvalidCronError', async (cron) => {
    await expect(test.client.schedule(TickWorkflow, cron)).rejects.toThrow(InvalidCronError);
    expect(await test.client.getSchedule('tick')).toBeNull();
  });

  it('refuses one that never comes', async () => {
    await expect(test.client.schedule(TickWorkflow, '0 0 30 2 *')).rejects.toThrow(InvalidCronError);
  });
});

describe('when clocks change', () => {
  const zone = 'Europe/Berlin';
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
  const hour = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'medium' });

  it('a time in a gap runs once, right after the gap; one in an overlap once', async () => {
    const dates = await next('30 2 * * *', 370, zone);
    const local = dates.map((date) => day.format(date));
    expect(new Set(local).size).toBe(370);
    expect((dates[369]?.getTime() ?? 0) - (dates[0]?.getTime() ?? 0)).toBeLessThanOrEqual(days(369) + hours(1));
    const odd = dates.filter((date) => hour.format(date) !== '02:30:00');
    expect(odd.length).toBeGreaterThanOrEqual(1);
    for (const date of odd) {
      expect(hour.format(date)).toBe('03:00:00');
      expect(date.toISOString()).toMatch(/-03-\d\dT01:00:00\.000Z$/);
    }
  });

  it('also where a second time lies in the gap', async () => {
    const dates = await next('15,45 2 * * *', 740, zone);
    expect(new Set(isos(dates)).size).toBe(740);
    const overlap = dates.filter((date) => date.getUTCMonth() === 9 && day.format(date).endsWith(lastSunday(date)));
    expect(overlap.length).toBe(2);
  });

  function lastSunday(inMonth: Date): string {
    const last = new Date(Date.UTC(inMonth.getUTCFullYear(), inMonth.getUTCMonth() + 1, 0));
    last.setUTCDate(last.getUTCDate() - last.getUTCDay());
    return `-${String(last.getUTCDate()).padStart(2, '0')}`;
  }

  it('hourly runs every hour', async () => {
    const sundays = await next('0 * * 3,10 SUN', 300, zone);
    const counts = new Map<string, number>();
    for (const [at, date] of sundays.entries()) {
      const before = sundays[at - 1];
      const local = day.format(date);
      counts.set(local, (counts.get(local) ?? 0) + 1);
      if (before === undefined || day.format(before) !== local) continue;
      expect(date.getTime() - before.getTime()).toBe(hours(1));
    }
    // The first may have begun, the last may be cut.
    const full = [...counts.values()].slice(1, -1);
    expect(new Set(full)).toEqual(new Set([23, 24, 25]));
  });

  it('runs are started as nextRuns() says', async () => {
    await test.client.schedule(TickWorkflow, '30 2 * * *', { timezone: zone });
    const dates = await test.client.nextRuns('tick', 370);
    const gap = dates.findIndex((date) => hour.format(date) === '03:00:00');
    await test.client.deleteSchedule('tick');
    // There without a schedule, then on with one.
    const from = (dates[gap]?.getTime() ?? 0) - hours(30);
    await test.advance(from - test.now().getTime());
    await test.client.schedule(TickWorkflow, '30 2 * * *', { timezone: zone });
    await test.client.schedule(TickWorkflow, '0 * * * *', { timezone: zone, name: 'hourly', input: { hourly: true } });
    await test.advance(hours(60));
    const runs = await test.client.listExecutions({ workflow: TickWorkflow, order: 'asc', limit: 1000 });
    const full = await Promise.all(runs.map(({ id }) => test.client.getExecution(id)));
    const dueOf = (hourly: boolean) =>
      full
        .filter((run) => Object.hasOwn(Object(run?.input), 'hourly') === hourly)
        .map((run) => (run?.data as { due: Date } | undefined)?.due.toISOString());
    expect(dueOf(false)).toEqual(isos(dates.slice(gap - 1, gap + 2)));
    expect(new Set(dueOf(true)).size).toBe(60);
    expect(dueOf(true)).toHaveLength(60);
  });
});
