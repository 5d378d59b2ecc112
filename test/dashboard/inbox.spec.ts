import { DurableClient, Step, waitForApproval, waitForEvent, Workflow } from 'nest-durable';
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

@Workflow({ name: 'listens' })
class ListensWorkflow {
  @Step()
  async listen() {
    await waitForEvent('paid');
  }
}

@Workflow({ name: 'listens_too' })
class ListensTooWorkflow {
  @Step()
  async listen() {
    await waitForEvent('paid');
  }
}

let running: RunningApp;
let allows: (action: string, target: object) => boolean = () => true;
afterEach(() => void (allows = () => true));

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const dashboard = DurableDashboardModule.forRoot({ authorize: (_, action, target) => allows(action, target) });
  running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard], {
    providers: [AsksWorkflow, ListensWorkflow, ListensTooWorkflow],
    workers: true,
    redact: ['*.iban'],
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

describe('the payload that was sent last for an event', () => {
  const last = async (workflow: string, name = 'paid') =>
    (await running.ask(`/api/events/last?workflow=${workflow}&name=${name}`)).json;
  const none = { sentAt: null, payload: null };

  async function send(workflow: string, payload: unknown): Promise<void> {
    const run = await running.app.get(DurableClient).start(workflow, {});
    await run.sendEvent('paid', payload);
    await run.result();
  }

  it('is that of runs of the same workflow, as JSON that can be sent again', async () => {
    expect(await last('listens')).toEqual(none);
    await send('listens', { amount: 1 });
    await send('listens', { amount: 2, at: new Date(0) });
    await send('listens_too', { amount: 3 });
    const at = { $durable: 'date', v: '1970-01-01T00:00:00.000Z' };
    const { sentAt, payload } = await last('listens');
    expect([payload, Number.isNaN(Date.parse(sentAt))]).toEqual([{ amount: 2, at }, false]);
    expect((await last('listens_too')).payload).toEqual({ amount: 3 });
    expect(await last('listens', 'refused')).toEqual(none);
  });

  it('is none that is not shown as it was sent', async () => {
    await send('listens', { amount: 4, account: { iban: 'NO93' } });
    expect(await last('listens')).toEqual(none);
  });

  it('is for those who may read payloads of that workflow, and is asked for by both', async () => {
    const asked: unknown[] = [];
    allows = (action, target) => {
      asked.push([action, target]);
      return false;
    };
    expect((await last('listens')).error.code).toBe('FORBIDDEN');
    expect(asked).toEqual([['payload.read', { workflow: 'listens' }]]);
    allows = () => true;
    expect((await running.ask('/api/events/last?name=paid')).json.error.code).toBe('INVALID_INPUT');
    expect((await running.ask('/api/events/last?workflow=listens')).json.error.code).toBe('INVALID_INPUT');
  });
});
