import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableModule, Schedule, type ScheduleOptions, Step, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';

let url: string;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
});

function report(...schedules: ScheduleOptions[]): Type {
  @Workflow({ name: 'report' })
  class ReportWorkflow {
    @Step()
    make() {}
  }
  for (const options of schedules) Schedule(options)(ReportWorkflow);
  return ReportWorkflow;
}

async function bootError(...providers: Type[]): Promise<Error> {
  const imports = [DurableModule.forRoot({ database: { url }, workers: false })];
  const module = await Test.createTestingModule({ imports, providers }).compile();
  const error: unknown = await module.init().then(
    () => new Error('It booted'),
    (thrown: unknown) => thrown,
  );
  await module.close().catch(() => {});
  return error as Error;
}

describe('a schedule that cannot be stops the boot, and is named', () => {
  it.each<[string, ScheduleOptions[], RegExp]>([
    ['a bad expression', [{ cron: '61 * * * *' }], /61 \* \* \* \*/],
    ['one of 257 characters', [{ cron: `* * * * *${' '.repeat(248)}` }], /256/],
    ['a bad timezone', [{ cron: '@daily', timezone: 'Europe/Berlon' }], /Europe\/Berlon/],
    ['a bad overlap', [{ cron: '@daily', overlap: 'never' as 'skip' }], /overlap/],
    ['a bad catchUp', [{ cron: '@daily', catchUp: 'some' as 'all' }], /catchUp/],
    ['an unknown option', [{ cron: '@daily', catchup: 'all' } as ScheduleOptions], /catchup/],
    ['two of one name', [{ cron: '@daily' }, { cron: '@hourly' }], /report/],
  ])('%s', async (_, schedules, message) => {
    const error = await bootError(report(...schedules));
    expect(error).toMatchObject({ name: 'DefinitionError' });
    expect(error.message).toMatch(message);
    expect(error.message).toContain('ReportWorkflow');
  });
});
