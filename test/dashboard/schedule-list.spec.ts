import { jest } from '@jest/globals';
import { DurableClient, Step, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type RunningApp, startApp } from './hosts.js';

/** The list of schedules with the last runs of each. */

@Workflow({ name: 'report' })
class ReportWorkflow {
  @Step()
  write() {}
}

@Workflow({ name: 'cleaning' })
class CleaningWorkflow {
  @Step()
  sweep() {}
}

let running: RunningApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const mounted = DurableDashboardModule.forRoot({ authorize: () => true });
  running = await startApp({ name: 'express', framework: 'express' }, url, [mounted], {
    providers: [ReportWorkflow, CleaningWorkflow],
  });
  client = running.app.get(DurableClient);
});
afterAll(() => running.close());

interface Listed {
  readonly name: string;
  readonly runs: { readonly id: string; readonly workflow: string; readonly standing: object }[];
}

const list = async (): Promise<Listed[]> => (await running.ask('/api/schedules')).json.items;

/** Statements that one list takes, of those that have to do with schedules or runs. */
async function statements(): Promise<number> {
  let count = 0;
  const { query } = pg.Client.prototype;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...asked: unknown[]) {
    if (/schedule|executions/.test(JSON.stringify(asked[0]))) count++;
    return (query as (...given: unknown[]) => never).apply(this, asked);
  });
  await list();
  jest.restoreAllMocks();
  return count;
}

async function make(name: string, workflow: string, runs: number): Promise<string[]> {
  await client.schedule(workflow, '0 0 1 1 *', { name });
  const ids: string[] = [];
  for (let n = 0; n < runs; n++) ids.unshift((await client.triggerSchedule(name)).id);
  return ids;
}

it('has the last five runs of each, the newest first, by as many statements for twenty as for two', async () => {
  const [seven, none] = [await make('seven', 'report', 7), await make('none', 'report', 0)];
  const few = await statements();
  for (let n = 0; n < 18; n++) await make(`s${n}`, n % 2 === 0 ? 'report' : 'cleaning', 2);
  expect(await statements()).toBe(few);
  const found = new Map((await list()).map(({ name, runs }) => [name, runs]));
  expect(found.get('seven')?.map(({ id }) => id)).toEqual(seven.slice(0, 5));
  expect(found.get('none')).toEqual(none);
  expect(found.get('s3')?.map(({ workflow }) => workflow)).toEqual(['cleaning', 'cleaning']);
  expect(found.get('s3')?.every(({ standing }) => standing !== null)).toBe(true);
});

it('has no runs of a schedule of another workflow that had its name before', async () => {
  await make('renewed', 'report', 2);
  await client.deleteSchedule('renewed');
  const [id] = await make('renewed', 'cleaning', 1);
  const found = (await list()).find(({ name }) => name === 'renewed');
  expect(found?.runs.map((run) => run.id)).toEqual([id]);
});
