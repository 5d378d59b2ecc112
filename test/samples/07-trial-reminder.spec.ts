import { days, minutes } from 'nest-durable';
import { AppModule } from '../../sample/07-trial-reminder/src/app.module.js';
import { MailService, TrialWorkflow } from '../../sample/07-trial-reminder/src/trial.workflow.js';
import type { SampleRun } from '../support/sample.js';
import { type SampleTest, startSampleTest } from '../support/sample-test.js';

let sample: SampleTest;
const mails: string[] = [];

beforeAll(async () => {
  sample = await startSampleTest(AppModule);
  sample.test.get(MailService).send = (user, text) => {
    mails.push(`${user}: ${text}`);
    return text;
  };
});

afterAll(() => sample.test.close());

async function begin(user: string): Promise<string> {
  const { id } = await sample.post<{ id: string }>('/trials', { user });
  await sample.test.idle();
  return id;
}

function mailsTo(user: string): string[] {
  return mails.filter((mail) => mail.startsWith(`${user}: `)).map((mail) => mail.slice(user.length + 2));
}

describe('sample 07-trial-reminder', () => {
  it('reminds two days before the end, once, over crashes', async () => {
    const id = await begin('ann');
    expect(await begin('ann')).toBe(id);
    await sample.test.advance(days(12) - minutes(1));
    expect(mailsTo('ann')).toEqual(['Welcome!']);
    await sample.test.crash();
    await sample.test.advance(minutes(1));
    await sample.test.restart();
    await sample.test.idle();
    expect(mailsTo('ann')).toEqual(['Welcome!', 'Your trial ends soon.']);
    await sample.test.advance(days(2) + minutes(1));
    expect(mailsTo('ann')).toEqual(['Welcome!', 'Your trial ends soon.', 'Your trial has ended.']);
    expect(await sample.get<SampleRun>(`/trials/${id}`)).toMatchObject({
      status: 'completed',
      data: { outcome: 'expired' },
    });
    expect(await sample.post(`/trials/${id}/subscribe`, { plan: 'team' })).toEqual({ inTime: false });
  });

  it('ends with the subscription, before or after the reminder', async () => {
    const [early, late] = [await begin('bob'), await begin('cy')];
    await sample.test.advance(days(3));
    expect(await sample.post(`/trials/${early}/subscribe`, { plan: 'team' })).toEqual({ inTime: true });
    await sample.test.advance(days(10));
    await sample.post(`/trials/${late}/leave`);
    await sample.test.idle();
    expect(await sample.get<SampleRun>(`/trials/${early}`)).toMatchObject({
      status: 'completed',
      data: { outcome: 'subscribed', plan: 'team' },
    });
    expect(await sample.get<SampleRun>(`/trials/${late}`)).toMatchObject({ data: { outcome: 'left' } });
    expect(mailsTo('bob')).toEqual(['Welcome!']);
    expect(mailsTo('cy')).toEqual(['Welcome!', 'Your trial ends soon.']);
    await sample.test.advance(days(30));
    expect([...mailsTo('bob'), ...mailsTo('cy')]).toHaveLength(3);
  });

  it('is safe to crash anywhere', async () => {
    const { crashes } = await sample.test.explore(
      TrialWorkflow,
      { user: 'dee', length: days(14) },
      { check: ({ status, data }) => expect([status, data]).toMatchObject(['completed', { outcome: 'expired' }]) },
    );
    expect(crashes).toBeGreaterThan(6);
  });
});
