import { Forks } from '../support/forks.js';
import { startSample, type SampleApp } from '../support/sample.js';
import { until } from '../support/until.js';

const workers = new Forks(new URL('../../sample/14-api-and-worker/src/worker.ts', import.meta.url));
let app: SampleApp;

beforeAll(async () => {
  app = await startSample(() => import('../../sample/14-api-and-worker/src/app.module.js'));
});

afterAll(async () => {
  await workers.endAll();
  await app.close();
});

describe('sample 14-api-and-worker', () => {
  it('says what is missing as long as no worker has ever been there', async () => {
    await expect(app.post('/invoices', { order: 'A-0', amount: 1 })).rejects.toThrow(
      /answers 404: .*There is no workflow \\"invoice\\"/,
    );
  });

  it('has the work done by the other process', async () => {
    const worker = await workers.start([], { DATABASE_URL: process.env['DATABASE_URL'] });
    const sent = { order: 'A-1', amount: 20, number: 'R-A-1', writtenBy: worker.pid, sent: true };
    expect(await app.post('/invoices/now', { order: 'A-1', amount: 20 })).toEqual(sent);
    expect(await app.get('/invoices/workers')).toMatchObject([
      { pid: worker.pid, workflows: ['invoice'], alive: true },
    ]);
  });

  it('takes orders while no worker is there, which the next one does', async () => {
    await workers.endAll();
    const { id } = await app.post('/invoices', { order: 'A-2', amount: 30 });
    expect(await app.get(`/invoices/${id}`)).toMatchObject({ status: 'pending', steps: [] });
    const worker = await workers.start([], { DATABASE_URL: process.env['DATABASE_URL'] });
    const done = await until(async () => {
      const run = (await app.get(`/invoices/${id}`)) as { status: string; data: object };
      return run.status === 'completed' && run.data;
    });
    expect(done).toMatchObject({ number: 'R-A-2', writtenBy: worker.pid, sent: true });
  });
});
