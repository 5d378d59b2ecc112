import {
  Compensate,
  DurableClient,
  DurableEvents,
  DurableWorkflow,
  hours,
  Schedule,
  sleep,
  startWorkflow,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
  callWorkflow,
} from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import pg from 'pg';
import { filter, firstValueFrom } from 'rxjs';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'leaf' })
class LeafWorkflow extends DurableWorkflow<{ n?: number }> {
  @Step()
  async rest() {
    return { n: await waitForEvent('go', { timeout: hours(9) }) };
  }
}

@Workflow({ name: 'trunk' })
class TrunkWorkflow {
  @Step()
  async grow(data: { leaves?: number }) {
    for (let n = 0; n < (data.leaves ?? 1); n++) await startWorkflow(LeafWorkflow, { n });
    await callWorkflow(LeafWorkflow, {});
    return data;
  }
}

@Workflow({ name: 'trip', maxRetries: 1 })
@Schedule({ name: 'daily trip', cron: '0 0 1 1 *', enabled: false, input: {} })
class TripWorkflow {
  @Step({ compensate: 'undo' })
  async book() {
    await sleep(1);
    return { booked: true };
  }

  @Compensate()
  undo() {}

  @Step()
  async ask(data: object) {
    const allowed = await waitForApproval('allow', { prompt: 'May we?', timeout: hours(1) });
    if (allowed === 'rejected') throw new TypeError('not allowed');
    return { ...data, allowed };
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 1, jitter: false } })
  async fly(): Promise<object> {
    throw Object.assign(new RangeError('no wings'), { secret: 'x' });
  }
}

let running: RunningApp;
let client: DurableClient;
let pool: pg.Pool;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url, max: 1 });
  const authorize = roles((request: { headers: Record<string, string> }) => request.headers['x-role'] ?? 'admin', {
    reader: ['run.read'],
    clerk: ['input.read'],
  });
  const actor = ({ headers }: { headers: Record<string, string> }) => headers['x-actor'];
  const dashboard = DurableDashboardModule.forRoot({ authorize, actor });
  running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard], {
    providers: [TripWorkflow, TrunkWorkflow, LeafWorkflow],
    workers: true,
  });
  client = running.app.get(DurableClient);
});
afterAll(async () => {
  await running.close();
  await pool.end();
});

type Item = Record<string, unknown> & { kind: string; at: string };
const get = async (path: string, role = 'admin') => running.ask(`/api/${path}`, { headers: { 'x-role': role } });
const post = async (path: string, body: object, who = 'ada') =>
  running.ask(`/api/${path}`, { method: 'POST', body, headers: { 'x-actor': who } });

async function historyOf(id: string, limit = 200): Promise<Item[]> {
  const found: Item[] = [];
  for (let cursor: string | null = null; ;) {
    const { status, json } = await get(
      `runs/${id}/history?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    expect(status).toBe(200);
    found.push(...json.items);
    if (json.next === null) return found;
    cursor = json.next;
  }
}

/** Runs until it asks, from its start on. */
async function asking(begin: () => Promise<string>): Promise<string> {
  const asked = firstValueFrom(
    running.app
      .get(DurableEvents)
      .inputs()
      .pipe(filter(({ kind }) => kind === 'input_requested')),
  );
  const id = await begin();
  await asked;
  return id;
}

const kindsOf = (items: readonly Item[]): string[] => items.map(({ kind }) => kind);

it('tells all of a run in the order in which it happened: two rounds, an answer, acts, retries, the rollback and the end', async () => {
  const id = await asking(async () => (await post('schedules/daily%20trip/trigger', {})).json.id);
  await client.sendEvent(id, 'nobody asked', 1, { dedupeKey: 'k' });
  await post(`runs/${id}/pause`, { reason: 'lunch' }, 'bob');
  expect(
    kindsOf(await historyOf(id))
      .slice(-2)
      .toSorted(),
  ).toEqual(['audit', 'paused']);
  expect((await historyOf(id)).find(({ kind }) => kind === 'paused')).toMatchObject({ actor: 'bob', reason: 'lunch' });
  await post(`runs/${id}/resume`, {}, 'bob');
  // The answer lets both rounds fail, so the second one is asked for too.
  const again = await asking(async () => {
    await post(`runs/${id}/inputs`, { name: 'allow', data: true }, 'grace');
    return id;
  });
  await post(`runs/${again}/inputs`, { name: 'allow', data: false }, 'grace');
  await client
    .handle(id)
    .result()
    .catch(() => {});
  const items = await historyOf(id);
  const told = items
    .filter(({ kind }) => kind !== 'audit')
    .map((item) => [item.kind, item['step'] ?? item['round'] ?? null]);
  expect(told.filter(([kind]) => kind !== 'event')).toEqual([
    ['started', null],
    ['waiting', 'book'],
    ['resumed', 'book'],
    ['waiting', 'ask'],
    ['answer', 'ask'],
    ['retry', 'fly'],
    ['retry', 'fly'],
    ['compensating', 1],
    ['round', 2],
    ['waiting', 'book'],
    ['resumed', 'book'],
    ['waiting', 'ask'],
    ['answer', 'ask'],
    ['retry', 'ask'],
    ['compensating', 2],
    ['compensated', null],
  ]);
  const of = (kind: string): Item => items.find((item) => item.kind === kind) ?? { kind: '', at: '' };
  expect(of('started')).toMatchObject({ by: 'schedule', schedule: 'daily trip', parentId: null, retryOf: null });
  expect(of('event')).toMatchObject({ eventName: 'nobody asked', dedupeKey: 'k', wait: null });
  expect(of('answer')).toMatchObject({ inputName: 'allow', actor: 'grace', inputId: expect.any(String) });
  expect(items.findLast(({ kind }) => kind === 'waiting')).toMatchObject({
    path: 'ask', round: 2, waits: [{ kind: 'input', names: ['allow'], until: expect.stringMatching(/Z$/), inputId: expect.any(String) }],
  }); // prettier-ignore
  expect(of('retry')).toMatchObject({
    attempt: 1,
    error: { name: 'RangeError', message: 'no wings' },
    retryAt: expect.stringMatching(/Z$/),
  });
  expect(of('retry')['error']).not.toHaveProperty('secret');
  expect(items.filter(({ kind }) => kind === 'audit').map((item) => [item['actor'], item['action'], item['outcome']])).toEqual([
    ['bob', 'run.pause', 'done'], ['bob', 'run.resume', 'done'], ['grace', 'input.answer', 'done'], ['grace', 'input.answer', 'done'],
  ]); // prettier-ignore
  const times = items.map(({ at }) => Date.parse(at));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  // By page it is the same, and back again.
  expect(await historyOf(id, 3)).toEqual(items);
  const second = (await get(`runs/${id}/history?limit=4&cursor=${(await get(`runs/${id}/history?limit=4`)).json.next}`))
    .json;
  expect(second.items).toEqual(items.slice(4, 8));
  const first = (await get(`runs/${id}/history?limit=4&cursor=${second.prev}`)).json;
  expect([first.items, first.prev]).toEqual([items.slice(0, 4), null]);
  // The engine's own numbers, of the same run.
  const { rows } = await pool.query('SELECT count(*)::int AS n FROM durable.waits WHERE run_id = $1', [id]);
  expect(rows[0].n).toBe(4);
});

it('tells how waits end that nobody answers', async () => {
  const { id } = await client.start(LeafWorkflow, {});
  await until(async () => (await historyOf(id)).some(({ kind }) => kind === 'waiting'));
  await post(`runs/${id}/waits/cancel`, { name: 'go', reason: 'never' });
  await client
    .handle(id)
    .result()
    .catch(() => {});
  const items = await historyOf(id);
  expect(items.find(({ kind }) => kind === 'resumed')).toMatchObject({
    wait: 'event',
    names: ['go'],
    how: 'cancelled',
    step: 'rest',
  });
  const cancelled = await client.start(LeafWorkflow, {});
  await until(async () => (await historyOf(cancelled.id)).some(({ kind }) => kind === 'waiting'));
  await cancelled.cancel('enough');
  // A wait that its run's end has closed has not let anything go on.
  expect(kindsOf(await historyOf(cancelled.id))).toEqual(['started', 'waiting', 'cancelled']);
});

it('gives the family of a run: where it comes from, what it is a retry of, its children by page and in numbers', async () => {
  const root = await client.start(TrunkWorkflow, { leaves: 5 });
  await until(async () => (await client.listChildren(root.id)).length === 6);
  const children = await client.listChildren(root.id);
  const first = (await get(`runs/${root.id}/family?limit=4`)).json;
  expect([first.parents, first.retryOf, first.retries, first.counts]).toEqual([[], null, [], { waiting: 6 }]);
  const second = (await get(`runs/${root.id}/family?limit=4&cursor=${first.children.next}`)).json;
  const ids = (page: { children: { items: { id: string }[] } }) => page.children.items.map(({ id }) => id);
  expect([...ids(first), ...ids(second)]).toEqual(children.map(({ id }) => id));
  expect([first.children.prev, second.children.next]).toEqual([null, null]);
  expect(ids((await get(`runs/${root.id}/family?limit=4&cursor=${second.children.prev}`)).json)).toEqual(ids(first));
  const [leaf] = children;
  const kin = (await get(`runs/${leaf?.id}/family`)).json;
  expect(kin.parents.map(({ id, standing }: { id: string; standing: object }) => [id, standing])).toEqual([
    [root.id, expect.objectContaining({ text: expect.any(String) })],
  ]);
  for (const { id } of children) await client.sendEvent(id, 'go', 1);
  await root.result();
  const [one, two] = [(await client.retry(leaf?.id ?? '')).id, (await client.retry(leaf?.id ?? '')).id];
  expect((await get(`runs/${leaf?.id}/family`)).json.retries.map(({ id }: { id: string }) => id)).toEqual([one, two]);
  expect((await get(`runs/${two}/family`)).json.retryOf.id).toBe(leaf?.id);
  await client.cancelMany({ workflow: LeafWorkflow });
});

it('refuses what is no history, no family, no export', async () => {
  const { id } = await client.start(LeafWorkflow, {});
  const nobody = '0199a1de-0000-7000-8000-00000000ffff';
  for (const path of ['history', 'family', 'export', 'export?as=test']) {
    expect((await get(`runs/${nobody}/${path}`)).json.error.code).toBe('EXECUTION_NOT_FOUND');
    expect((await get(`runs/${id}/${path}`, 'clerk')).status).toBe(403);
  }
  for (const path of [
    'history?limit=201',
    'history?cursor=abc',
    'family?limit=0',
    'family?cursor=x',
    'export?as=novel',
  ]) {
    expect((await get(`runs/${id}/${path}`)).json.error.code).toBe('INVALID_INPUT');
  }
  expect((await get(`runs/${id}/export?as=test`, 'reader')).status).toBe(403);
  await client.cancel(id);
});

it('a cancel of a run that has ended changes nothing, and says which status it found: in the answer and in the history', async () => {
  const { id } = await client.start(LeafWorkflow, {});
  expect((await post(`runs/${id}/cancel`, { reason: 'enough' }, 'ada')).json).toEqual({ changed: true });
  expect((await post(`runs/${id}/cancel`, { reason: 'late' }, 'bob')).json).toEqual({
    changed: false,
    status: 'cancelled',
  });
  const acts = (await historyOf(id)).filter(({ kind }) => kind === 'audit');
  expect(acts).toMatchObject([
    { actor: 'ada', details: { reason: 'enough' } },
    { actor: 'bob', details: { reason: 'late', changed: false, status: 'cancelled' } },
  ]);
  expect(acts[0]?.['details']).not.toHaveProperty('changed');
});
