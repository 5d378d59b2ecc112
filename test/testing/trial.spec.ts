import { DurableWorkflow, Step, Workflow, currentAttempt, days, hours, minutes } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

/** A trial of 14 days: a start delayed to its end, a mail provider that is down for a day, a charge that takes too long. */
@Workflow({ name: 'trial' })
class TrialWorkflow extends DurableWorkflow<{ user: string }, { user: string; charged: boolean }> {
  readonly mails: number[] = [];

  @Step({ retry: { maxAttempts: 10, backoff: 'constant', initialDelay: hours(6), maxDelay: hours(6), jitter: false } })
  remind() {
    this.mails.push(currentAttempt());
    if (currentAttempt() < 5) throw new Error('the mail provider is down');
  }

  @Step({ timeout: minutes(10), retry: { maxAttempts: 2, initialDelay: hours(1), jitter: false } })
  async charge(data: { user: string }) {
    if (currentAttempt() === 1) await new Promise(() => {});
    return { ...data, charged: true };
  }
}

let test: DurableTest;
const databaseUrl = process.env['TEST_SERVER_URL'];

beforeAll(async () => {
  const begun = performance.now();
  test = await createDurableTest({ providers: [TrialWorkflow], databaseUrl: databaseUrl ?? '' });
  console.log('create', performance.now() - begun);
});

afterAll(() => test.close());

it('runs 14 days in less than 2 s', async () => {
  const begun = performance.now();
  const start = test.now().getTime();
  const run = await test.client.start(TrialWorkflow, { user: 'ann' }, { delay: days(14) });
  await test.advance(days(14) - 1);
  expect((await run.execution())?.status).toBe('pending');
  console.log('a', performance.now() - begun);
  await test.advance(1);
  expect(test.get(TrialWorkflow).mails).toEqual([1]);
  await test.advance(hours(23));
  expect(test.get(TrialWorkflow).mails).toEqual([1, 2, 3, 4]);
  console.log('b', performance.now() - begun);
  await test.advance(days(2));
  console.log('c', performance.now() - begun);
  expect(await run.result({ timeout: 0 })).toEqual({ user: 'ann', charged: true });
  const steps = await test.client.getSteps(run.id);
  const at = steps.map(({ step, attempt, status, completedAt }) => [
    step,
    attempt,
    status,
    ((completedAt?.getTime() ?? 0) - start - days(14)) / hours(1),
  ]);
  expect(at).toEqual([
    ['remind', 1, 'failed', 0],
    ['remind', 2, 'failed', 6],
    ['remind', 3, 'failed', 12],
    ['remind', 4, 'failed', 18],
    ['remind', 5, 'completed', 24],
    ['charge', 1, 'failed', 24 + 1 / 6],
    ['charge', 2, 'completed', 25 + 1 / 6],
  ]);
  console.log('end', performance.now() - begun);
});
