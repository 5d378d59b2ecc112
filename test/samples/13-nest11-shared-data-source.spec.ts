import pg from 'pg';
import { startSample, type SampleApp } from '../support/sample.js';

let app: SampleApp;

beforeAll(async () => {
  app = await startSample(() => import('../../sample/13-nest11-shared-data-source/src/app.module.js'));
});

afterAll(() => app.close());

/** On NestJS 12 here; under 11, as CommonJS: test/packaging/nest11.spec.ts. */
describe('sample 13-nest11-shared-data-source', () => {
  it('moves money in the transaction that records the step', async () => {
    const run = await app.run('/transfers', { source: 'ann', target: 'bob', amount: 100 });
    expect(run.status).toBe('completed');
    expect(await app.get('/transfers/accounts')).toEqual([
      { id: 'ann', balance: 900 },
      { id: 'bob', balance: 100 },
    ]);
  });

  it('gives back, in the transaction that records the undoing, what was refused afterwards', async () => {
    const run = await app.run('/transfers', { source: 'ann', target: 'bob', amount: 666 });
    expect(run.status).toBe('compensated');
    expect(run.compensationResults).toEqual([{ step: 'move', compensation: 'giveBack', status: 'completed' }]);
    expect(await app.get('/transfers/accounts')).toEqual([
      { id: 'ann', balance: 900 },
      { id: 'bob', balance: 100 },
    ]);
  });

  it('moves nothing where there is not enough, and has nothing to undo', async () => {
    const run = await app.run('/transfers', { source: 'bob', target: 'ann', amount: 1_000 });
    expect(run).toMatchObject({ status: 'failed', error: { message: 'account bob does not have 1000' } });
    expect(await app.get('/transfers/accounts')).toEqual([
      { id: 'ann', balance: 900 },
      { id: 'bob', balance: 100 },
    ]);
  });

  it('has a run for each transfer, and none for one that could not be written', async () => {
    await expect(app.post('/transfers', { source: 'ann', target: 'bob' })).rejects.toThrow('answers 500');
    const database = new pg.Client({ connectionString: process.env['DATABASE_URL'] });
    await database.connect();
    const { rows } = await database
      .query(
        'SELECT (SELECT count(*) FROM transfer) AS transfers, (SELECT count(*) FROM durable.workflow_executions) AS runs',
      )
      .finally(() => database.end());
    expect(rows).toEqual([{ transfers: '3', runs: '3' }]);
  });
});
