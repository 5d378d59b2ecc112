import { BEGAN, StatsAdder } from '../../lib/core/run/run-stats.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { durationsOf, grainOf, pointsOf, seriesOf, sumsOf } from '../../lib/dashboard/api/figures.js';
import { PgRunStats } from '../../lib/storage/reads/run-stats.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase } from '../support/database.js';
import { Random } from '../support/random.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WORKFLOWS = ['order', 'refund', 'ship'];
const POINTS = 24;
const NOW = Date.UTC(2026, 0, 20, 10, 7, 33);

let connections: ReturnType<typeof connectTo>;
let stats: PgRunStats;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  connections = connectTo(url);
  stats = new PgRunStats(connections.pool, 'durable');
  const random = new Random(3);
  const adder = new StatsAdder();
  for (let n = 0; n < 3_000; n++) {
    const at = NOW - random.int(0, 50 * HOUR);
    const outcome = random.pick([BEGAN, 'completed', 'completed', 'failed', 'compensated', 'cancelled']);
    const error = ['failed', 'compensated'].includes(outcome) ? random.pick(['CardError', 'TimeoutError']) : '';
    adder.add(at, random.pick(WORKFLOWS), outcome, error, random.int(1, 500_000), outcome === BEGAN ? 20 : null);
  }
  await stats.add(uuidv7(), adder.take());
});
afterAll(() => connections.close());

it.each([
  ['an hour', HOUR, 0],
  ['six hours', 6 * HOUR, 0],
  ['a day', 24 * HOUR, 0],
  ['two days', 48 * HOUR, 0],
  ['three hours, which ended then', 3 * HOUR, 5 * HOUR + 25 * MINUTE],
  ['a day, which ended then', 24 * HOUR, 3 * HOUR + 50 * MINUTE],
  ['a whole piece', 2 * HOUR, 7 * MINUTE + 33_000],
])('of %s, what the database adds up for each workflow is what its rows come to', async (_, length, ago) => {
  const window = { since: NOW - ago - length, until: NOW - ago };
  const grain = grainOf(window, NOW);
  const stretch = { grain, since: new Date(window.since), until: new Date(window.until) };
  const points = pointsOf(window, grain, POINTS);
  const all = await stats.each({ ...stretch, points });
  // However many rows there are: of a workflow one for each outcome and point, and one for its durations.
  const most = Math.ceil((window.until - points.first) / points.step) * 4 + 1;
  for (const workflow of WORKFLOWS) {
    const mine = all.filter((row) => row.workflow === workflow);
    const rows = await stats.read({ ...stretch, workflow });
    expect(rows.length).toBeGreaterThan(0);
    expect(mine.length).toBeLessThanOrEqual(most);
    const { completed, failed, other, rollbackFailed, p50, p95 } = sumsOf(rows);
    expect(sumsOf(mine)).toMatchObject({ started: 0, completed, failed, other, rollbackFailed, p50, p95 });
    expect(durationsOf(mine)).toEqual(durationsOf(rows));
    const series = (of: typeof rows) =>
      seriesOf(of, window, grain, POINTS).map(({ at, sums }) => [at, sums.completed, sums.failed, sums.other]);
    expect(series(mine)).toEqual(series(rows));
  }
  expect(new Set(all.map(({ workflow }) => workflow))).toEqual(new Set(WORKFLOWS));
});
