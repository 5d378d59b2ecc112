import { sleep, Step, Workflow } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { quantileOf, type StatsRow } from '../../lib/core/run/run-stats.js';
import { PgRunStats } from '../../lib/storage/reads/run-stats.js';
import { connectTo } from '../support/connections.js';
import { onTestServer } from '../testing/support.js';

class CardError extends Error {
  override name = 'CardError';
}

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  async charge({ fails = false }) {
    await sleep(60_000);
    if (fails) throw new CardError('declined');
  }
}

let test: DurableTest;

beforeAll(async () => {
  test = await createDurableTest({ providers: [OrderWorkflow] }, onTestServer);
});

it('what became of runs is added up by workflow, outcome and error, and written at the latest when the app closes', async () => {
  const from = new Date(Math.floor(test.now().getTime() / 7_200_000) * 7_200_000);
  for (const fails of [false, false, true]) await test.client.start(OrderWorkflow, { fails });
  const never = await test.client.start(OrderWorkflow, {});
  await test.idle();
  await never.cancel();
  await test.advance(60_000);
  await test.client.sweep();
  await test.advance(0);
  const connections = connectTo(test.url);
  try {
    const stats = new PgRunStats(connections.pool, 'durable');
    const read = (workflow: string | null): Promise<StatsRow[]> =>
      stats.read({ grain: 120, since: from, until: new Date(from.getTime() + 14_400_000), workflow });
    // Two writes add to the same rows.
    await test.client.start(OrderWorkflow, {});
    await test.idle();
    await test.advance(60_000);
    await test.client.sweep();
    const rows = await read('order');
    const of = (outcome: string): number =>
      rows.filter((row) => row.outcome === outcome).reduce((sum, { n }) => sum + n, 0);
    expect([of('completed'), of('failed'), of('cancelled'), of('began')]).toEqual([3, 1, 1, 5]);
    expect(rows.find(({ outcome }) => outcome === 'failed')?.error).toBe('CardError');
    // From the first claim to the end, the sleep among it.
    const completed = rows.find(({ outcome }) => outcome === 'completed');
    expect(quantileOf(completed?.durations ?? new Map<number, number>(), 0.5) ?? 0).toBeCloseTo(60_000, -4);
    expect(await read('none')).toEqual([]);
    const window = { grain: 120 as const, since: from, until: new Date(from.getTime() + 14_400_000) };
    const counts = await stats.counts({ ...window, workflow: 'order' });
    const sum = (outcome: string): number => counts.reduce((n, one) => n + (one.outcome === outcome ? one.n : 0), 0);
    expect([sum('completed'), sum('failed'), sum('cancelled'), sum('began')]).toEqual([3, 1, 1, 5]);
    expect(counts.map(({ at }) => at)).toEqual(counts.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(await stats.counts({ ...window, workflow: null })).toEqual(counts);
    expect(await stats.counts({ ...window, workflow: 'none' })).toEqual([]);
    expect(await stats.errors(window)).toContain('CardError');
    expect(await stats.errors(window)).not.toContain('');
    expect(await stats.errors({ ...window, until: from })).toEqual([]);
    expect((await read(null)).length).toBe(rows.length);
    await stats.forget();
    expect((await read(null)).length).toBe(rows.length);
  } finally {
    await connections.close();
    await test.close();
  }
});
