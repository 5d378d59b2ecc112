import type { INestApplicationContext, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IsInt } from 'class-validator';
import {
  days,
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  DurableWorkflow,
  FatalError,
  InvalidCronError,
  InvalidInputError,
  Schedule,
  ScheduleExistsError,
  ScheduleNotFoundError,
  scheduledTime,
  Step,
  Workflow,
  WorkflowNotFoundError,
} from 'nest-durable';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let pool: pg.Pool;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await pool.end();
});

async function boot(providers: Type[], options: DurableModuleOptions = {}): Promise<DurableClient> {
  const module = await Test.createTestingModule({
    imports: [
      DurableModule.forRoot({
        database: { url: database.url },
        queues: { default: {}, other: {}, ai: {} },
        ...options,
      }),
    ],
    providers,
  }).compile();
  apps.push(await module.init());
  return module.get(DurableClient);
}

async function shutDown(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}

/** What all runs returned, in the order of their due times, once each of them has ended: they end in any order. */
async function resultsOfAll(client: DurableClient): Promise<(string | null)[]> {
  return until(async () => {
    const counts = await client.executionCounts();
    return counts.pending + counts.running + counts.waiting === 0 && results();
  });
}

/** Puts the clock of workflows `ms` ahead of the server's, as the testing kit does. */
async function setClock(ms: number): Promise<void> {
  await pool.query(
    `CREATE OR REPLACE FUNCTION durable.clock() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now() + interval ''${ms} ms'''`,
  );
}

interface Result {
  readonly due: string | null;
}

async function results(): Promise<(string | null)[]> {
  const { rows } = await pool.query<{ output: string }>(
    `SELECT s.output FROM durable.workflow_executions e
       JOIN durable.step_executions s ON s.run_id = e.id AND s.seq = e.data_seq
      WHERE e.status = 'completed' ORDER BY e.schedule_time`,
  );
  return rows.map(({ output }) => (JSON.parse(output) as Result).due);
}

class Base {
  @Step()
  report(): Result {
    return { due: scheduledTime()?.toISOString() ?? null };
  }

  @Step({ queue: 'other' })
  check({ due }: Result): void {
    const here = scheduledTime()?.toISOString() ?? null;
    if (here !== due) throw new Error(`${due} before, ${here} on the other queue`);
  }
}

@Workflow({ name: 'report' })
@Schedule({ cron: '* * * * * *', name: 'ticks', catchUp: 'all' })
class TickingWorkflow extends Base {}

@Workflow({ name: 'report' })
class PlainWorkflow extends Base {}

@Workflow({ name: 'report' })
@Schedule({ cron: '0 9 * * *', name: 'a' })
@Schedule({ cron: '@hourly', name: 'b', timezone: 'Europe/Berlin', enabled: false })
class TwiceWorkflow extends Base {}

@Workflow({ name: 'report' })
@Schedule({ cron: '30 9 * * *', name: 'a', input: { new: true } })
class ChangedWorkflow extends Base {}

let fails = false;

@Workflow({ name: 'report' })
@Schedule({ cron: '* * * * * *', name: 'ticks' })
class FailingWorkflow {
  @Step()
  collect(): Result {
    return { due: scheduledTime()?.toISOString() ?? null };
  }

  @Step()
  send({ due }: Result): object {
    if (fails) throw new FatalError('no');
    return { due, sent: scheduledTime()?.toISOString() ?? null };
  }
}

class Numbered {
  @IsInt()
  n!: number;
}

@Workflow({ name: 'numbered', input: Numbered })
class NumberedWorkflow extends DurableWorkflow<Numbered> {
  @Step()
  run(): void {}
}

/** So long that each step of it is past the next due time of a monthly schedule, ms. */
const STEP = days(32);
/** Half a day from now, so that no due time comes by itself while a test goes by the clock that it sets. */
const FAR_HOUR = (new Date().getUTCHours() + 12) % 24;

@Workflow({ name: 'numbered', input: Numbered })
@Schedule({ cron: `0 ${FAR_HOUR} 1 * *`, name: 'bad', catchUpWindow: STEP })
class BadlyScheduledWorkflow extends DurableWorkflow<Numbered> {
  @Step()
  run(): void {}
}

describe('a schedule', () => {
  it('starts one run for each second, on two nodes, and each knows its due time', async () => {
    await boot([TickingWorkflow]);
    const client = await boot([TickingWorkflow]);
    await until(async () => (await results()).length >= 4);
    await client.disableSchedule('ticks');
    const first = await resultsOfAll(client);
    const start = Date.parse(first[0] ?? '');
    expect(first).toEqual(first.map((_, n) => new Date(start + n * 1_000).toISOString()));
    const [run] = await client.listExecutions({ workflow: 'report', order: 'asc' });
    expect(run?.scheduledAt?.toISOString()).toBe(first[0]);
  });

  it('makes up for what passed while nothing ran, and goes on after a restart', async () => {
    await boot([TickingWorkflow]);
    await until(async () => (await results()).length >= 1);
    await shutDown();
    const { rows } = await pool.query<{ next: Date }>('SELECT next_run_at AS next FROM durable.scheduled_workflows');
    await setClock(5_000);
    const client = await boot([TickingWorkflow]);
    await until(async () => (await results()).length >= 6);
    await client.disableSchedule('ticks');
    const all = await resultsOfAll(client);
    expect(all).toContain(rows[0]?.next.toISOString());
    const start = Date.parse(all[0] ?? '');
    expect(all).toEqual(all.map((_, n) => new Date(start + n * 1_000).toISOString()));
  });

  it('is stored at boot, follows the code, and stops and returns with its decorator', async () => {
    let client = await boot([TwiceWorkflow]);
    expect(await client.listSchedules()).toMatchObject([
      { name: 'a', workflow: 'report', cron: '0 9 * * *', timezone: 'UTC', input: {}, queue: 'default', enabled: true },
      { name: 'b', cron: '@hourly', timezone: 'Europe/Berlin', enabled: false, nextRunAt: null },
    ]);
    await client.enableSchedule('b');
    await shutDown();

    client = await boot([ChangedWorkflow]);
    const changed = await client.getSchedule('a');
    expect(changed).toMatchObject({ cron: '30 9 * * *', input: { new: true }, removedAt: null });
    expect(changed?.nextRunAt?.toISOString()).toMatch(/T09:30:00.000Z$/);
    expect(await client.getSchedule('b')).toMatchObject({
      enabled: true,
      nextRunAt: null,
      removedAt: expect.any(Date),
    });
    await client.updateSchedule('a', { cron: '0 12 * * *' });
    await shutDown();

    client = await boot([TwiceWorkflow]);
    expect(await client.getSchedule('a')).toMatchObject({ cron: '0 12 * * *', input: {} });
    expect(await client.getSchedule('b')).toMatchObject({
      enabled: true,
      nextRunAt: expect.any(Date),
      removedAt: null,
    });
    const reset = await client.updateSchedule('a', { reset: true });
    expect(reset).toMatchObject({ cron: '0 9 * * *' });
    expect(reset.nextRunAt?.toISOString()).toMatch(/T09:00:00.000Z$/);
    await shutDown();

    // Who does not know the workflow leaves its schedules alone.
    client = await boot([NumberedWorkflow]);
    expect((await client.listSchedules({ workflow: 'report' })).map((one) => one.removedAt)).toEqual([null, null]);
  });

  it('that fails to start ten times in a row is disabled, the error kept; enabling begins anew', async () => {
    const client = await boot([BadlyScheduledWorkflow], { schedulerInterval: 600_000 });
    for (let step = 1; step <= 11; step++) {
      await setClock(step * STEP);
      await client.sweep();
      expect((await client.getSchedule('bad'))?.consecutiveFailures).toBe(Math.min(step, 10));
    }
    expect(await client.getSchedule('bad')).toMatchObject({
      enabled: false,
      nextRunAt: null,
      autoDisabledAt: expect.any(Date),
      lastError: { name: 'InvalidInputError', code: 'INVALID_INPUT' },
    });
    expect(await client.countExecutions()).toBe(0);
    await client.updateSchedule('bad', { input: { n: 1 } });
    expect(await client.enableSchedule('bad')).toMatchObject({
      enabled: true,
      consecutiveFailures: 0,
      autoDisabledAt: null,
      nextRunAt: expect.any(Date),
    });
    await setClock(13 * STEP);
    await client.sweep();
    expect(await client.countExecutions()).toBe(1);
  });

  it("with catchUp 'none' leaves out what passed while nothing ran", async () => {
    const client = await boot([PlainWorkflow]);
    await client.schedule(PlainWorkflow, '* * * * * *', { name: 'n', catchUp: 'none' });
    await until(async () => (await results()).length >= 1);
    await shutDown();
    const { rows } = await pool.query<{ next: Date }>('SELECT next_run_at AS next FROM durable.scheduled_workflows');
    const next = rows[0]?.next.getTime() ?? 0;
    await until(async () => Date.now() > next + 2_000);
    await boot([PlainWorkflow]);
    // A run of before may still have been on its way.
    const since = async (): Promise<number[]> =>
      (await results()).map((time) => Date.parse(time ?? '')).filter((time) => time >= next);
    const [first] = await until(async () => (await since()).length > 0 && since());
    expect(first).toBeGreaterThan(next + 1_000);
  });
});

it('what does a run again does it for its due time, by retry() and restartFrom(), and however often', async () => {
  fails = true;
  const client = await boot([FailingWorkflow]);
  const [failed] = await until(async () => {
    const runs = await client.listExecutions({ status: 'failed' });
    return runs.length > 0 && runs;
  });
  await client.disableSchedule('ticks');
  fails = false;
  const due = failed?.scheduledAt?.toISOString();
  const id = failed?.id ?? '';
  const retried = await client.retry(id);
  expect(await retried.result()).toEqual({ due, sent: due });
  expect(await (await client.retry(retried.id)).result()).toEqual({ due, sent: due });
  expect(await (await client.restartFrom(id, 'send')).result()).toEqual({ due, sent: due });
});

describe('the client', () => {
  it('makes, reads, lists, triggers and deletes schedules', async () => {
    const client = await boot([PlainWorkflow, NumberedWorkflow]);
    const made = await client.schedule(PlainWorkflow, '0 9 * * MON-FRI', { timezone: 'Europe/Berlin', queue: 'ai' });
    expect(made).toEqual({
      name: 'report', workflow: 'report', cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', input: {}, queue: 'ai',
      enabled: true, overlap: 'allow', catchUp: 'latest', catchUpWindow: 86_400_000, catchUpLimit: 100, fromCode: false,
      overridden: [], nextRunAt: expect.any(Date), lastRunAt: null, lastError: null,
      lastErrorAt: null, consecutiveFailures: 0, autoDisabledAt: null, removedAt: null,
    }); // prettier-ignore
    expect(await client.getSchedule('report')).toEqual(made);
    await client.schedule('numbered', '@daily', { name: 'n', input: { n: 1 }, enabled: false });
    const names = async (filters: object): Promise<string[]> =>
      (await client.listSchedules(filters)).map(({ name }) => name);
    expect(await names({})).toEqual(['n', 'report']);
    expect(await names({ enabled: false })).toEqual(['n']);
    expect(await names({ workflow: PlainWorkflow })).toEqual(['report']);
    expect(await names({ queue: 'default' })).toEqual(['n']);
    expect(await names({ limit: 1, offset: 1 })).toEqual(['report']);

    const next = await client.nextRuns('report', 10);
    expect(next).toHaveLength(10);
    expect(next[0]).toEqual(made.nextRunAt);
    expect(next.every((time) => time.getUTCDay() >= 1 && time.getUTCDay() <= 5)).toBe(true);
    expect(await client.nextRuns('n', 1)).toHaveLength(1);

    await client.updateSchedule('report', { queue: null });
    const run = await client.triggerSchedule<Result>('report', { input: { own: true } });
    expect(await run.result()).toEqual({ due: null });
    expect((await run.execution())?.input).toEqual({ own: true });
    expect((await client.getSchedule('report'))?.lastRunAt).toBeInstanceOf(Date);
    expect((await (await client.triggerSchedule('n')).execution())?.input).toEqual({ n: 1 });

    await client.deleteSchedule('report');
    expect(await client.getSchedule('report')).toBeNull();
    expect(await names({})).toEqual(['n']);
  });

  it('a change holds at once', async () => {
    const client = await boot([PlainWorkflow]);
    await client.schedule(PlainWorkflow, '@yearly');
    const begun = Date.now();
    await client.updateSchedule('report', { cron: '* * * * * *' });
    await until(async () => (await results()).length >= 1);
    expect(Date.parse((await results())[0] ?? '')).toBeGreaterThanOrEqual(begun);
    const off = await client.disableSchedule('report');
    expect(off).toMatchObject({ enabled: false, nextRunAt: null });
    expect(await client.disableSchedule('report')).toMatchObject({ enabled: false });
  });

  it('refuses what is wrong, by the error that is meant', async () => {
    const client = await boot([PlainWorkflow, NumberedWorkflow]);
    const any = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    await client.schedule(PlainWorkflow, '@daily');
    const cases: [call: Promise<unknown> | undefined, error: new (...args: never[]) => Error, message: string][] = [
      [any['schedule']?.(PlainWorkflow, '@daily'), ScheduleExistsError, '"report"'],
      [any['schedule']?.(PlainWorkflow, '* * * *', { name: 'x' }), InvalidCronError, 'got 4'],
      [any['schedule']?.(PlainWorkflow, undefined, { name: 'x' }), InvalidCronError, 'got undefined'],
      [any['schedule']?.(PlainWorkflow, '@daily', { name: 'x', timezone: 'Berlin' }), InvalidCronError, 'Berlin'],
      [any['schedule']?.(PlainWorkflow, '@daily', { name: 'x', timezone: 5 }), InvalidCronError, 'the number 5'],
      [any['schedule']?.('nothing', '@daily'), WorkflowNotFoundError, 'nothing'],
      [any['schedule']?.(PlainWorkflow, '@daily', { nmae: 'x' }), InvalidInputError, 'Did you mean "name"?'],
      [any['schedule']?.(PlainWorkflow, '@daily', { name: 'a\nb' }), InvalidInputError, 'name: expected'],
      [any['schedule']?.(PlainWorkflow, '@daily', { name: 'x', input: 5 }), InvalidInputError, 'expected an object'],
      [any['schedule']?.(PlainWorkflow, '@daily', { name: 'x', overlap: 'skipp' }), InvalidInputError, '"skip"'],
      [any['schedule']?.(PlainWorkflow, '@daily', null), InvalidInputError, 'got null'],
      [any['schedule']?.(NumberedWorkflow, '@daily', { input: { n: 'x' } }), InvalidInputError, 'n must be an integer'],
      [any['getSchedule']?.(5), InvalidInputError, 'the number 5'],
      [any['getSchedule']?.('a\0b'), InvalidInputError, 'expected a name'],
      [any['updateSchedule']?.('reprot', {}), ScheduleNotFoundError, 'Did you mean "report"?'],
      [any['updateSchedule']?.('report', { cron: 'x' }), InvalidCronError, '"x"'],
      [any['updateSchedule']?.('report', { cron: null }), InvalidCronError, 'got null'],
      [any['updateSchedule']?.('report', { timezone: 'x' }), InvalidCronError, '"x"'],
      [any['updateSchedule']?.('report', { enabled: false }), InvalidInputError, 'disableSchedule()'],
      [any['updateSchedule']?.('report', { reset: 1 }), InvalidInputError, 'true or false'],
      [any['updateSchedule']?.('report', { input: [] }), InvalidInputError, 'expected an object'],
      [any['updateSchedule']?.('report', undefined), InvalidInputError, 'got undefined'],
      [any['enableSchedule']?.('x'), ScheduleNotFoundError, '"x"'],
      [any['disableSchedule']?.('x'), ScheduleNotFoundError, '"x"'],
      [any['deleteSchedule']?.('x'), ScheduleNotFoundError, '"x"'],
      [any['triggerSchedule']?.('x'), ScheduleNotFoundError, '"x"'],
      [any['triggerSchedule']?.('report', { input: 'x' }), InvalidInputError, 'expected an object'],
      [any['triggerSchedule']?.('report', { inputs: {} }), InvalidInputError, 'Did you mean "input"?'],
      [any['nextRuns']?.('x', 1), ScheduleNotFoundError, '"x"'],
      [any['nextRuns']?.('report', 0), InvalidInputError, 'from 1 to 1000'],
      [any['nextRuns']?.('report', 1_001), InvalidInputError, 'from 1 to 1000'],
      [any['listSchedules']?.({ enabled: 'yes' }), InvalidInputError, 'true or false'],
      [any['listSchedules']?.({ limit: 0 }), InvalidInputError, 'from 1 to 1000'],
    ];
    for (const [call, error, message] of cases) {
      const thrown: unknown = await call?.then(
        () => null,
        (reason: unknown) => reason,
      );
      expect([message, thrown]).toEqual([message, expect.any(error)]);
      expect((thrown as Error).message).toContain(message);
    }
    expect(await client.getSchedule('report')).toMatchObject({ cron: '@daily', timezone: 'UTC' });
    expect(await client.listSchedules()).toHaveLength(1);
  });
});
