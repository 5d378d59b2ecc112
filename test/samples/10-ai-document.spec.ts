import { days, type PendingInput } from 'nest-durable';
import { AppModule } from '../../sample/10-ai-document/src/app.module.js';
import { ModelService } from '../../sample/10-ai-document/src/model.service.js';
import type { SampleRun } from '../support/sample.js';
import { type SampleTest, startSampleTest } from '../support/sample-test.js';

let sample: SampleTest;

beforeAll(async () => {
  sample = await startSampleTest(AppModule);
});

afterAll(() => sample.test.close());

async function begin(name: string, pages: string[]): Promise<string> {
  const { id } = await sample.post<{ id: string }>('/documents', { name, pages });
  await sample.test.idle();
  // A backoff of the model's step, where it was overloaded.
  await sample.test.advance(1_000);
  return id;
}

async function read(id: string): Promise<SampleRun> {
  await sample.test.idle();
  return sample.get(`/documents/${id}`);
}

describe('sample 10-ai-document', () => {
  it('reads an invoice, with a person for the page of which the model is unsure', async () => {
    const model = sample.test.get(ModelService);
    const before = model.calls;
    const pages = ['Vendor: ACME\nTotal: 12.50', 'illegible, Total: 7', 'busy\nVendor: Mill\nTotal: 3'];
    const id = await begin('scan', pages);
    expect((await read(id)).status).toBe('waiting');
    const [review, ...others] = await sample.get<PendingInput[]>('/documents/reviews');
    expect(others).toEqual([]);
    expect(review).toMatchObject({
      executionId: id, step: 'review', name: 'page 2', type: 'form', prompt: 'What stands on page 2 of scan?',
      metadata: { page: pages[1], guess: { total: 7, confidence: 0.5 } },
    }); // prettier-ignore
    const path = `/documents/reviews/${id}/${review?.id}`;
    expect(await sample.statusOf(path, { vendor: 'Mill', total: 'seven' })).toBe(400);
    await sample.post(path, { vendor: 'Mill', total: 7 });
    expect(await read(id)).toMatchObject({
      status: 'completed',
      data: {
        type: 'invoice',
        total: 22.5,
        read: [
          { vendor: 'ACME', total: 12.5, readBy: 'model' },
          { vendor: 'Mill', total: 7, readBy: 'person' },
          { vendor: 'Mill', total: 3, readBy: 'model' },
        ],
      },
    });
    // One to classify, one for each page: a wait repeats none of them.
    expect(model.calls - before).toBe(4);
  });

  it('goes on without an answer after two days', async () => {
    const id = await begin('blurred', ['Total: 5']);
    await sample.test.advance(days(2));
    expect(await read(id)).toMatchObject({ status: 'completed', data: { total: 5, read: [{ readBy: 'nobody' }] } });
    expect(await sample.get('/documents/reviews')).toEqual([]);
  });

  it('summarises what is no invoice', async () => {
    const id = await begin('letter', ['Dear Ada,', 'all is well.']);
    expect(await read(id)).toMatchObject({
      status: 'completed',
      data: { type: 'letter', summary: 'Dear Ada, all is well.' },
    });
  });
});
