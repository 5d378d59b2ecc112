import type { RunListFilters, RunMatch } from '../../lib/core/run/execution.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { PgReads } from '../../lib/storage/reads/reads.js';
import { Random } from '../support/random.js';
import { Rows } from './rows.js';

/**
 * Lists by what no index has: a page looks at so many runs, says how far it has looked, and the next goes on from there.
 * Together they have every run that fits, once.
 */

interface Known {
  readonly id: string;
  readonly at: number;
  readonly workflow: string;
  readonly queue: string;
  readonly status: string;
  readonly took: number;
  readonly version: number;
  readonly child: boolean;
  readonly tenant: string | null;
  readonly schedule: string | null;
}

const FIRST = Date.UTC(2026, 0, 1);
const RUNS = 200;
const LOOKED_AT = 20;

let rows: Rows;
let reads: PgReads;
let known: Known[] = [];
let parent = '';

const readsOf = ({ pool }: Rows): PgReads =>
  new PgReads({
    query: queryOf(pool),
    schema: 'durable',
    inFlight: () => [],
    workerId: () => 0,
    redact: NO_REDACTION,
    lookedAt: LOOKED_AT,
  });

beforeAll(async () => {
  rows = await Rows.open();
  reads = readsOf(rows);
  const versions = [rows.definitionId, await rows.addDefinition('order', 2)];
  const others = [await rows.addDefinition('refund', 1), await rows.addDefinition('refund', 2)];
  const random = new Random(11);
  let at = FIRST;
  for (let n = 0; n < RUNS; n++) {
    // Two thirds of them within a few seconds, and hours in which there is nothing.
    at += n % 50 < 33 ? random.int(0, 200) : random.int(0, 3_600_000);
    const workflow = random.pick(['order', 'order', 'refund']);
    const version = random.int(1, 2);
    const took = random.pick([10, 100, 5_000, 7_200_000]);
    const status = random.pick(['completed', 'completed', 'failed', 'waiting']);
    const child = parent !== '' && random.chance(0.2);
    const tenant = random.pick([null, 'a', 'b']);
    const schedule = random.pick([null, 'nightly', 'nightly', 'rare'].slice(0, n % 10 === 0 ? 4 : 3));
    const started = new Date(at);
    const queue = random.pick(['default', 'ai']);
    const run = {
      workflow,
      definition_id: (workflow === 'order' ? versions : others)[version - 1],
      queue,
      created_at: started,
      started_at: started,
      parent_id: child ? parent : null,
      schedule_name: schedule,
      tags: tenant === null ? null : JSON.stringify({ tenant }),
      ...(status === 'failed' && { error: '{"name":"E","message":""}' }),
    };
    const id =
      status === 'waiting'
        ? await rows.open({ started_at: started, state: 'sleeping', due_at: 'infinity', because: 'wait' }, run)
        : await rows.run({ ...run, status, completed_at: new Date(at + took) });
    if (parent === '') parent = id;
    known.push({
      id,
      at,
      workflow,
      queue,
      status,
      took: status === 'waiting' ? Infinity : took,
      version,
      child,
      tenant,
      schedule,
    });
  }
  known = known.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  await rows.pool.query('VACUUM ANALYZE durable.workflow_executions');
});
afterAll(() => rows.close());

const tagged = (name: string, value: string): RunMatch => ({ tags: [{ name, not: false, values: [value] }] });
const ofSchedule = (name: string): RunMatch => ({ texts: [{ field: 'schedule', not: false, values: [name] }] });

const MATCHES: readonly [string, RunMatch, (run: Known) => boolean][] = [
  ['took more than an hour', { tookAtLeast: 3_600_000 }, ({ took }) => took > 3_600_000],
  ['took less than a second', { tookAtMost: 1_000 }, ({ took }) => took < 1_000],
  ['took longer than any', { tookAtLeast: 1e12 }, () => false],
  ['children', { root: false }, ({ child }) => child],
  ['no children', { root: true }, ({ child }) => !child],
  ['not tried again', { retrying: false }, () => true],
  ['a version', { texts: [{ field: 'version', not: false, values: ['2', '9'] }] }, ({ version }) => version === 2],
  ['another version', { texts: [{ field: 'version', not: true, values: ['2'] }] }, ({ version }) => version !== 2],
  ['another tag', { tags: [{ name: 'tenant', not: true, values: ['a'] }] }, ({ tenant }) => tenant !== 'a'],
  ['without a tag', { tags: [{ name: 'tenant', not: false, values: [''] }] }, ({ tenant }) => tenant === null],
  [
    'another error, of one workflow among some',
    { texts: [{ field: 'error', not: true, values: ['E'] }, { field: 'workflow', not: false, values: ['refund', 'x'] }] },
    ({ status, workflow }) => status !== 'failed' && workflow === 'refund',
  ],
]; // prettier-ignore

/** Of these an index has a part, and that not always in their order. */
const INDEXED: typeof MATCHES = [
  ['anything', {}, () => true],
  ['a tag that many have', tagged('tenant', 'a'), ({ tenant }) => tenant === 'a'],
  ['a tag that none has', tagged('tenant', 'c'), () => false],
  ['a tag, and took more than an hour', { ...tagged('tenant', 'a'), tookAtLeast: 3_600_000 }, ({ tenant, took }) => tenant === 'a' && took > 3_600_000],
  ['a tag and a schedule', { ...tagged('tenant', 'a'), ...ofSchedule('nightly') }, ({ tenant, schedule }) => tenant === 'a' && schedule === 'nightly'],
  ['a schedule that many have', ofSchedule('nightly'), ({ schedule }) => schedule === 'nightly'],
  ['a schedule that few have', ofSchedule('rare'), ({ schedule }) => schedule === 'rare'],
]; // prettier-ignore

const OTHERS: readonly [string, RunListFilters, (run: Known) => boolean][] = [
  ['anywhere', {}, () => true],
  ['of a workflow', { workflow: 'order' }, ({ workflow }) => workflow === 'order'],
  ['of a queue', { queue: 'default' }, ({ queue }) => queue === 'default'],
  ['of a workflow and a queue that has none', { workflow: 'order', queue: 'none' }, () => false],
  ['completed or waiting', { status: ['completed', 'waiting'] }, ({ status }) => status !== 'failed'],
  [
    'of a time',
    { since: new Date(FIRST + 2_000), until: new Date(FIRST + 20 * 3_600_000) },
    ({ at }) => at >= FIRST + 2_000 && at < FIRST + 20 * 3_600_000,
  ],
];

/** Of these an index has the status. */
const INDEXED_STATUSES: typeof OTHERS = [
  ['completed', { status: 'completed' }, ({ status }) => status === 'completed'],
  ['failed', { status: 'failed' }, ({ status }) => status === 'failed'],
  ['waiting', { status: 'waiting' }, ({ status }) => status === 'waiting'],
  ['failed or waiting', { status: ['failed', 'waiting'] }, ({ status }) => status !== 'completed'],
  ['failed, of a workflow', { status: 'failed', workflow: 'refund' }, (run) => run.status === 'failed' && run.workflow === 'refund'],
  ['cancelled', { status: 'cancelled' }, () => false],
]; // prettier-ignore

describe.each([...MATCHES, ...INDEXED])('%s', (_, match, fits) => {
  it.each(INDEXED.some((one) => one[1] === match) ? [...OTHERS, ...INDEXED_STATUSES] : OTHERS)(
    '%s: page by page in both orders, each of so many that are looked at',
    async (__, filters, alsoFits) => {
      const wanted = known.filter((run) => fits(run) && alsoFits(run)).map(({ id }) => id);
      for (const order of ['desc', 'asc'] as const) {
        const found: string[] = [];
        let mark: RunListFilters = {};
        for (let pages = 0; ; pages++) {
          expect(pages).toBeLessThan(RUNS);
          const { runs, lookedTo, next } = await reads.page({ ...filters, match, order, limit: 7, ...mark });
          found.push(...runs.map(({ id }) => id));
          expect(runs.length).toBeLessThan(lookedTo === null ? 8 : 7);
          expect(next?.id).toBe(runs[6]?.id);
          const last = found.at(-1);
          if (lookedTo !== null) {
            mark = order === 'desc' ? { until: lookedTo } : { since: lookedTo };
          } else if (next === null || last === undefined) break;
          else if (pages % 2 === 0) mark = { behind: next };
          else mark = order === 'desc' ? { before: last } : { after: last };
        }
        expect(found).toEqual(order === 'asc' ? wanted : wanted.toReversed());
      }
      expect((await reads.listExecutions({ ...filters, match, limit: 7 })).map(({ id }) => id)).toEqual(
        wanted.toReversed().slice(0, 7),
      );
      expect(
        (await reads.listExecutions({ ...filters, match, limit: 5, offset: 4, order: 'asc' })).map(({ id }) => id),
      ).toEqual(wanted.slice(4, 9));
      expect((await reads.listIds({ ...filters, match, limit: 150 })).ids).toEqual(wanted.toReversed().slice(0, 150));
      const { n, more } = await reads.countUpTo({ ...filters, match }, 1_000);
      const { lookedTo } = await reads.page({ ...filters, match, limit: 1_000 });
      const from = Number(more ? (lookedTo ?? -Infinity) : -Infinity);
      // A tag alone is counted in its index, whatever a page looks at.
      expect(n).toBe(known.filter((run) => fits(run) && alsoFits(run) && run.at >= from).length);
    },
  );
});

describe('starts over time', () => {
  const matches: readonly [string, RunMatch, (run: Known) => boolean][] = [
    ...MATCHES,
    ['anything', {}, () => true],
    ['a tag that many have', tagged('tenant', 'a'), ({ tenant }) => tenant === 'a'],
    ['a tag that none has', tagged('tenant', 'c'), () => false],
    [
      'an error that many have',
      { texts: [{ field: 'error', not: false, values: ['E'] }] },
      ({ status }) => status === 'failed',
    ],
  ];
  const others: typeof OTHERS = [
    ...OTHERS,
    ['failed', { status: 'failed' }, ({ status }) => status === 'failed'],
    ['waiting', { status: 'waiting' }, ({ status }) => status === 'waiting'],
  ];

  it.each(matches)('%s: as many as there are since the time that was looked to', async (_, match, fits) => {
    const since = new Date(FIRST);
    const until = new Date(Math.max(...known.map(({ at }) => at)) + 1);
    for (const [name, filters, alsoFits] of others) {
      const from = Math.max(FIRST, filters.since?.getTime() ?? 0);
      const to = Math.min(until.getTime(), filters.until?.getTime() ?? Infinity);
      const pieces = { since: new Date(from), until: new Date(to), count: 7 };
      const wanted = known.filter((run) => fits(run) && alsoFits(run) && run.at >= from && run.at < to);
      const { started, failed, lookedTo } = await reads.startsOver({ ...filters, match }, pieces, ['failed']);
      const counted = wanted.filter(({ at }) => at >= Number(lookedTo ?? since));
      const inPieces = (runs: readonly Known[]): number[] =>
        Array.from({ length: 7 }, (__, n) => runs.filter(({ at }) => Math.floor(((at - from) / (to - from)) * 7) === n).length); // prettier-ignore
      // Of those that are looked at as many as of any list; of one time more may have been started than are counted.
      expect([name, started]).toEqual([name, inPieces(counted)]);
      expect([name, failed]).toEqual([name, inPieces(counted.filter(({ status }) => status === 'failed'))]);
      expect(counted.length).toBeLessThanOrEqual(LOOKED_AT + 1);
      expect(lookedTo !== null || counted.length === wanted.length).toBe(true);
    }
  });
});

it('what few of many have is looked for in several pages, and its count says that there may be more', async () => {
  const match = { tookAtLeast: 1e12 };
  const first = await reads.page({ match });
  expect(first.runs).toEqual([]);
  expect(first.lookedTo).toBeInstanceOf(Date);
  const passed = known.filter(({ at }) => at >= Number(first.lookedTo)).length;
  expect(passed).toBeGreaterThan(0);
  expect(passed).toBeLessThanOrEqual(LOOKED_AT);
  expect(await reads.countUpTo({ match }, 1_000)).toEqual({ n: 0, more: true });
});

it('what an index has is looked for in one page', async () => {
  const none = { texts: [{ field: 'schedule' as const, not: false, values: ['none'] }] };
  for (const filters of [{ match: none }, { status: 'failed' as const, match: { tookAtLeast: 1e12 } }]) {
    expect(await reads.page(filters)).toEqual({ runs: [], marks: [], lookedTo: null, next: null });
    expect(await reads.countUpTo(filters, 1_000)).toEqual({ n: 0, more: false });
  }
});

it('ids and beginnings of them are looked for along the key', async () => {
  const some = [known[3], known[70], known[150]].map((run) => run?.id.replaceAll('-', '') ?? '');
  const values = [...some, some[0]?.slice(0, 31) ?? '', 'f'.repeat(32)];
  const match: RunMatch = { texts: [{ field: 'id', not: false, values }] };
  const found = await reads.page({ match, workflow: undefined });
  expect(found.runs.map(({ id }) => id.replaceAll('-', '')).toSorted()).toEqual(some.toSorted());
  expect(await reads.countUpTo({ match }, 10)).toEqual({ n: 3, more: false });
  const others = await reads.page({ match: { texts: [{ field: 'id', not: true, values }] }, limit: 1_000 });
  expect(others.lookedTo).toBeInstanceOf(Date);
});

describe('of other runs', () => {
  const match = { tookAtLeast: 1e12 };
  let own: Rows;
  let look: PgReads;
  beforeAll(async () => {
    own = await Rows.open();
    look = readsOf(own);
  });
  afterAll(() => own.close());
  /** So many runs, one every so many microseconds. */
  const add = (workflow: string, runs: number, from: string, apart: number, queue = 'default') =>
    own.pool.query(
      `INSERT INTO durable.workflow_executions (id, created_at, updated_at, completed_at, definition_id, priority, workflow, queue, input, status)
       SELECT gen_random_uuid(), t, t, t, $1, 0, $2, $6, '{}', 'completed'
       FROM generate_series(1, $3) n CROSS JOIN LATERAL (SELECT $4::timestamptz + n * $5::float8 * interval '1 us' AS t) u`,
      [own.definitionId, workflow, runs, from, apart, queue],
    );

  it('as many as are looked at, all in all, are looked at to their end', async () => {
    await add('few', LOOKED_AT - 4, '2026-01-01T00:00:00Z', 60_000_000);
    await own.pool.query('VACUUM ANALYZE durable.workflow_executions');
    for (const order of ['desc', 'asc'] as const) expect((await look.page({ match, order })).lookedTo).toBeNull();
    expect(await look.countUpTo({ status: 'completed', match: { root: true } }, 1_000)).toEqual({
      n: LOOKED_AT - 4,
      more: false,
    });
  });

  it('those of less than a millisecond are looked at to their end', async () => {
    await add('twins', 2, '2026-01-01T00:00:00Z', 1);
    await add('other', 500, '2026-01-01T00:00:00Z', 1_000);
    await own.pool.query('VACUUM ANALYZE durable.workflow_executions');
    for (const order of ['desc', 'asc'] as const) {
      expect(await look.page({ match, workflow: 'twins', order })).toEqual({
        runs: [],
        marks: [],
        lookedTo: null,
        next: null,
      });
      expect((await look.page({ match: { root: true }, workflow: 'twins', order })).runs).toHaveLength(2);
    }
  });

  it('unfinished ones of one millisecond are looked at to their end, of the many of a tag too', async () => {
    await add('tagged', 60, '2026-02-01T00:00:00Z', 1_000);
    await own.pool.query(`UPDATE durable.workflow_executions SET tags = '{"tenant":"many"}' WHERE workflow = 'tagged'`);
    const created_at = new Date('2026-02-02T00:00:00Z');
    const waits = { started_at: created_at, created_at, state: 'sleeping', due_at: 'infinity', because: 'wait' };
    const tags = '{"tenant":"many"}';
    const fitting = [];
    for (let n = 0; n < 50; n++) {
      const id = await own.open(waits, { created_at, ...(n % 25 === 7 ? { tags } : {}) });
      if (n % 25 === 7) fitting.push(id);
    }
    for (const order of ['desc', 'asc'] as const) {
      const found: string[] = [];
      for (let mark: RunListFilters = {}; ;) {
        const filters = { match: tagged('tenant', 'many'), status: 'waiting', order, ...mark } as const;
        const { runs, lookedTo } = await look.page(filters);
        found.push(...runs.map(({ id }) => id));
        if (lookedTo === null) break;
        mark = order === 'desc' ? { until: lookedTo } : { since: lookedTo };
      }
      expect(found.toSorted()).toEqual(fitting.toSorted());
    }
  });

  it('of a queue alone its own runs are counted, and not those of the first queue of each workflow', async () => {
    await add('two', 1, '2026-01-01T00:00:00Z', 60_000_000, 'a');
    await add('two', 400, '2026-01-01T00:00:00Z', 60_000_000, 'busy');
    await own.pool.query('VACUUM ANALYZE durable.workflow_executions');
    const { lookedTo } = await look.page({ queue: 'busy', match });
    const passed = await look.countExecutions({ queue: 'busy', since: lookedTo ?? undefined });
    expect(passed).toBeGreaterThan(LOOKED_AT / 4);
    expect(passed).toBeLessThanOrEqual(LOOKED_AT);
  });

  it('a time without runs is passed at once', async () => {
    await add('gap', 400, '2025-01-01T00:00:00Z', 60_000_000);
    await add('gap', 10, '2026-01-01T00:00:00Z', 60_000_000);
    await own.pool.query('VACUUM ANALYZE durable.workflow_executions');
    for (const order of ['desc', 'asc'] as const) {
      let pages = 1;
      for (let mark: RunListFilters = {}; ; pages++) {
        const { lookedTo } = await look.page({ match, workflow: 'gap', order, ...mark });
        if (lookedTo === null) break;
        mark = order === 'desc' ? { until: lookedTo } : { since: lookedTo };
        expect(pages).toBeLessThan(100);
      }
      // Ten runs a page, and a few that take fewer. A year without runs would take as many pages again.
      expect(pages).toBeLessThan(60);
    }
  });
});

it('children are looked at so many at a time for what no index has', async () => {
  const children = known.filter(({ child }) => child);
  for (const [filters, fits] of [
    [{ status: 'failed' }, (run: Known) => run.status === 'failed'],
    [{ match: tagged('tenant', 'b') }, (run: Known) => run.tenant === 'b'],
    [{}, () => true],
  ] as const) {
    for (const order of ['desc', 'asc'] as const) {
      const found: string[] = [];
      for (let mark: RunListFilters = {}; ;) {
        const { runs, lookedTo } = await reads.page({ ...filters, parentId: parent, order, limit: 50, ...mark });
        found.push(...runs.map(({ id }) => id));
        if (lookedTo === null) break;
        mark = order === 'desc' ? { until: lookedTo } : { since: lookedTo };
      }
      const wanted = children.filter((run) => fits(run)).map(({ id }) => id);
      expect(found).toEqual(order === 'asc' ? wanted : wanted.toReversed());
    }
  }
});
