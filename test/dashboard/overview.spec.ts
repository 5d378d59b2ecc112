import pg from 'pg';
import { DurableClient, Step, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { StatsAdder } from '../../lib/core/run/run-stats.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { groupFailures, plainMessage } from '../../lib/dashboard/api/failures.js';
import { grainOf, seriesOf, spread, sumsOf } from '../../lib/dashboard/api/figures.js';
import { CHECKS, type Look, type Problem, problemsOf } from '../../lib/dashboard/api/problems.js';
import type { StoredSchedule } from '../../lib/core/time/schedule.js';
import { PgRunStats } from '../../lib/storage/reads/run-stats.js';
import { createTestDatabase } from '../support/database.js';
import { startApp } from './hosts.js';

const HOUR = 3_600_000;

@Workflow({ name: 'pay' })
class PayWorkflow {
  @Step()
  charge({ n }: { n: number }) {
    throw new RangeError(`card ${n} of "ada" is empty`);
  }
}

describe('figures', () => {
  const adder = new StatsAdder();
  const now = Date.UTC(2026, 0, 2, 12);
  for (const minutes of [1, 2, 3]) adder.add(now - minutes * 60_000, 'a', 'completed', '', 100 * minutes, null);
  adder.add(now - 60_000, 'a', 'failed', 'E', 5, null);
  adder.add(now - 60_000, 'b', 'cancelled', '', 5, null);
  adder.add(now - 60_000, 'b', 'began', '', null, 40);
  const rows = adder.take().filter(({ grain }) => grain === 1);

  it('are sums, and quantiles to nine percent', () => {
    const { p50, delay50, ...sums } = sumsOf(rows);
    expect(sums).toMatchObject({ started: 1, completed: 3, failed: 1, other: 1, rollbackFailed: 0 });
    expect([Math.abs((p50 ?? 0) / 200 - 1) < 0.1, Math.abs((delay50 ?? 0) / 40 - 1) < 0.1]).toEqual([true, true]);
    expect(sumsOf([]).p50).toBeNull();
  });

  it('have an entry for each piece of the window, of about as many as a chart shows', () => {
    const series = seriesOf(rows, { since: now - HOUR, until: now }, 1);
    expect(series.length).toBe(60);
    expect(series.slice(-3).map(({ sums }) => sums.completed)).toEqual([1, 1, 1]);
    expect(seriesOf([], { since: now - 720 * HOUR, until: now }, 120).length).toBeLessThanOrEqual(121);
  });

  it('are divided among pieces that are shorter, and the sum stays', () => {
    const row = (minute: number, n: number) => ({ at: minute * 60_000, n }) as (typeof rows)[number];
    const hour = { since: 0, until: HOUR };
    expect(spread([row(0, 4), row(45, 3)], hour, 15, 12)).toEqual([1, 2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    // What had begun before, or goes on after, counts as if it had come within.
    expect(spread([row(-10, 5), row(55, 2)], hour, 15, 4)).toEqual([5, 0, 0, 2]);
    expect(spread([row(1, 1), row(2, 1)], hour, 1, 144).reduce((sum, n) => sum + n, 0)).toBe(2);
    expect(spread([], hour, 1, 144)).toEqual(Array(144).fill(0));
  });

  it.each([[1, 1], [6, 1], [24, 15], [168, 120], [720, 120]])('of %i hours are read in pieces of %i minutes', (hours, grain) => {
    expect(grainOf({ since: now - hours * HOUR, until: now }, now)).toBe(grain);
  }); // prettier-ignore
});

describe('failures', () => {
  it('lose what differs from run to run', () => {
    expect(plainMessage('run 019a8f00-0000-7000-8000-000000000001 of "ada" took 12.5 s')).toBe('run # of # took #.# s');
  });

  it('are of one kind by workflow, step and error', () => {
    const at = (minute: number) => new Date(minute * 60_000);
    const run = (id: string, name: string, minute: number) => ({
      id,
      workflow: 'w',
      error: { name, message: `m${id}` },
      completedAt: at(minute),
      updatedAt: at(minute),
    });
    const groups = groupFailures([run('1', 'A', 1), run('2', 'B', 2), run('3', 'B', 59)] as never, () => 'charge', {
      since: 0,
      until: HOUR,
    });
    expect(groups.map(({ error, n }) => [error, n])).toEqual([
      ['B', 2],
      ['A', 1],
    ]);
    expect(groups[0]?.spark).toEqual([1, ...Array<number>(10).fill(0), 1]);
    expect(groups[0]).toMatchObject({ message: 'm#', sample: 'm3', since: at(59), lastAt: at(59) });
  });

  it('are a problem where they have risen', () => {
    const group = { workflow: 'w', step: 'pay', error: 'E', message: 'm #', sample: 'm 7', n: 9, since: new Date(1), lastAt: new Date(5), spark: [] }; // prettier-ignore
    expect(problemsOf({ ...WELL, groups: [group], before: () => 3 }).map(({ kind }) => kind)).toEqual(['failures']);
    expect(problemsOf({ ...WELL, groups: [group], before: () => 4 })).toEqual([]);
    expect(problemsOf({ ...WELL, groups: [{ ...group, n: 4 }] })).toEqual([]);
    expect(problemsOf({ ...WELL, groups: [group], ended: () => 36 })).toMatchObject([
      { title: '9 runs of `w` failed at `pay` with `E`', detail: '25 % of those that ended. "m 7".', since: new Date(1), lastAt: new Date(5), n: 9 },
    ]); // prettier-ignore
    // The counts may be a little behind what is listed.
    expect(problemsOf({ ...WELL, groups: [group], ended: () => 8 })[0]?.detail).toBe('"m 7".');
  });

  it('are of all where the list was cut, by workflow and error, without since', () => {
    const group = { workflow: 'w', step: 'pay', error: 'E', message: 'm #', sample: 'm 7', n: 700, since: new Date(1), lastAt: new Date(5), spark: [9] }; // prettier-ignore
    const other = { ...group, step: 'ship', sample: 'm 8', n: 300, lastAt: new Date(6) };
    const cut = { ...WELL, cut: true, groups: [group, other], ended: () => 200_000 };
    expect(problemsOf({ ...cut, failed: () => 40_000, before: () => 4_000 })).toEqual([
      {
        kind: 'failures',
        state: 'bad',
        title: '40000 runs of `w` failed with `E`',
        detail: '20 % of those that ended. "m 8".',
        since: null,
        lastAt: new Date(6),
        n: 40_000,
        spark: null,
        target: { workflow: 'w', q: 'workflow:w error:E' },
      },
    ]);
    // The figures are behind, or have no names for so many errors.
    expect(problemsOf({ ...cut, failed: () => 999 })).toMatchObject([
      { title: '1000 runs or more of `w` failed with `E`', detail: '"m 8".', since: null, n: 1_000, more: true },
    ]);
  });

  it('are a share that is told as small where it is, and no detail where there is none', () => {
    const group = { workflow: 'w', step: null, error: 'E', message: '', sample: '', n: 5, since: new Date(1), lastAt: new Date(5), spark: [] }; // prettier-ignore
    const detail = (ended: number) => problemsOf({ ...WELL, groups: [group], ended: () => ended })[0]?.detail;
    expect(detail(2_000)).toBe('Less than 1 % of those that ended.');
    expect(detail(500)).toBe('1 % of those that ended.');
    expect(detail(0)).toBeNull();
  });

  it('are told since the last wave of them began, however many went before it', () => {
    const run = (minute: number) => ({
      id: String(minute),
      workflow: 'w',
      error: { name: 'E', message: '' },
      completedAt: new Date(minute * 60_000),
      updatedAt: new Date(minute * 60_000),
    });
    const [group] = groupFailures([57, 1, 2, 50, 54].map(run) as never, () => null, { since: 0, until: HOUR });
    expect(group).toMatchObject({ n: 5, since: new Date(50 * 60_000), lastAt: new Date(57 * 60_000) });
  });
});

const WELL: Look = {
  groups: [],
  cut: false,
  failed: () => 0,
  before: () => 0,
  ended: () => 0,
  schedules: [],
  queues: [],
  workers: [{ host: 'a', pid: 1, alive: true, listening: true }],
  now: Date.UTC(2026, 0, 2, 12),
  checks: [{ id: 'transactions', state: 'ok', text: 'No transaction is old.' }],
  rollbackFailed: 0,
};
const QUEUE = {
  name: 'ai',
  paused: false,
  pausedAt: null,
  ready: 2,
  limited: 1,
  running: 20,
  globalConcurrency: 20,
  late: 0,
};
const SCHEDULE = { name: 'daily', removedAt: null, autoDisabledAt: null, enabled: true, consecutiveFailures: 0, lastError: null, lastErrorAt: null } as unknown as StoredSchedule; // prettier-ignore

describe('problems', () => {
  it('are none where all is well', () => {
    expect(problemsOf({ ...WELL, queues: [QUEUE, { ...QUEUE, paused: true, ready: 0, limited: 0 }], schedules: [SCHEDULE] })).toEqual([]); // prettier-ignore
  });

  const bad = (id: string, state: 'warn' | 'bad' = 'bad') => ({ id, state, text: `${id} is bad`, mend: 'mend it' });
  it.each<[string, Partial<Look>, Partial<Problem>]>([
    ['a schedule that was switched off', { schedules: [{ ...SCHEDULE, enabled: false, autoDisabledAt: new Date(5) }] }, { kind: 'schedule', state: 'bad', since: new Date(5), target: { schedule: 'daily' } }],
    ['a schedule that fails', { schedules: [{ ...SCHEDULE, consecutiveFailures: 2 }] }, { kind: 'schedule', state: 'warn', n: 2 }],
    ['a paused queue with ready runs', { queues: [{ ...QUEUE, paused: true, pausedAt: new Date(7) }] }, { kind: 'queue', title: 'The queue `ai` is paused, with 3 runs ready', since: new Date(7), n: 3 }],
    ['a full queue', { queues: [{ ...QUEUE, late: 120_000 }] }, { kind: 'queue', title: 'The queue `ai` is full, 20 of 20, and behind by 2 min, with 3 runs ready', since: new Date(WELL.now - 120_000) }],
    ['a queue that lags', { queues: [{ ...QUEUE, globalConcurrency: null, late: 61_000 }] }, { kind: 'queue', title: 'The queue `ai` is behind by 1 min, with 3 runs ready', target: { queue: 'ai' } }],
    ['code that nobody has', { checks: [bad('code', 'warn')] }, { kind: 'unclaimable', state: 'warn', title: 'code is bad', detail: 'mend it' }],
    ['a dead worker, once', { checks: [bad('workers', 'warn'), bad('orphans', 'warn')] }, { kind: 'worker', title: 'workers is bad' }],
    ['rows that nobody holds', { checks: [bad('orphans', 'warn')] }, { kind: 'worker', title: 'orphans is bad' }],
    ['a worker that polls', { workers: [{ host: 'a', pid: 1, alive: true, listening: false }] }, { kind: 'polling', state: 'warn', n: 1 }],
    ['rollbacks that failed', { rollbackFailed: 1 }, { kind: 'rollback', state: 'bad', title: '1 rollback failed', n: 1 }],
    ['migrations that are pending', { checks: [bad('migrations')] }, { kind: 'migrations', state: 'bad' }],
    ['an old transaction', { checks: [bad('transactions')] }, { kind: 'transaction', state: 'bad' }],
  ])('name %s', (_what, look, problem) => {
    expect(problemsOf({ ...WELL, ...look })).toEqual([expect.objectContaining(problem)]);
  }); // prettier-ignore

  it('come worst first', () => {
    const found = problemsOf({ ...WELL, queues: [{ ...QUEUE, late: 120_000 }], rollbackFailed: 2 });
    expect(found.map(({ kind }) => kind)).toEqual(['rollback', 'queue']);
  });

  it('of doctor are named by checks that it makes', async () => {
    const { url } = await createTestDatabase();
    const running = await startApp({ name: 'express', framework: 'express' }, url, [
      DurableDashboardModule.forRoot({ authorize: () => true }),
    ]);
    const { checks } = (await running.ask('/api/doctor')).json;
    await running.close();
    expect(checks.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining([...CHECKS.values()].flat()));
  });
});

it('the overview, series and suggestions say what the tables say', async () => {
  const database = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  const running = await startApp(
    { name: 'express', framework: 'express' },
    database.url,
    [DurableDashboardModule.forRoot({ authorize: () => true })],
    { providers: [PayWorkflow], workers: true },
  );
  try {
    const client = running.app.get(DurableClient);
    const runs = await client.startMany(
      PayWorkflow,
      [1, 2, 3, 4, 5].map((n) => ({ input: { n } })),
      { tags: { tenant: 'fjord' } },
    );
    for (const run of runs) await run.result().catch(() => {});
    const adder = new StatsAdder();
    for (let n = 0; n < 5; n++) adder.add(Date.now(), 'pay', 'failed', 'RangeError', 10, null);
    await new PgRunStats(pool, 'durable').add(uuidv7(), adder.take());
    const get = async (path: string) => (await running.ask(`/api/${path}`)).json;
    const found = await get('overview?window=1h');
    expect(found.figures).toMatchObject({ failed: { before: 0 }, unfinished: { total: 0 }, inputs: 0 });
    expect(found.figures.failed.now).toBeGreaterThanOrEqual(5);
    expect(found.failures).toMatchObject([
      { workflow: 'pay', step: 'charge', error: 'RangeError', message: 'card # of # is empty', n: 5 },
    ]);
    expect(found.problems[0]).toMatchObject({
      kind: 'failures',
      state: 'bad',
      n: 5,
      target: { q: 'workflow:pay error:RangeError' },
    });
    expect([found.series.length, found.latency.length]).toEqual([60, 60].map((n) => expect.closeTo(n, -1)));
    expect(found.workers.length).toBe(1);
    const sumOf = async (q: string) => {
      const { buckets, since, until, lookedTo } = await get(`runs/series?q=${encodeURIComponent(q)}`);
      expect([buckets.length, buckets[0].at, lookedTo]).toEqual([144, since, null]);
      expect(Date.parse(until) - Date.parse(since)).toBe(3_600_000);
      const sum = (key: 'started' | 'failed') =>
        buckets.reduce((all: number, one: Record<string, number>) => all + (one[key] ?? 0), 0);
      return [sum('started'), sum('failed')];
    };
    const [, failedRuns] = await sumOf('since:1h');
    expect(failedRuns).toBeGreaterThanOrEqual(5);
    // What the figures do not know is counted among the runs.
    expect(await sumOf('since:1h tag.tenant:fjord')).toEqual([5, 5]);
    expect(await sumOf('since:1h tag.tenant:fjord workflow:pay status:failed -error:TypeError')).toEqual([5, 5]);
    expect(await sumOf('since:1h queue:default root:yes')).toEqual([5, 5]);
    expect(await sumOf('since:1h status:completed')).toEqual([0, 0]);
    expect(await sumOf('since:1h status:running,completed,failed')).toEqual([5, 5]);
    expect((await get('runs/series?q=since:1h%20until:2h%20queue:x')).buckets).toEqual([]);
    expect(await get('runs/suggest?key=error&text=range')).toEqual({ items: ['RangeError'] });
    expect(await get('runs/suggest?key=tag')).toEqual({ items: ['tenant'] });
    expect(await get('runs/suggest?key=tag.tenant&text=F')).toEqual({ items: ['fjord'] });
    expect(await get('runs/suggest?key=workflow')).toEqual({ items: ['pay'] });
    expect(found.failuresCut).toBe(false);
    expect((await get('overview?since=1970-01-01&until=9998-01-01')).failures).toHaveLength(1);
    for (const bad of ['overview?window=2h', 'overview?until=2026-01-01', 'overview?since=x', 'runs/suggest']) {
      expect([bad, (await get(bad)).error.code]).toEqual([bad, 'INVALID_INPUT']);
    }
    // More failed than are read: the figures know how many.
    await pool.query(`
      WITH one AS (SELECT * FROM durable.workflow_executions LIMIT 1)
      INSERT INTO durable.workflow_executions (id, created_at, updated_at, started_at, completed_at, definition_id, end_token,
        priority, status, error, failed_step, workflow, queue, input)
      SELECT (left(id::text, 24) || lpad(i::text, 12, '0'))::uuid, created_at, updated_at, started_at, completed_at,
        definition_id, end_token, priority, status, error, failed_step, workflow, queue, input
      FROM one, generate_series(1, 1000) AS i`);
    for (let n = 0; n < 3_000; n++) adder.add(Date.now(), 'pay', 'failed', 'RangeError', 10, null);
    for (let n = 0; n < 9_000; n++) adder.add(Date.now(), 'pay', 'completed', '', 10, null);
    await new PgRunStats(pool, 'durable').add(uuidv7(), adder.take());
    const { failures, failuresCut, problems } = await get('overview?window=1h&workflow=pay');
    expect([failures[0].n, failuresCut]).toEqual([1_000, true]);
    expect(problems[0].n).toBeGreaterThanOrEqual(3_005);
    expect(problems[0]).toMatchObject({ since: null, detail: expect.stringMatching(/^25 % of those that ended/) });
  } finally {
    await pool.end();
    await running.close();
  }
});
