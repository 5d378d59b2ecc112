import { jest } from '@jest/globals';
import pg from 'pg';
import { DurableClient, ForEach, Schedule, Step, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { StatsAdder } from '../../lib/core/run/run-stats.js';
import { PgReads } from '../../lib/storage/reads/reads.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { PgRunStats } from '../../lib/storage/reads/run-stats.js';
import { atTime, markOf, pageOf, RUN } from '../../lib/dashboard/api/page.js';
import { createTestDatabase } from '../support/database.js';
import { removeRun } from '../support/lost-borders.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'weigh', description: 'Weighs parcels' })
@Schedule({ name: 'early', cron: '0 7 * * MON-FRI', timezone: 'Europe/Berlin', input: { sizes: [1] } })
class WeighWorkflow {
  @ForEach(['one'], { onError: 'completeAll' })
  sizes({ sizes }: { sizes: number[] }) {
    return sizes;
  }

  @Step()
  one(size: number) {
    if (size < 0) throw new RangeError('no size');
    return size * 2;
  }

  @Step()
  done() {
    return { ok: true };
  }
}

/** A later deploy of it. */
@Workflow({ name: 'weigh' })
@Schedule({ name: 'early', cron: '0 7 * * MON-FRI', timezone: 'Europe/Berlin', input: { sizes: [1] } })
class LaterWorkflow {
  @Step()
  all() {
    return { ok: true };
  }
}

const KIND = { name: 'express', framework: 'express' } as const;
const mount = (): [ReturnType<typeof DurableDashboardModule.forRoot>] => [
  DurableDashboardModule.forRoot({ authorize: () => true }),
];
let url: string;
let pool: pg.Pool;
let running: RunningApp;
let client: DurableClient;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 1 });
  running = await startApp(KIND, url, mount(), { providers: [WeighWorkflow], workers: true });
  client = running.app.get(DurableClient);
});
afterAll(async () => {
  await running.close();
  await pool.end();
});

const get = async (path: string) => (await running.ask(`/api/${path}`)).json;

it('workflows have their figures, versions and unfinished runs, and one the figures of its steps', async () => {
  const runs = await client.startMany(WeighWorkflow, [
    { input: { sizes: [1, 2, 3] } },
    { input: { sizes: [1, -2, 3] } },
  ]);
  for (const run of runs) await run.result();
  await client.start(WeighWorkflow, { sizes: [] }, { scheduledAt: new Date(Date.now() + 3_600_000) });
  const adder = new StatsAdder();
  for (let n = 0; n < 3; n++) adder.add(Date.now() - 60_000, 'weigh', 'completed', '', 100, null);
  adder.add(Date.now() - 60_000, 'weigh', 'failed', 'E', 5_000, null);
  adder.add(Date.now() - 60_000, 'other', 'failed', 'E', 5_000, null);
  await new PgRunStats(pool, 'durable').add(uuidv7(), adder.take());

  const { items } = await get('workflows?window=6h');
  expect(items).toHaveLength(1);
  const [listed] = items;
  expect(listed).toMatchObject({
    name: 'weigh',
    description: 'Weighs parcels',
    version: 1,
    unfinished: 1,
    inputSchema: null,
    versions: [{ version: 1, unfinished: 1, workers: 1 }],
    lastRun: { status: 'pending', standing: { kind: 'scheduled' } },
    graph: { name: 'weigh' },
  });
  expect(listed.succeeded).toBeGreaterThanOrEqual(0.75);
  expect(listed.succeeded).toBeLessThan(1);
  expect(Math.abs(listed.p50 / 100 - 1)).toBeLessThan(0.1);
  expect(listed.p95).toBeGreaterThanOrEqual(listed.p50);
  expect(listed.perMinute).toBeGreaterThanOrEqual(4 / 360);
  expect(listed.durations.reduce((sum: number, { n }: { n: number }) => sum + n, 0)).toBeGreaterThanOrEqual(3);
  expect(listed.series.reduce((sum: number, one: { failed: number }) => sum + one.failed, 0)).toBe(1);
  expect(listed.lastRun).not.toHaveProperty('input');

  const one = await get('workflows/weigh');
  expect(one.steps.map(({ path, failRate }: { path: string; failRate: number }) => [path, failRate])).toEqual([
    ['sizes', 0],
    ['sizes[]/one', 1 / 6],
    ['done', 0],
  ]);
  for (const { p50 } of one.steps) expect(p50).toBeGreaterThanOrEqual(0);
  const past = await get('workflows/weigh?since=2020-01-01&until=2020-01-02');
  expect(past).toMatchObject({ succeeded: null, p50: null, p95: null, perMinute: 0, unfinished: 1, durations: [] });
});

it.each([
  ['workflows/wiegh', 404, 'WORKFLOW_NOT_FOUND'],
  ['workflows?window=2h', 400, 'INVALID_INPUT'],
  ['workflows/weigh?until=2026-01-01', 400, 'INVALID_INPUT'],
  ['workflows?steps=1', 400, 'INVALID_INPUT'],
  ['schedules/erly', 404, 'SCHEDULE_NOT_FOUND'],
  ['schedules?next=51', 400, 'INVALID_INPUT'],
  ['schedules?runs=6', 400, 'INVALID_INPUT'],
  ['schedules/preview', 422, 'INVALID_CRON'],
  ['schedules/preview?cron=0 0 30 2 *', 422, 'INVALID_CRON'],
  ['schedules/preview?cron=@daily&timezone=Mars', 422, 'INVALID_CRON'],
  ['audit?since=yesterday', 400, 'INVALID_INPUT'],
  ['audit?cursor=abc', 400, 'INVALID_INPUT'],
  ['workers?x=1', 400, 'INVALID_INPUT'],
])('%s is %i', async (path, status, code) => {
  const got = await running.ask(`/api/${encodeURI(path)}`);
  expect([got.status, got.json.error.code]).toEqual([status, code]);
});

it('schedules say when they are due, in words too, what was changed, and what they have started', async () => {
  const { id } = await client.triggerSchedule('early');
  await client.handle(id).result();
  await client.updateSchedule('early', { catchUp: 'all', catchUpLimit: 7 });
  const schedule = await get('schedules/early?next=3');
  expect(schedule).toMatchObject({
    words: 'At 07:00 on weekdays',
    fromCode: true,
    overridden: ['catchUp', 'catchUpLimit'],
    catchUpWindow: 86_400_000,
    catchUpLimit: 7,
    runs: [{ id, status: 'completed' }],
  });
  expect(schedule.next).toHaveLength(3);
  expect(schedule.next[0]).toBe(schedule.nextRunAt);
  expect((await get('schedules')).items).toMatchObject([{ name: 'early', words: schedule.words }]);
  const { words, next } = await get('schedules/preview?cron=*/5%20*%20*%20*%20*&timezone=Asia/Kolkata');
  expect([words, next.length]).toEqual(['Every 5 minutes', 5]);
});

it('schedules are listed without their runs where nobody asks for these, and none is looked for', async () => {
  await client.handle((await client.triggerSchedule('early')).id).result();
  const [{ runs, next, ...state }] = (await get('schedules')).items;
  expect([runs.length > 0, next.length]).toEqual([true, 5]);
  const looks = jest.spyOn(PgReads.prototype, 'listExecutions');
  expect((await get('schedules?next=0&runs=0')).items).toEqual([{ ...state, runs: [], next: [] }]);
  expect((await get('schedules/early?runs=0')).runs).toEqual([]);
  expect(looks).not.toHaveBeenCalled();
  looks.mockRestore();
});

it('schedules are listed with one of which neither input, error, cron nor zone can be read', async () => {
  await client.schedule('weigh', '@daily', { name: 'broken', enabled: false });
  const faults = `input = '{', last_error = '{', consecutive_failures = 1, cron = 'x', timezone = 'Mars'`;
  await pool.query(`UPDATE durable.scheduled_workflows SET ${faults} WHERE name = 'broken'`);
  try {
    const broken = {
      name: 'broken',
      words: null,
      next: [],
      lastError: { message: 'The stored error cannot be read.' },
    };
    expect((await get('schedules')).items).toMatchObject([broken, { name: 'early', words: 'At 07:00 on weekdays' }]);
    expect(await get('schedules/broken')).toMatchObject(broken);
    expect((await running.ask('/api/overview')).status).toBe(200);
  } finally {
    await client.deleteSchedule('broken');
  }
});

it('workers say what they can take, whether they hear, and whose code is newer', async () => {
  const later = await startApp(KIND, url, mount(), { providers: [LaterWorkflow], workers: true });
  const workers = await until(async () => {
    const { items } = await get('workers');
    return items.length === 2 && items;
  });
  const seen = workers.map(({ capacity, listening, behind, alive }: Record<string, unknown>) => ({ capacity, listening, behind, alive })); // prettier-ignore
  const each = { capacity: { default: 50 }, listening: true, alive: true };
  expect(seen).toEqual([
    { ...each, behind: ['weigh'] },
    { ...each, behind: [] },
  ]);
  const { versions } = await get('workflows/weigh');
  expect(versions.map(({ version, workers: n }: Record<string, number>) => [version, n])).toEqual([
    [2, 1],
    [1, 1],
  ]);
  await later.close();
  const [left] = await until(async () => {
    const { items } = await get('workers');
    return items.length === 1 && items;
  });
  expect(left.behind).toEqual([]);
});

it('doctor has checks, migrations, tables and the database', async () => {
  const { checks, migrations, tables, database } = await get('doctor');
  for (const check of checks) expect(['ok', 'warn', 'bad']).toContain(check.state);
  expect(migrations).toEqual({ current: 2, latest: 2, pending: [] });
  expect(tables.find(({ name }: { name: string }) => name === 'workflow_queue')).toMatchObject({
    rows: expect.any(Number),
    bytes: expect.any(Number),
    dead: expect.any(Number),
  });
  expect(database).toMatchObject({ version: expect.stringMatching(/^\d+/), encoding: 'UTF8', schema: 'durable' });
});

it('the audit goes by actor, action, target and time, by pages', async () => {
  const act = (path: string, body: object = {}) => running.ask(`/api/${path}`, { method: 'POST', body });
  const begun = (await get('me')).now;
  await act('queues/default/pause');
  await act('queues/default/resume');
  await act('queues/nowhere/pause');
  const rows = async (query: string) =>
    (await get(`audit?${query}`)).items.map(({ action, outcome, code }: Record<string, unknown>) => [action, outcome, code]); // prettier-ignore
  const all = [
    ['queue.pause', 'failed', 'QUEUE_NOT_FOUND'],
    ['queue.resume', 'done', null],
    ['queue.pause', 'done', null],
  ];
  expect(await rows(`since=${encodeURIComponent(begun)}`)).toEqual(all);
  expect(await rows('target=default')).toEqual(all.slice(1));
  expect(await rows('action=queue.pause')).toEqual([all[0], all[2]]);
  expect(await rows(`until=${encodeURIComponent(begun)}&action=queue.pause`)).toEqual([]);
  expect(await rows('actor=nobody')).toEqual([]);
  const first = await get('audit?limit=2');
  const second = await get(`audit?limit=2&cursor=${first.next}`);
  expect([...first.items, ...second.items].slice(0, 3).map((row: { action: string }) => row.action)).toEqual(all.map(([action]) => action)); // prettier-ignore
  const [row] = first.items;
  expect(Object.keys(row).toSorted()).toEqual(
    ['action', 'actor', 'at', 'code', 'details', 'id', 'ip', 'outcome', 'targetId', 'targetKind'],
  ); // prettier-ignore
});

it('me says whose clock counts: that of the database', async () => {
  const { now, version } = await get('me');
  const { rows } = await pool.query<{ now: Date }>('SELECT durable.clock() AS now');
  expect((rows[0]?.now.getTime() ?? 0) - Date.parse(now)).toBeGreaterThanOrEqual(0);
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

describe('a page that was not looked for to the end', () => {
  const looked = atTime(new Date('2026-01-31T12:00:00Z'));
  const [a, b] = ['0199a1de-0000-7000-8000-0000000000aa', '0199a1de-0000-7000-8000-0000000000bb'];
  const at = '1700000000000000';
  const cursors = (found: string[], way: 'next' | 'prev' | null, end: readonly string[] | null = looked) => {
    const mark = way === null ? null : { way, at: [a, at] };
    const { items, next, prev } = pageOf('runs', found, { mark, limit: 2, looked: end }, (id) => [id, at]);
    const read = (cursor: string | null) => {
      const to = markOf('runs', cursor, RUN);
      return to === null ? null : [to.way, ...to.at];
    };
    return { items, next: read(next), prev: read(prev) };
  };

  it.each<[string, string[], 'next' | 'prev' | null, unknown]>([
    ['the first, without runs', [], null, { items: [], next: ['next', ...looked], prev: null }],
    ['the first, with one', [b], null, { items: [b], next: ['next', ...looked], prev: null }],
    ['a later one, without runs', [], 'next', { items: [], next: ['next', ...looked], prev: ['prev', ...looked] }],
    ['a later one, with one', [b], 'next', { items: [b], next: ['next', ...looked], prev: ['prev', b, at] }],
    ['one back, without runs', [], 'prev', { items: [], next: ['next', ...looked], prev: ['prev', ...looked] }],
    ['one back, with two', [b, a], 'prev', { items: [a, b], next: ['next', b, at], prev: ['prev', ...looked] }],
    ['a full one', [a, b, a], null, { items: [a, b], next: ['next', b, at], prev: null }],
  ])('%s: goes on from there, both ways', (_, found, way, page) => expect(cursors(found, way)).toEqual(page));

  it('ends where there is nothing further', () => {
    expect(cursors([], 'next', null)).toEqual({ items: [], next: null, prev: null });
    expect(cursors([b], 'next', null)).toEqual({ items: [b], next: null, prev: ['prev', b, at] });
  });
});

describe('a list whose run at the border of a page was deleted', () => {
  type Shown = { items: { id: string }[]; next: string | null; prev: string | null };
  const idsOf = ({ items }: Shown): string[] => items.map(({ id }) => id);

  /** Five runs, the oldest first, which have ended. */
  async function five(tag: string): Promise<string[]> {
    const all = Array.from({ length: 5 }, () => ({ input: { sizes: [] }, tags: { border: tag } }));
    const runs = await client.startMany(WeighWorkflow, all);
    for (const run of runs) await run.result();
    return runs.map(({ id }) => id);
  }

  it.each<[string, (ids: readonly string[]) => Promise<(cursor: string | null) => Promise<Shown>>]>([
    ['of runs', async () => {
      const path = `runs?q=tag.border:runs&limit=2`;
      return (cursor) => get(cursor === null ? path : `${path}&cursor=${cursor}`);
    }],
    ['of children', async (ids) => {
      const parent = await client.start(WeighWorkflow, { sizes: [] });
      await pool.query('UPDATE durable.workflow_executions SET parent_id = $1 WHERE id = ANY ($2)', [parent.id, ids]);
      const path = `runs/${parent.id}/family?limit=2`;
      return async (cursor) => (await get(cursor === null ? path : `${path}&cursor=${cursor}`)).children;
    }],
  ])('%s goes on from its place, both ways', async (what, open) => {
    const started = await five(what === 'of runs' ? 'runs' : 'children');
    const page = await open(started);
    const [a, b, c, d, e] = what === 'of runs' ? started.toReversed() : started;
    const first = await page(null);
    expect(idsOf(first)).toEqual([a, b]);
    await removeRun(pool, b ?? '');
    const second = await page(first.next);
    expect(idsOf(second)).toEqual([c, d]);
    await removeRun(pool, d ?? '');
    const third = await page(second.next);
    expect(idsOf(third)).toEqual([e]);
    await removeRun(pool, e ?? '');
    const back = await page(third.prev);
    expect(idsOf(back)).toEqual([a, c]);
    expect([back.prev, idsOf(await page(back.next))]).toEqual([null, []]);
  }); // prettier-ignore
});
