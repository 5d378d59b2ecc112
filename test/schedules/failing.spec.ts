import { Validate, ValidatorConstraint, type ValidatorConstraintInterface } from 'class-validator';
import { DurableWorkflow, minutes, Schedule, Step, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

let valid = true;

@ValidatorConstraint({ name: 'asTheTestSays' })
class AsTheTestSays implements ValidatorConstraintInterface {
  validate(): boolean {
    return valid;
  }

  defaultMessage(): string {
    return 'the test says no';
  }
}

class ReportInput {
  @Validate(AsTheTestSays)
  of!: string;
}

@Workflow({ name: 'report', input: ReportInput })
@Schedule({ cron: '* * * * *', input: { of: 'sales' } })
class ReportWorkflow extends DurableWorkflow<ReportInput> {
  @Step()
  make() {}
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [ReportWorkflow] }, { databaseUrl: process.env['TEST_SERVER_URL'] });
  await test.advance(minutes(1) - (test.now().getTime() % minutes(1)));
});

afterAll(() => test.close());

describe('a schedule that fails to start', () => {
  it('goes on, with the error kept and counted; one that does not counts from zero', async () => {
    valid = false;
    await test.advance(minutes(9));
    expect(await test.client.getSchedule('report')).toMatchObject({
      enabled: true,
      consecutiveFailures: 9,
      lastError: { name: 'InvalidInputError', message: expect.stringContaining('the test says no') as string },
      lastErrorAt: test.now(),
      autoDisabledAt: null,
      nextRunAt: new Date(test.now().getTime() + minutes(1)),
    });
    valid = true;
    await test.advance(minutes(1));
    expect(await test.client.getSchedule('report')).toMatchObject({ enabled: true, consecutiveFailures: 0 });
    expect((await test.client.getSchedule('report'))?.lastRunAt).toEqual(test.now());
  });

  it('10 times in a row is disabled, with the error kept; enabling resets the count', async () => {
    const runs = await test.client.countExecutions();
    valid = false;
    await test.advance(minutes(9));
    expect(await test.client.getSchedule('report')).toMatchObject({ enabled: true, consecutiveFailures: 9 });
    await test.advance(minutes(1));
    const disabledAt = test.now();
    expect(await test.client.getSchedule('report')).toMatchObject({
      enabled: false,
      consecutiveFailures: 10,
      autoDisabledAt: disabledAt,
      lastErrorAt: disabledAt,
      lastError: { name: 'InvalidInputError' },
      nextRunAt: null,
    });
    valid = true;
    await test.advance(minutes(5));
    expect(await test.client.countExecutions()).toBe(runs);
    await test.client.enableSchedule('report');
    expect(await test.client.getSchedule('report')).toMatchObject({
      enabled: true,
      consecutiveFailures: 0,
      autoDisabledAt: null,
      nextRunAt: new Date(test.now().getTime() + minutes(1)),
    });
    await test.advance(minutes(2));
    expect(await test.client.countExecutions()).toBe(runs + 2);
  });
});
