import { encode } from '../../lib/core/codec/codec.js';
import { StatsJob } from '../../lib/lifecycle/stats-job.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgRunStats } from '../../lib/storage/reads/run-stats.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase } from '../support/database.js';

const AT = Date.now();
const WINDOW = { since: new Date(AT - 3 * 3_600_000), until: new Date(AT + 3_600_000) };

let connections: Connections;
let stats: PgRunStats;

beforeEach(async () => {
  connections = connectTo((await createTestDatabase()).url);
  stats = new PgRunStats(connections.pool, 'durable');
});

afterEach(() => connections.close());

/** Of each grain, how many runs have failed with which error. */
async function failures(): Promise<[grain: number, error: string, n: number][]> {
  const found = await Promise.all(
    ([1, 15, 120] as const).map((grain) => stats.read({ ...WINDOW, grain, workflow: 'order' })),
  );
  return found.flat().map(({ grain, error, n }) => [grain, error, n]);
}

function fail(job: StatsJob, name: string): void {
  job.ended(AT, 'order', 'failed', encode({ name, message: 'no' }), 5);
}

it.each([
  ['with NUL', 'No\0Such', 'NoSuch'],
  ['with half of a surrogate pair', 'No\ud83dSuch', 'No\ufffdSuch'],
  ['that is cut between two halves', `${'x'.repeat(199)}😀`, `${'x'.repeat(199)}\ufffd`],
])('the name of an error %s keeps no figures back', async (_, name, shown) => {
  const job = new StatsJob(stats);
  fail(job, name);
  fail(job, 'CardError');
  await job.write();
  expect(await failures()).toEqual(
    [1, 15, 120].flatMap((grain) => [shown, 'CardError'].toSorted((a, b) => (a < b ? -1 : 1)).map((error) => [grain, error, 1])),
  ); // prettier-ignore
});

it('figures that were added, and of which nobody was told, are not added again', async () => {
  let isLost = true;
  const job = new StatsJob({
    forget: () => stats.forget(),
    async add(...given) {
      await stats.add(...given);
      if (isLost) throw new Error('no answer');
    },
  });
  fail(job, 'CardError');
  await expect(job.write()).rejects.toThrow('no answer');
  fail(job, 'CardError');
  await expect(job.write()).rejects.toThrow('no answer');
  isLost = false;
  fail(job, 'CardError');
  await job.write();
  expect(await failures()).toEqual([1, 15, 120].map((grain) => [grain, 'CardError', 3]));
});

it('figures that could not be added are kept, with those that came later', async () => {
  let isAway = true;
  const job = new StatsJob({
    forget: () => stats.forget(),
    add: (...given) => (isAway ? Promise.reject(new Error('away')) : stats.add(...given)),
  });
  fail(job, 'CardError');
  await expect(job.write()).rejects.toThrow('away');
  fail(job, 'CardError');
  isAway = false;
  await job.write();
  expect(await failures()).toEqual([1, 15, 120].map((grain) => [grain, 'CardError', 2]));
});
