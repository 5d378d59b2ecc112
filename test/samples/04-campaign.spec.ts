import { startSample, type SampleApp } from '../support/sample.js';

let app: SampleApp;

beforeAll(async () => {
  app = await startSample(() => import('../../sample/04-campaign/src/app.module.js'));
});

afterAll(() => app.close());

describe('sample 04-campaign', () => {
  it('mails to all, and reports who could not be reached and why', async () => {
    const recipients = ['ada@example.com', 'nowhere', 'alan@example.com', 'ada@example.com', 'grace@example.com'];
    const run = await app.run('/campaigns', { subject: 'Hello', recipients });
    expect(run.status).toBe('completed');
    expect(run.data).toEqual({
      subject: 'Hello',
      sent: ['ada@example.com', 'alan@example.com', 'grace@example.com'],
      failed: [{ address: 'nowhere', why: '"nowhere" is no address' }],
    });
    const made = run.steps.map(({ path, attempt, status }) => `${path} ${attempt} ${status}`);
    expect(made.filter((one) => one.startsWith('recipients[')).toSorted()).toEqual([
      'recipients[0]/archive 1 completed',
      'recipients[0]/sendOne 1 completed',
      'recipients[1]/sendOne 1 failed',
      'recipients[2]/archive 1 completed',
      'recipients[2]/sendOne 1 failed',
      'recipients[2]/sendOne 2 completed',
      'recipients[3]/archive 1 completed',
      'recipients[3]/sendOne 1 completed',
    ]);
  });

  it('has nothing to do for a list without anybody', async () => {
    const run = await app.run('/campaigns', { subject: 'Hello', recipients: [] });
    expect(run.data).toEqual({ subject: 'Hello', sent: [], failed: [] });
  });
});
