import { days, type PendingInput } from 'nest-durable';
import { AppModule } from '../../sample/06-expense-approval/src/app.module.js';
import { OfficeService } from '../../sample/06-expense-approval/src/expense.workflow.js';
import type { SampleRun } from '../support/sample.js';
import { type SampleTest, startSampleTest } from '../support/sample-test.js';

let sample: SampleTest;
const mails: string[] = [];

beforeAll(async () => {
  sample = await startSampleTest(AppModule);
  sample.test.get(OfficeService).notify = (who, text) => {
    mails.push(`${who}: ${text}`);
    return text;
  };
});

afterAll(() => sample.test.close());

async function begin(amount: number): Promise<string> {
  const { id } = await sample.post<{ id: string }>('/expenses', { employee: 'ann', amount, purpose: 'a chair' });
  await sample.test.idle();
  return id;
}

async function read(id: string): Promise<SampleRun> {
  await sample.test.idle();
  return sample.get(`/expenses/${id}`);
}

describe('sample 06-expense-approval', () => {
  it('pays small expenses at once', async () => {
    const id = await begin(40);
    expect(await read(id)).toMatchObject({
      status: 'completed',
      data: { decision: 'approved', decidedBy: 'rules', transfer: `transfer 40 EUR, reference ${id}` },
    });
    expect(mails).toEqual([]);
  });

  it('asks for the others, and takes one answer', async () => {
    const id = await begin(450);
    expect(mails).toEqual(['manager: ann asks for 450 EUR: a chair']);
    expect(await sample.get<PendingInput[]>('/expenses/questions')).toMatchObject([
      { executionId: id, name: 'approve', type: 'approval', metadata: { employee: 'ann', amount: 450 } },
    ]);
    expect(await sample.statusOf(`/expenses/questions/${id}/approve`, { answer: 'perhaps' })).toBe(400);
    expect(await sample.statusOf(`/expenses/questions/${id}/approve`, { answer: true })).toBe(200);
    expect(await sample.statusOf(`/expenses/questions/${id}/approve`, { answer: false })).toBe(409);
    expect(await read(id)).toMatchObject({
      status: 'completed',
      data: { decision: 'approved', decidedBy: 'manager', transfer: expect.stringContaining('450 EUR') },
    });
    expect(mails).toHaveLength(1);
  });

  it('asks why not, and pays nothing', async () => {
    const id = await begin(700);
    await sample.post(`/expenses/questions/${id}/approve`, { answer: { approved: false } });
    await sample.test.idle();
    await sample.post(`/expenses/questions/${id}/reason`, { answer: 'We have chairs.' });
    const { data } = await read(id);
    expect(data).toMatchObject({ decision: 'rejected', reason: 'We have chairs.' });
    expect(data).not.toHaveProperty('transfer');
  });

  it('does without an answer after three days', async () => {
    const id = await begin(700);
    await sample.test.advance(days(3));
    expect(await read(id)).toMatchObject({ status: 'completed', data: { decision: 'expired', decidedBy: 'nobody' } });
    expect(await sample.get('/expenses/questions')).toEqual([]);
  });
});
