import { DurableClient, Step, waitForApproval, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

const HOUR = 3_600_000;

@Workflow({ name: 'asks' })
class AsksWorkflow {
  @Step()
  async all() {
    await Promise.all([
      waitForApproval('never'),
      waitForApproval('throws', { timeout: HOUR }),
      waitForApproval('fails', { timeout: HOUR, onTimeout: 'fail' }),
      waitForApproval('value', { timeout: HOUR, timeoutValue: { approved: false } }),
    ]);
  }
}

let running: RunningApp;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const dashboard = DurableDashboardModule.forRoot({ authorize: () => true });
  running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard], {
    providers: [AsksWorkflow],
    workers: true,
  });
});
afterAll(() => running.close());

it('says of each question what happens when nobody answers in time; the client says of it what it always has', async () => {
  const client = running.app.get(DurableClient);
  const { id } = await client.start(AsksWorkflow, {});
  const asked = await until(async () => {
    const { items } = (await running.ask(`/api/inputs?executionId=${id}`)).json;
    return items.length === 4 && items;
  });
  expect(Object.fromEntries(asked.map((one: Record<string, string>) => [one['name'], one['onTimeout']]))).toEqual({
    never: 'throws',
    throws: 'throws',
    fails: 'fails',
    value: 'value',
  });
  const [known] = await client.listPendingInputs({ executionId: id });
  expect(Object.keys(known ?? {})).not.toEqual(expect.arrayContaining(['onTimeout']));
  await client.cancel(id);
});

it('gives the one question that is asked for, whatever has become of it', async () => {
  const client = running.app.get(DurableClient);
  const { id } = await client.start(AsksWorkflow, {});
  const asked = await until(async () => {
    const found = await client.listPendingInputs({ executionId: id });
    return found.length === 4 && found;
  });
  const [one = { id: '' }, other = { id: '' }] = asked;
  await client.provideInput(id, { inputId: one.id }, { approved: true });
  const any = 'status=pending,completed,timed_out,cancelled';
  const of = async (query: string) =>
    (await running.ask(`/api/inputs?${query}`)).json.items.map((found: { id: string }) => found.id);
  expect(await of(`inputId=${one.id}&${any}`)).toEqual([one.id]);
  expect(await of(`inputId=${other.id}&${any}`)).toEqual([other.id]);
  expect(await of(`inputId=${one.id}`)).toEqual([]);
  expect((await running.ask(`/api/inputs/count?inputId=${other.id}`)).json).toEqual({ n: 1, more: false });
  expect((await running.ask('/api/inputs?inputId=x')).status).toBe(400);
  await client.cancel(id);
});
