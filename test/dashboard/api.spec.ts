import { DurableClient, DurableEvents, Schedule, Step, waitForApproval, waitForEvent, Workflow } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { filter, firstValueFrom } from 'rxjs';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { ask, type Asked, type HostKind, type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'order' })
@Schedule({ name: 'yearly', cron: '0 0 1 1 *', enabled: false, input: { at: 'night' } })
class OrderWorkflow {
  @Step()
  async charge(data: { fail?: boolean; amount?: bigint }) {
    if (data.fail === true) throw Object.assign(new TypeError('no money'), { card: '4242' });
    return { ...data, when: new Date(0), big: 'x'.repeat(70_000) };
  }

  @Step()
  async done() {
    return { ok: true };
  }
}

@Workflow({ name: 'release' })
class ReleaseWorkflow {
  @Step()
  async ask() {
    return { answer: await waitForApproval('release', { prompt: 'Ship it?', metadata: { build: 7 } }) };
  }

  @Step()
  async event() {
    return { paid: await waitForEvent('paid') };
  }
}

const EXPRESS: HostKind = { name: 'express', framework: 'express' };
const FASTIFY: HostKind = { name: 'fastify', framework: 'fastify' };
let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
});
afterAll(() => pool.end());

describe.each([EXPRESS, FASTIFY])('the API on $name', (kind) => {
  let running: RunningApp;
  let client: DurableClient;

  beforeAll(async () => {
    const authorize = roles((request: { headers: Record<string, string> }) => request.headers['x-role'] ?? 'admin', {
      reader: ['run.read', 'input.read', 'audit.read'],
    });
    const actor = ({ headers }: { headers: Record<string, string> }) => headers['x-actor'];
    running = await startApp(kind, database.url, [DurableDashboardModule.forRoot({ authorize, actor })], {
      providers: [OrderWorkflow, ReleaseWorkflow],
      workers: true,
    });
    client = running.app.get(DurableClient);
  });
  afterAll(() => running.close());

  const get = async (path: string, headers: Record<string, string> = {}) => running.ask(`/api/${path}`, { headers });
  const post = async (path: string, body: unknown = {}, asked: Asked = {}) =>
    running.ask(`/api/${path}`, { method: 'POST', body, ...asked });
  const rows = async (target: string) => (await get(`audit?target=${encodeURIComponent(target)}`)).json.items;

  /** A run that ended so. */
  async function ended(input: object, workflow = 'order'): Promise<string> {
    const started = await post('runs', { workflow, input }, { headers: { 'x-actor': 'ada' } });
    expect(started.status).toBe(201);
    await client
      .handle(started.json.id)
      .result()
      .catch(() => {});
    return started.json.id;
  }

  async function waiting(): Promise<{ id: string; inputId: string }> {
    const asked = firstValueFrom(
      running.app
        .get(DurableEvents)
        .inputs()
        .pipe(filter(({ kind: what }) => what === 'input_requested')),
    );
    const { id } = await client.start(ReleaseWorkflow, {});
    await asked;
    const { json } = await get(`inputs?executionId=${id}`);
    return { id, inputId: json.items[0].id };
  }

  it('starts a run with the types of the codec, shows it, and keeps who did it', async () => {
    const id = await ended({ amount: { $durable: 'bigint', v: '12' } });
    const run = (await get(`runs/${id}`)).json;
    expect(run).toMatchObject({
      id,
      workflow: 'order',
      status: 'completed',
      childCount: 0,
      data: { ok: true },
      links: [],
    });
    expect(run.standing).toMatchObject({ kind: 'completed', text: run.standing.title, until: null });
    expect(run.input).toEqual({ amount: { $durable: 'bigint', v: '12' } });
    const [row] = await rows(id);
    expect(row).toMatchObject({
      actor: 'ada',
      action: 'run.start',
      targetKind: 'run',
      targetId: id,
      outcome: 'done',
      code: null,
      details: { workflow: 'order' },
      ip: expect.stringContaining('127.0.0.1'),
    });
  });

  it('cuts large payloads unless the whole is asked for, and gives it as a file', async () => {
    const id = await ended({});
    const { items } = (await get(`runs/${id}/steps`)).json;
    expect(items.map(({ step, seq, status }: Record<string, unknown>) => [step, seq, status])).toEqual([
      ['charge', 1, 'completed'],
      ['done', 2, 'completed'],
    ]);
    expect(items[0]).not.toHaveProperty('output');
    const cut = (await get(`runs/${id}/steps/1`)).json.output;
    expect(cut).toEqual({ $durable: 'cut', bytes: expect.any(Number), head: expect.stringMatching(/^\{"when"/) });
    const full = await get(`runs/${id}/steps/1?full=1&download=1`);
    expect(full.headers['content-disposition']).toMatch(/^attachment; filename="step-/);
    expect(full.json.output.when).toEqual({ $durable: 'date', v: '1970-01-01T00:00:00.000Z' });
    expect(full.json.output.big.length).toBe(70_000);
    expect((await get(`runs/${id}/steps/3`)).status).toBe(404);
  });

  it('hides payloads, but not what failed, from whoever may not read them', async () => {
    const id = await ended({ fail: true });
    const run = (await get(`runs/${id}`, { 'x-role': 'reader' })).json;
    expect(run.input).toEqual({ $durable: 'hidden' });
    expect(run.error).toEqual({ name: 'TypeError', message: 'no money' });
    expect((await get(`runs/${id}`)).json.error).toMatchObject({ card: '4242' });
    expect((await get(`runs/${id}/steps/1`, { 'x-role': 'reader' })).json.error.code).toBe('FORBIDDEN');
  });

  it('lists runs by pages, there and back, by a filter, and counts them', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++)
      ids.push(
        (await client.start(OrderWorkflow, { fail: true }, { tags: { batch: `b ${kind.name}`, n: String(n) } })).id,
      );
    for (const id of ids)
      await client
        .handle(id)
        .result()
        .catch(() => {});
    const q = encodeURIComponent(
      `tag.batch:"b ${kind.name}" status:failed,cancelled workflow:order error:TypeError took:<1h root:yes -queue:other since:1h`,
    );
    const first = (await get(`runs?q=${q}&limit=2`)).json;
    const second = (await get(`runs?q=${q}&limit=2&cursor=${first.next}`)).json;
    const third = (await get(`runs?q=${q}&limit=2&cursor=${second.next}`)).json;
    const all = [first, second, third].flatMap(({ items }) => items.map(({ id }: { id: string }) => id));
    expect(all).toEqual(ids.toReversed());
    expect([first.prev, third.next]).toEqual([null, null]);
    const back = (await get(`runs?q=${q}&limit=2&cursor=${third.prev}`)).json;
    expect(back.items).toEqual(second.items);
    expect((await get(`runs/count?q=${q}`)).json).toEqual({ n: 5, more: false });
    expect((await get(`runs/count?q=${encodeURIComponent(`tag.n:1,3 tag.batch:"b ${kind.name}"`)}`)).json.n).toBe(2);
    expect((await get(`runs?q=${encodeURIComponent('tag.n:1 -error:TypeError')}`)).json.items).toEqual([]);
    const [id = ''] = ids;
    expect((await get(`runs?q=${id.slice(0, 30)}`)).json.items.map((run: { id: string }) => run.id)).toContain(id);
  });

  it.each([
    'sttus:failed',
    'status:faild',
    'took:1h',
    'since:x',
    'since:0000-01-01',
    '"a',
    'root:maybe',
    'workflow:',
    'a'.repeat(2_001),
    'x y z',
    'root:yes '.repeat(21),
  ])('refuses filter %# of those that mean nothing', async (q) => {
    const got = await get(`runs?q=${encodeURIComponent(q)}`);
    expect([got.status, got.json.error.code]).toEqual([400, 'INVALID_INPUT']);
  });

  it('takes a time of any length ago', async () => {
    expect((await get(`runs/count?q=${encodeURIComponent('until:999999999d')}`)).json).toEqual({ n: 0, more: false });
    expect((await get(`runs?q=${encodeURIComponent('since:999999999d')}`)).status).toBe(200);
  });

  it('finds a run by the beginning of its id, and refuses what several have', async () => {
    const [a, b] = ['deadbeef-0000-4000-8000-000000000001', 'deadbeef-1000-4000-8000-000000000002'];
    for (const id of [a, b])
      if ((await client.getExecution(id)) === null) await client.start(OrderWorkflow, {}, { id });
    expect((await get('runs/deadbeef-0')).json.id).toBe(a);
    expect((await get('runs/deadbeef')).json.error.code).toBe('AMBIGUOUS_ID');
    expect((await get('runs/deadbee')).json.error.code).toBe('EXECUTION_NOT_FOUND');
    expect((await get('runs/xyzxyzxyz')).json.error.code).toBe('EXECUTION_NOT_FOUND');
    expect((await get('runs?cursor=abc')).json.error.code).toBe('INVALID_INPUT');
    expect((await get('runs?limit=201')).json.error.code).toBe('INVALID_INPUT');
  });

  it('answers inputs, sends events, and says what of it was not possible', async () => {
    const { id, inputId } = await waiting();
    const open = (await get(`inputs?executionId=${id}`, { 'x-role': 'reader' })).json.items[0];
    expect(open).toMatchObject({ id: inputId, metadata: { build: 7 }, response: null });
    const wrong = await post(`runs/${id}/inputs`, { inputId, data: { approved: 'yes' } });
    expect([wrong.status, wrong.json.error.code, wrong.json.error.violations.length]).toEqual([
      400,
      'INVALID_INPUT',
      1,
    ]);
    expect((await post(`runs/${id}/inputs`, { inputId, data: { approved: true, note: 'go' } })).json).toEqual({});
    const again = await post(`runs/${id}/inputs`, { name: 'release', data: { approved: true } });
    expect([again.status, again.json.error.code]).toEqual([409, 'INPUT_NOT_PENDING']);
    const sent = await post(`runs/${id}/events`, { name: 'paid', payload: { n: { $durable: 'nope', v: 1 } } });
    expect([sent.status, sent.json.error.code]).toEqual([422, 'SERIALIZATION']);
    expect((await post(`runs/${id}/events`, { name: 'paid', payload: 3 })).status).toBe(202);
    await client.handle(id).result();
    expect(
      (await rows(id)).map((row: { action: string; outcome: string; code: string }) => [
        row.action,
        row.outcome,
        row.code,
      ]),
    ).toEqual([
      ['event.send', 'done', null],
      ['event.send', 'failed', 'SERIALIZATION'],
      ['input.answer', 'failed', 'INPUT_NOT_PENDING'],
      ['input.answer', 'done', null],
      ['input.answer', 'failed', 'INVALID_INPUT'],
    ]);
  });

  it('lists inputs and events by every filter, in either order, page by page, and counts them', async () => {
    const runs = [await waiting(), await waiting(), await waiting()];
    const ids = runs.map(({ inputId }) => inputId);
    const idsOf = async (query: string): Promise<string[]> => {
      const found: string[] = [];
      for (let cursor: string | null = null; ;) {
        const { json } = await get(`inputs?${query}${cursor === null ? '' : `&cursor=${cursor}`}`);
        found.push(...json.items.map(({ id }: { id: string }) => id));
        if (json.next === null) return found;
        cursor = json.next;
      }
    };
    for (const order of ['asked', 'timeout']) {
      const all = await idsOf(`workflow=release&type=approval&name=release&order=${order}&limit=1`);
      expect(all.filter((id) => ids.includes(id))).toEqual(ids);
    }
    expect(await idsOf('type=form')).toEqual([]);
    expect(await idsOf(`executionId=${runs[1]?.id}`)).toEqual([ids[1]]);
    expect(await idsOf('timeoutBefore=2999-01-01T00:00:00Z')).toEqual([]);
    expect((await get(`inputs/count?executionId=${runs[0]?.id}&type=approval`)).json).toEqual({ n: 1, more: false });
    const first = (await get('inputs?limit=1&workflow=release')).json;
    const second = (await get(`inputs?limit=1&workflow=release&cursor=${first.next}`)).json;
    expect((await get(`inputs?limit=1&workflow=release&cursor=${second.prev}`)).json.items).toEqual(first.items);
    // A cursor belongs to its order.
    expect((await get(`inputs?limit=1&workflow=release&order=timeout&cursor=${first.next}`)).status).toBe(400);
    for (const bad of [
      'type=none',
      'status=open',
      'order=up',
      'executionId=1',
      'timeoutBefore=soon',
      'limit=201',
      'q=x',
    ]) {
      expect([bad, (await get(`inputs?${bad}`)).status]).toEqual([bad, 400]);
    }
    await post(`runs/${runs[0]?.id}/inputs`, { inputId: ids[0], data: true });
    await until(async () => (await get(`events?executionId=${runs[0]?.id}`)).json.items.length === 1);
    const [event] = (await get('events?workflow=release&type=event&name=paid&order=timeout')).json.items;
    expect(event).toMatchObject({ eventName: 'paid', step: 'event', status: 'pending', executionId: runs[0]?.id });
    expect(event).not.toHaveProperty('mark');
    expect((await get('events?type=any')).json.items).toEqual([]);
    expect((await get('inputs?status=completed&limit=1')).json.items[0]).toMatchObject({ id: ids[0], response: true });
    await client.cancelMany({ workflow: 'release' });
  });

  it('pauses, resumes, cancels, retries and restarts, and refuses what does not fit', async () => {
    const { id } = await waiting();
    expect((await post(`runs/${id}/pause`, { reason: 'look' })).json).toEqual({ changed: true });
    expect((await post(`runs/${id}/pause`)).json).toEqual({ changed: false });
    expect((await post(`runs/${id}/resume`)).json).toEqual({ changed: true });
    expect((await post(`runs/${id}/retry`)).json.error.code).toBe('EXECUTION_NOT_FINISHED');
    expect((await post(`runs/${id}/waits/cancel`, { name: 'other' })).json).toEqual({ cancelled: 0 });
    expect((await post(`runs/${id}/cancel`, { reason: 'no' })).json).toEqual({ changed: true });
    expect((await post(`runs/${id}/pause`)).json.error.code).toBe('EXECUTION_FINISHED');
    const failed = await ended({ fail: true });
    const retried = await post(`runs/${failed}/retry`);
    expect(retried.status).toBe(201);
    expect((await client.getExecution(retried.json.id))?.retryOf).toBe(failed);
    const restarted = await post(`runs/${await ended({})}/restart`, { step: 'done' });
    expect(restarted.status).toBe(201);
    expect((await post(`runs/${failed}/restart`, { step: 'none' })).json.error.code).toBe('INVALID_INPUT');
    const missing = await post('runs/019a8f00-0000-7000-8000-00000000ffff/cancel');
    expect([missing.status, missing.json.error.code]).toEqual([404, 'EXECUTION_NOT_FOUND']);
  });

  it('lists, changes, switches, triggers and deletes schedules', async () => {
    const name = `made by ${kind.name}/1`;
    const path = `schedules/${encodeURIComponent(name)}`;
    expect((await post('schedules', { name, workflow: 'order', cron: '*/5 * * * *', enabled: false })).status).toBe(
      201,
    );
    expect((await post('schedules', { name, workflow: 'order', cron: '*/5 * * * *' })).json.error.code).toBe(
      'SCHEDULE_EXISTS',
    );
    const bad = await post('schedules', { name: 'x', workflow: 'order', cron: '61 * * * *' });
    expect([bad.status, bad.json.error.code]).toEqual([422, 'INVALID_CRON']);
    const changed = await running.ask(`/api/${path}`, {
      method: 'PATCH',
      body: { cron: '0 7 * * *', timezone: 'Europe/Oslo' },
    });
    expect(changed.json).toMatchObject({ name, cron: '0 7 * * *', timezone: 'Europe/Oslo' });
    expect((await post(`${path}/switch`, { enabled: true })).json).toEqual({ enabled: true });
    expect((await post(`${path}/trigger`, { input: {} })).status).toBe(201);
    const shown = (await get(`${path}?next=3`)).json;
    expect([shown.next.length, shown.runs.length, shown.enabled]).toEqual([3, 1, true]);
    expect((await get('schedules')).json.items.map((one: { name: string }) => one.name)).toContain(name);
    expect((await get('schedules/preview?cron=0%207%20*%20*%20*&timezone=Europe/Oslo')).json.next.length).toBe(5);
    expect(
      (await running.ask(`/api/${path}`, { method: 'DELETE', headers: { 'content-type': 'application/json' } })).json,
    ).toEqual({});
    expect((await get(path)).json.error.code).toBe('SCHEDULE_NOT_FOUND');
    const acts = (await rows(name)).map((row: { action: string; details: object }) => [row.action, row.details]);
    expect(acts).toContainEqual([
      'schedule.write',
      expect.objectContaining({
        before: { cron: '*/5 * * * *', timezone: expect.any(String) },
        after: { cron: '0 7 * * *', timezone: 'Europe/Oslo' },
      }),
    ]);
  });

  it('shows queues, workers and workflows, and pauses, resumes and drains a queue', async () => {
    expect((await post('queues/default/pause', { reason: 'hot' })).json).toEqual({ changed: true });
    const [queue] = (await get('queues')).json.items;
    expect(queue).toMatchObject({ name: 'default', paused: true, pausedRuns: 0, workers: 1 });
    expect((await post('queues/default/drain', { timeout: 1_000 })).json).toEqual({ idle: true });
    expect((await post('queues/default/resume')).json).toEqual({ changed: true });
    expect((await post('queues/none/resume')).json.error.code).toBe('QUEUE_NOT_FOUND');
    expect((await get('workers')).json.items.length).toBe(1);
    expect((await get('workflows')).json.items.map((one: { name: string }) => one.name)).toEqual(['order', 'release']);
    expect((await get('workflows/none')).json.error.code).toBe('WORKFLOW_NOT_FOUND');
    expect((await post('cleanup', { olderThan: '365d', dryRun: true })).json).toEqual({ n: 0 });
  });

  it('an act that changes nothing says so in its row, and does not stand as who has paused it', async () => {
    const { id } = await waiting();
    const as = (name: string): Asked => ({ headers: { 'x-actor': name } });
    const paused = async (): Promise<unknown> => {
      const { items } = (await get(`runs/${id}/history`)).json;
      return items.find((item: { kind: string }) => item.kind === 'paused').actor;
    };
    await post(`runs/${id}/pause`, {}, as('ada'));
    await post(`runs/${id}/pause`, {}, as('grace'));
    expect(await paused()).toBe('ada');
    await post(`runs/${id}/resume`, {}, as('ada'));
    await post(`runs/${id}/resume`, {}, as('grace'));
    await client.pause(id);
    expect(await paused()).toBeNull();
    await post(`runs/${id}/cancel`, {}, as('ada'));
    await post(`runs/${id}/cancel`, {}, as('grace'));
    const told = (await rows(id)).map(({ actor, details }: { actor: string; details: { changed?: boolean } }) => [
      actor,
      details.changed,
    ]);
    expect(told.toReversed()).toEqual(
      [1, 2, 3].flatMap(() => [
        ['ada', undefined],
        ['grace', false],
      ]),
    );
    const queue = `unchanged-${kind.name}`;
    await client.start(ReleaseWorkflow, {}, { queue });
    for (const act of ['pause', 'pause', 'drain', 'resume', 'resume']) await post(`queues/${queue}/${act}`);
    const changed = (await rows(queue)).map(({ details }: { details: { changed?: boolean } }) => details.changed);
    expect(changed.toReversed()).toEqual([undefined, false, false, undefined, false]);
  });

  it('tells the history of a run: acts, events, answers, failures and its end; and its family', async () => {
    const { id, inputId } = await waiting();
    await post(`runs/${id}/inputs`, { inputId, data: { approved: true } }, { headers: { 'x-actor': 'grace' } });
    await until(async () =>
      (await client.listPendingEvents({ eventName: 'paid' })).some((one) => one.executionId === id),
    );
    await post(`runs/${id}/events`, { name: 'paid' });
    await client.handle(id).result();
    const { items } = (await get(`runs/${id}/history`)).json;
    expect(items.map((item: { kind: string }) => item.kind).toSorted()).toEqual([
      'answer',
      'audit',
      'audit',
      'completed',
      'event',
      'started',
      'waiting',
      'waiting',
    ]);
    expect(items).toContainEqual(expect.objectContaining({ kind: 'audit', actor: 'grace', action: 'input.answer' }));
    expect(items).toContainEqual(
      expect.objectContaining({ kind: 'event', eventName: 'paid', wait: { step: 'event', path: 'event' } }),
    );
    const failed = await ended({ fail: true });
    const retry = (await post(`runs/${failed}/retry`)).json.id;
    await client
      .handle(retry)
      .result()
      .catch(() => {});
    const family = (await get(`runs/${failed}/family`)).json;
    expect([family.retries.map((run: { id: string }) => run.id), family.retryOf, family.children]).toEqual([
      [retry],
      null,
      { items: [], next: null, prev: null },
    ]);
    expect((await get(`runs/${retry}/family`)).json.retryOf.id).toBe(failed);
    const run = (await get(`runs/${failed}`)).json;
    expect(run).toMatchObject({ failedStep: 'charge', version: 1, graph: { name: 'order' }, inputSchema: null });
    expect(run.restartPoints.map((point: { step: string }) => point.step)).toEqual(['charge', 'done']);
    expect((await post(`runs/${failed}/hurry`)).json.error.code).toBe('EXECUTION_FINISHED');
  });

  it('acts on many runs, once the count of a preview is given, and keeps a row of each', async () => {
    const tag = `bulk-${kind.name}`;
    const started = await client.startMany(
      OrderWorkflow,
      [1, 2, 3].map(() => ({ input: { fail: true } })),
      { tags: { tag } },
    );
    const good = await client.start(ReleaseWorkflow, {}, { tags: { tag } });
    for (const run of started) await run.result().catch(() => {});
    const preview = (
      await post('bulk/preview', { act: 'retry', q: `tag.tag:${tag}`, options: { reason: 'money is back' } })
    ).json;
    expect(preview).toMatchObject({ count: 4, eligible: 3, excluded: [{ why: 'has not ended', n: 1 }] });
    expect(preview.sample.length).toBe(3);
    const wrong = await post('bulk', { token: preview.token, count: 4 });
    expect([wrong.status, wrong.json.error.code]).toEqual([409, 'BULK_CHANGED']);
    const { status, json } = await post(
      'bulk',
      { token: preview.token, count: 3 },
      { headers: { 'x-actor': 'bulky' } },
    );
    expect(status).toBe(202);
    let state = (await get(`bulk/${json.id}`)).json;
    while (state.state === 'running') state = (await get(`bulk/${json.id}`)).json;
    expect(state).toEqual({ done: 3, failed: 0, total: 3, state: 'done', errors: [] });
    expect((await post('bulk', { token: preview.token, count: 3 })).json.error.code).toBe('BULK_CHANGED');
    const [row] = await rows(started[0]?.id ?? '');
    expect(row).toMatchObject({
      actor: 'bulky',
      action: 'run.retry',
      details: { bulk: true, reason: 'money is back' },
    });
    const one = (await post('bulk/preview', { act: 'cancel', ids: [good.id, started[0]?.id] })).json;
    expect(one).toMatchObject({ count: 2, eligible: 1, excluded: [{ why: 'has ended', n: 1 }] });
    const twice = (await post('bulk/preview', { act: 'cancel', ids: [good.id, good.id.toUpperCase()] })).json;
    expect(twice).toMatchObject({ count: 1, eligible: 1, excluded: [] });
    for (const body of [
      { act: 'retry' },
      { act: 'retry', q: '', ids: [] },
      { act: 'delete', q: '' },
      { act: 'restart', q: '' },
      { q: '' },
    ]) {
      expect((await post('bulk/preview', body)).json.error.code).toBe('INVALID_INPUT');
    }
    const forbidden = await post('bulk/preview', { act: 'retry', q: '' }, { headers: { 'x-role': 'operator' } });
    expect(forbidden.json.error.code).toBe('FORBIDDEN');
    expect((await get('bulk/none')).status).toBe(404);
    await client.cancel(good.id);
  });

  it('looks at the database, and verifies it, for one at a time', async () => {
    const { checks, database: about } = (await get('doctor')).json;
    expect(
      checks.every(
        ({ id, state, text }: Record<string, string>) => id && text && ['ok', 'warn', 'bad'].includes(state ?? ''),
      ),
    ).toBe(true);
    expect(about.schema).toBe('durable');
    const both = await Promise.all([post('doctor/verify'), post('doctor/verify')]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(both.find(({ status }) => status === 200)?.json).toEqual({ violations: [] });
    expect(both.find(({ status }) => status === 409)?.json.error.code).toBe('BUSY');
    expect((await get('workflows/order')).json.versions).toMatchObject([{ version: 1, workers: 1 }]);
  });

  it('refuses an act of another site, one too large, one that is no JSON and one with unknown keys, and keeps that it did', async () => {
    const actor = { 'x-actor': `mallory-${kind.name}` };
    const foreign = await post(
      'queues/default/pause',
      {},
      { headers: { ...actor, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } },
    );
    expect([foreign.status, foreign.json.error.code]).toEqual([403, 'CSRF']);
    const form = await post('queues/default/pause', 'a=b', {
      headers: { ...actor, 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect([form.status, form.json.error.code]).toEqual([403, 'CSRF']);
    const forbidden = await post('queues/default/pause', {}, { headers: { ...actor, 'x-role': 'viewer' } });
    expect([forbidden.status, forbidden.json.error.code]).toEqual([403, 'FORBIDDEN']);
    const unknown = await post('queues/default/pause', { resaon: 'x' }, { headers: actor });
    expect([unknown.status, unknown.json.error.violations[0].path]).toEqual([400, 'resaon']);
    const bare = await running.ask('/api/queues/none/pause', {
      method: 'POST',
      headers: { ...actor, 'content-type': 'application/json' },
    });
    expect([bare.status, bare.json.error.code]).toEqual([404, 'QUEUE_NOT_FOUND']);
    const { items } = (await get(`audit?actor=mallory-${kind.name}`)).json;
    expect(items.map((row: { outcome: string; code: string }) => [row.outcome, row.code])).toEqual([
      ['failed', 'QUEUE_NOT_FOUND'],
      ['failed', 'INVALID_INPUT'],
      ['refused', 'FORBIDDEN'],
      ['refused', 'CSRF'],
      ['refused', 'CSRF'],
    ]);
  });

  it('says that an act was done although its row could not be written', async () => {
    await pool.query('ALTER TABLE durable.audit RENAME TO audit_away');
    try {
      expect((await post('queues/default/resume')).json).toEqual({ changed: false, audit: false });
    } finally {
      await pool.query('ALTER TABLE durable.audit_away RENAME TO audit');
    }
  });

  it('gives up a look that takes too long, and leaves the work alone', async () => {
    const blocker = await pool.connect();
    await blocker.query('BEGIN; LOCK TABLE durable.workflow_executions IN ACCESS EXCLUSIVE MODE');
    try {
      const got = await get('runs');
      expect([got.status, got.json.error.code]).toEqual([503, expect.stringMatching(/TOO_SLOW|DATABASE_UNAVAILABLE/)]);
    } finally {
      await blocker.query('ROLLBACK');
      blocker.release();
    }
  });
});

describe.each([{ ...EXPRESS, settings: { bodyParser: false } }, FASTIFY])(
  'where the body is read by us ($framework)',
  (kind) => {
    it('refuses what is larger than a payload may be, or no JSON, by our own words, and serves nothing to acts when read-only', async () => {
      const dashboards = [
        DurableDashboardModule.forRoot({ authorize: () => true }),
        DurableDashboardModule.forRoot({ path: '/ro', authorize: () => true, readOnly: true }),
      ];
      const running = await startApp(kind, database.url, dashboards);
      try {
        const large = await running.ask('/api/runs', { method: 'POST', body: { workflow: 'x'.repeat(2_200_000) } });
        expect([large.status, large.json.error.code]).toEqual([413, 'TOO_LARGE']);
        const headers = { 'content-type': 'application/json' };
        const broken = await running.ask('/api/runs', { method: 'POST', body: '{"a', headers });
        expect([broken.status, broken.json.error.code]).toEqual([400, 'INVALID_INPUT']);
        const list = await running.ask('/api/runs', { method: 'POST', body: '[]', headers });
        expect([list.status, list.json.error.code]).toEqual([400, 'INVALID_INPUT']);
        const readOnly = await ask(running.port, '/ro/api/queues/default/pause', { method: 'POST', body: {} });
        expect([readOnly.status, readOnly.json.error.code]).toEqual([403, 'READ_ONLY']);
        const me = await ask(running.port, '/ro/api/me');
        expect(me.json.actions.every((action: string) => action.endsWith('.read'))).toBe(true);
      } finally {
        await running.close();
      }
    });
  },
);
