import type { INestApplicationContext, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  DurableClient,
  DurableModule,
  DurableWorkflow,
  Schedule,
  scheduledTime,
  Step,
  Workflow,
  type ScheduleOptions,
  type StoredSchedule,
} from 'nest-durable';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(shutDown);

async function shutDown(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}

/** The workflow as one deployment has it. */
function report(...schedules: ScheduleOptions[]): Type {
  @Workflow({ name: 'report' })
  class ReportWorkflow extends DurableWorkflow<object, { due: Date | null }> {
    @Step()
    look() {
      return { due: scheduledTime() };
    }
  }
  for (const options of schedules) Schedule(options)(ReportWorkflow);
  return ReportWorkflow;
}

@Workflow({ name: 'other' })
class OtherWorkflow {
  @Step()
  look() {}
}

async function boot(...providers: Type[]): Promise<DurableClient> {
  const imports = [DurableModule.forRoot({ database: { url: database.url } })];
  const module = await Test.createTestingModule({ imports, providers }).compile();
  apps.push(await module.init());
  return module.get(DurableClient);
}

async function deploy(...providers: Type[]): Promise<DurableClient> {
  await shutDown();
  return await boot(...providers);
}

async function schedule(client: DurableClient, name = 'report'): Promise<StoredSchedule> {
  const found = await client.getSchedule(name);
  if (found === null) throw new Error(`no schedule ${name}`);
  return found;
}

/** How far the due times of the runs are apart, in ms. */
async function gaps(client: DurableClient): Promise<Set<number>> {
  await client.disableSchedule('report');
  await until(async () => (await client.countExecutions({ status: ['pending', 'running'] })) === 0);
  const runs = await client.listExecutions();
  const full = await Promise.all(runs.map(({ id }) => client.getExecution(id)));
  const due = full.map((run) => (run?.data as { due: Date } | undefined)?.due.getTime() ?? NaN).sort((a, b) => a - b);
  return new Set(due.slice(1).map((at, n) => at - (due[n] ?? NaN)));
}

const NEW_YEAR = '0 0 1 1 *';
const JULY = '0 0 1 7 *';

describe('at boot', () => {
  it('cron, timezone, input and queue follow the code; the next time is computed anew when cron changed', async () => {
    const first = await schedule(await boot(report({ cron: NEW_YEAR, input: { v: 1 } })));
    expect(first).toMatchObject({ cron: NEW_YEAR, timezone: 'UTC', input: { v: 1 }, queue: 'default' });
    expect(first.nextRunAt?.getUTCMonth()).toBe(0);
    const changed = { cron: JULY, timezone: 'Asia/Tokyo', input: { v: 2 }, queue: 'reports' };
    const second = await schedule(await deploy(report(changed)));
    expect(second).toMatchObject(changed);
    expect(second.nextRunAt?.toISOString()).toMatch(/-06-30T15:00:00\.000Z$/);
  });

  it('and when the timezone changed', async () => {
    const first = await schedule(await boot(report({ cron: JULY })));
    const second = await schedule(await deploy(report({ cron: JULY, timezone: 'Asia/Tokyo' })));
    expect(first.nextRunAt?.toISOString()).toMatch(/-07-01T00:00:00\.000Z$/);
    expect(second.nextRunAt?.toISOString()).toMatch(/-06-30T15:00:00\.000Z$/);
  });

  it('enabled stays as it is in the database', async () => {
    let client = await boot(report({ cron: NEW_YEAR }, { name: 'off', cron: NEW_YEAR, enabled: false }));
    await client.disableSchedule('report');
    client = await deploy(report({ cron: JULY, enabled: true }, { name: 'off', cron: JULY, enabled: true }));
    expect(await schedule(client)).toMatchObject({ cron: JULY, enabled: false, nextRunAt: null });
    expect(await schedule(client, 'off')).toMatchObject({ cron: JULY, enabled: false });
    await client.enableSchedule('report');
    client = await deploy(report({ cron: NEW_YEAR, enabled: false }));
    expect(await schedule(client)).toMatchObject({ enabled: true, cron: NEW_YEAR });
  });

  it('run times stay as they are', async () => {
    let client = await boot(report({ cron: '* * * * * *' }));
    await until(async () => (await schedule(client)).lastRunAt !== null);
    await client.disableSchedule('report');
    const { lastRunAt } = await schedule(client);
    client = await deploy(report({ cron: NEW_YEAR }));
    expect((await schedule(client)).lastRunAt).toEqual(lastRunAt);
  });

  it('the next time stays where neither cron nor timezone changed: a time that passed meanwhile is not lost', async () => {
    const every = { cron: '* * * * * *', catchUp: 'all' } as const;
    let client = await boot(report(every));
    await until(async () => (await client.countExecutions()) > 0);
    await shutDown();
    const closed = Date.now();
    await until(async () => Date.now() > closed + 2000);
    client = await deploy(report({ ...every, input: { v: 2 } }));
    await until(async () => (await client.countExecutions()) > 3);
    expect((await schedule(client)).input).toEqual({ v: 2 });
    expect(await gaps(client)).toEqual(new Set([1000]));
  });

  it('what updateSchedule set stays until it is reset', async () => {
    let client = await boot(report({ cron: NEW_YEAR, input: { v: 1 }, queue: 'a' }));
    await client.updateSchedule('report', { cron: JULY, input: { v: 'mine' } });
    client = await deploy(report({ cron: '0 0 1 3 *', timezone: 'Asia/Tokyo', input: { v: 2 }, queue: 'b' }));
    expect(await schedule(client)).toMatchObject({
      cron: JULY,
      input: { v: 'mine' },
      timezone: 'Asia/Tokyo',
      queue: 'b',
    });
    expect((await schedule(client)).nextRunAt?.toISOString()).toMatch(/-06-30T15:00:00\.000Z$/);
    await client.updateSchedule('report', { reset: true });
    expect(await schedule(client)).toMatchObject({ cron: '0 0 1 3 *', input: { v: 2 } });
    expect((await schedule(client)).nextRunAt?.toISOString()).toMatch(/-02-2[89]T15:00:00\.000Z$/);
    client = await deploy(report({ cron: NEW_YEAR, input: { v: 3 } }));
    expect(await schedule(client)).toMatchObject({
      cron: NEW_YEAR,
      input: { v: 3 },
      timezone: 'UTC',
      queue: 'default',
    });
  });
});

describe('a schedule whose decorator is gone', () => {
  it('stops (removedAt), and returns with it', async () => {
    let client = await boot(report({ cron: NEW_YEAR }, { name: 'second', cron: NEW_YEAR }));
    expect(await schedule(client)).toMatchObject({ removedAt: null });
    client = await deploy(report({ name: 'second', cron: NEW_YEAR }));
    const gone = await schedule(client);
    expect(gone.removedAt).toBeInstanceOf(Date);
    expect(gone.nextRunAt).toBeNull();
    expect((await schedule(client, 'second')).removedAt).toBeNull();
    client = await deploy(report({ cron: JULY }));
    expect(await schedule(client)).toMatchObject({ removedAt: null, enabled: true, cron: JULY });
    expect((await schedule(client)).nextRunAt?.getUTCMonth()).toBe(6);
    expect((await schedule(client, 'second')).removedAt).toBeInstanceOf(Date);
  });

  it('starts no run', async () => {
    let client = await boot(report({ cron: '* * * * * *' }, { name: 'still', cron: '* * * * * *' }));
    await until(async () => (await schedule(client)).lastRunAt !== null);
    client = await deploy(report({ name: 'still', cron: '* * * * * *' }));
    const { lastRunAt } = await schedule(client);
    const stillBefore = (await schedule(client, 'still')).lastRunAt;
    const later = new Date((stillBefore ?? new Date()).getTime() + 1000);
    await until(async () => ((await schedule(client, 'still')).lastRunAt ?? new Date(0)) > later);
    expect((await schedule(client)).lastRunAt).toEqual(lastRunAt);
  });

  it('stays where the workflow is not known', async () => {
    await boot(report({ cron: NEW_YEAR }));
    const client = await deploy(OtherWorkflow);
    expect(await schedule(client)).toMatchObject({ removedAt: null });
  });

  it('one made by schedule() has no decorator, and stays', async () => {
    let client = await boot(report());
    await client.schedule('report', NEW_YEAR, { name: 'by_hand' });
    client = await deploy(report());
    expect(await schedule(client, 'by_hand')).toMatchObject({ removedAt: null, enabled: true });
  });
});

describe('many nodes', () => {
  it('each due time starts exactly one run', async () => {
    const clients = await Promise.all([1, 2, 3].map(() => boot(report({ cron: '* * * * * *', catchUp: 'all' }))));
    const [client] = clients;
    if (client === undefined) throw new Error('no node');
    await until(async () => (await client.countExecutions({ status: 'completed' })) >= 4);
    expect(await gaps(client)).toEqual(new Set([1000]));
  });
});
