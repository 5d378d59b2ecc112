import { Logger } from '@nestjs/common';
import {
  Branch,
  DurableClient,
  DurableEvents,
  FatalError,
  ForEach,
  type ItemContext,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import { createTestDatabase } from '../support/database.js';
import { type RunningApp, startApp } from './hosts.js';

/** Loops of many items, as the engine really leaves them: what the API says of them is checked against what was done. */

const ITEMS = 240;

@Workflow({ name: 'campaign' })
class CampaignWorkflow {
  private readonly logger = new Logger('Campaign');

  @ForEach(['prepare', 'byKind'], { concurrency: ITEMS, onError: 'completeAll', results: 'none' })
  recipients() {
    return Array.from({ length: ITEMS }, (_, n) => n);
  }

  @Step()
  prepare(n: number) {
    return n;
  }

  @Branch({ mail: ['write', 'send'], wait: 'hear', default: 'refuse' })
  byKind(n: number) {
    return n % 3 === 0 ? 'mail' : n % 3 === 1 ? 'wait' : 'none';
  }

  @Step()
  write(n: number) {
    this.logger.log(`to ${n}`);
  }

  @Step()
  send(n: number, { index }: ItemContext<object>) {
    return { sent: n, index };
  }

  @Step()
  async hear(n: number) {
    await waitForEvent('go');
    return n;
  }

  @Step()
  refuse() {
    throw new FatalError('is nobody');
  }

  @Step()
  async last() {
    await waitForEvent('end');
  }
}

let running: RunningApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const authorize = roles((request: { headers: Record<string, string> }) => request.headers['x-role'] ?? 'admin', {
    reader: ['run.read'],
    clerk: ['input.read'],
  });
  running = await startApp(
    { name: 'express', framework: 'express' },
    url,
    [DurableDashboardModule.forRoot({ authorize })],
    {
      providers: [CampaignWorkflow],
      workers: true,
    },
  );
  client = running.app.get(DurableClient);
});
afterAll(() => running.close());

const get = async (path: string, role = 'admin') => {
  const { status, json } = await running.ask(`/api/${path}`, { headers: { 'x-role': role } });
  return { status, json };
};

type Row = Record<string, unknown> & { path: string; seq: number };

async function all(path: string): Promise<Row[]> {
  const found: Row[] = [];
  for (let cursor: string | null = null; ;) {
    const joined = path.includes('?') ? '&' : '?';
    const { status, json } = await get(`${path}${cursor === null ? '' : `${joined}cursor=${cursor}`}`);
    expect(status).toBe(200);
    found.push(...json.items);
    if (json.next === null) return found;
    cursor = json.next;
  }
}

/** When so many of its waits have been registered. */
async function waiting(id: string, waits: number): Promise<void> {
  const events = running.app.get(DurableEvents);
  const heard = firstValueFrom(
    events.workflow(id).pipe(
      filter(({ kind }) => kind === 'step_waiting'),
      take(waits),
      toArray(),
    ),
  );
  await heard;
}

const endedIn = (row: Row | undefined): number =>
  ((row?.['cells'] ?? []) as { done: number }[]).reduce((n, { done }) => n + done, 0);

it('tells of a loop in sums and item by item, as far as it is and when it is done', async () => {
  const id = '0199a1de-0000-7000-8000-0000000000aa';
  const waits = waiting(id, ITEMS / 3);
  await client.start(CampaignWorkflow, {}, { id });
  await waits;
  const third = ITEMS / 3;
  const path = `runs/${id}/items?path=${encodeURIComponent('recipients[]')}`;
  // What the last commits say is there when its items are through.
  let failed = await all(`${path}&state=failed`);
  while (failed.length < third) failed = await all(`${path}&state=failed`);
  while ((await all(`${path}&state=completed`)).length < third);
  const rows = await all(`runs/${id}/steps?limit=2`);
  expect(rows.map((row) => row.path)).toEqual(['recipients', 'recipients[]']);
  expect(rows[1]).toMatchObject({ items: ITEMS, done: 2 * third, failed: third, waiting: third, running: 0 });
  expect(endedIn(rows[1])).toBe(2 * third);
  expect(failed.map(({ index }) => Number(index) % 3)).toEqual(failed.map(() => 2));
  expect(failed[0]).toMatchObject({
    state: 'failed',
    attempts: 1,
    error: { name: 'FatalError', message: 'is nobody' },
  });
  expect((await all(`${path}&state=waiting&limit=7`)).map(({ index }) => Number(index) % 3)).toEqual(
    failed.map(() => 1),
  );

  // One item, unfolded.
  const item = await all(`runs/${id}/steps?under=${encodeURIComponent('recipients[3]')}`);
  expect(item.map(({ step, status }) => [step, status])).toEqual([
    ['prepare', 'completed'], ['byKind', 'completed'], ['write', 'completed'], ['send', 'completed'],
  ]); // prettier-ignore
  const send = (await get(`runs/${id}/steps/${item[3]?.seq}`)).json;
  expect(send).toMatchObject({ input: 3, output: { sent: 3, index: 3 }, logs: [] });
  expect((await get(`runs/${id}/steps/${item[2]?.seq}`)).json.logs).toMatchObject([{ message: 'to 3', step: 'write' }]);
  const [hears] = await all(`runs/${id}/steps?status=waiting&under=${encodeURIComponent('recipients[4]')}`);
  expect(hears).toMatchObject({ step: 'hear', status: 'waiting', completedAt: null });
  expect((await get(`runs/${id}/steps/${hears?.seq}`)).json).toMatchObject({ input: 4, output: null });

  // Each event goes to one of them.
  const ends = waiting(id, 1);
  for (let n = 0; n < third; n++) await client.sendEvent(id, 'go');
  await ends;
  const done = await all(`runs/${id}/steps`);
  expect(done.map((row) => row.path)).toEqual(['recipients', 'recipients[]', 'last']);
  expect(done[1]).toMatchObject({ done: ITEMS, failed: third, waiting: 0, running: 0 });
  await client.sendEvent(id, 'end');
  await client.handle(id).result();
  const whole = await client.getSteps(id);
  expect((await all(`runs/${id}/steps?under=last`)).length).toBe(whole.filter(({ path: of }) => of === 'last').length);
  const lines = await all(`runs/${id}/logs?step=write&limit=33`);
  const written = new Set(lines.map(({ message }) => message));
  expect([lines.length, written]).toEqual([third, new Set(Array.from({ length: third }, (_, n) => `to ${3 * n}`))]);
  const { counts } = (await get(`runs/${id}`)).json;
  const exact = (n: number) => ({ n, more: false });
  expect(counts).toEqual({
    steps: exact(whole.filter(({ completedAt }) => completedAt !== null).length),
    logs: exact(third),
  });
  // Who may not read logs does not learn of them.
  expect((await get(`runs/${id}`, 'reader')).json.counts).toEqual({ steps: counts.steps });
});

it('refuses what is no page of a run', async () => {
  const { id } = await client.start(CampaignWorkflow, {});
  const nobody = '0199a1de-0000-7000-8000-00000000ffff';
  const codes = async (paths: string[]) => {
    const found = [];
    for (const path of paths) {
      const { status, json } = await get(path);
      found.push([status, json.error?.code]);
    }
    return found;
  };
  const bad = [
    'steps?status=done', 'steps?limit=501', 'steps?cursor=x', 'items', 'items?path=a&state=lost', 'items?path=a&limit=201', 'logs?level=loud', 'logs?cursor=x',
    `steps?under=${'a'.repeat(2_001)}`, 'steps?offset=1',
  ]; // prettier-ignore
  for (const found of await codes(bad.map((path) => `runs/${id}/${path}`)))
    expect(found).toEqual([400, 'INVALID_INPUT']);
  expect(
    await codes([
      `runs/${id}/items?path=none`,
      `runs/${id}/steps/999999`,
      `runs/${id}/steps/-1`,
      `runs/${id}/steps/1e3`,
    ]),
  ).toEqual(Array.from({ length: 4 }, () => [404, 'NOT_FOUND']));
  const lost = ['steps', 'items?path=a', 'logs'].map((path) => `runs/${nobody}/${path}`);
  expect(await codes(lost)).toEqual(lost.map(() => [404, 'EXECUTION_NOT_FOUND']));
  for (const path of ['steps', 'items?path=a', 'logs', 'steps/1']) {
    expect((await get(`runs/${id}/${path}`, 'clerk')).status).toBe(403);
  }
  expect((await get(`runs/${id}/steps/1`, 'reader')).status).toBe(403);
  // A cursor of one list is none of another.
  const { next } = (await get('runs?limit=1')).json;
  expect((await get(`runs/${id}/logs?cursor=${next}`)).status).toBe(400);
  await client.cancel(id);
});
