import { BEGAN, bucketOf, OTHER, quantileOf, StatsAdder } from '../../lib/core/run/run-stats.js';

const AT = Date.UTC(2026, 2, 1, 12, 34, 56);

it('a quantile of a histogram is right to 9 %', () => {
  for (const ms of [1, 7, 48, 1_000, 86_400_000]) {
    const found = quantileOf(new Map([[bucketOf(ms), 3]]), 0.5) ?? 0;
    expect(Math.abs(found / ms - 1)).toBeLessThan(0.1);
  }
  const histogram = new Map([10, 20, 30, 4_000].map((ms) => [bucketOf(ms), 1]));
  expect(quantileOf(histogram, 0.5) ?? 0).toBeCloseTo(20, -1);
  expect(quantileOf(histogram, 0.95) ?? 0).toBeGreaterThan(3_500);
  expect(quantileOf(new Map(), 0.5)).toBeNull();
  expect([0, -5, 0.2].map(bucketOf)).toEqual([0, 0, 0]);
});

it('is added up in three grains, each by its beginning', () => {
  const adder = new StatsAdder();
  adder.add(AT, 'order', 'completed', '', 100, null);
  adder.add(AT + 1_000, 'order', 'completed', '', 300, null);
  adder.add(AT, 'order', BEGAN, '', null, 5);
  const rows = adder.take();
  const completed = rows.filter(({ outcome }) => outcome === 'completed');
  expect(completed.map(({ grain, at, n, ms }) => [grain, new Date(at).toISOString().slice(11, 16), n, ms])).toEqual([
    [1, '12:34', 2, 400],
    [120, '12:00', 2, 400],
    [15, '12:30', 2, 400],
  ]);
  expect(rows.find(({ outcome }) => outcome === BEGAN)?.delays).toEqual(new Map([[bucketOf(5), 1]]));
  expect(adder.take()).toEqual([]);
});

it('so many names are kept apart, and no more', () => {
  const adder = new StatsAdder();
  for (let n = 0; n < 60; n++) adder.add(AT, 'order', 'failed', `Error${n}`, 1, null);
  expect(new Set(adder.take().map(({ error }) => error)).size).toBe(51);
  for (let n = 0; n < 600; n++) adder.add(AT, `w${n}`, 'failed', 'Error', 1, null);
  const rows = adder.take();
  expect(rows.filter(({ workflow, grain }) => workflow === OTHER && grain === 1)).toMatchObject([
    { n: 101, error: OTHER },
  ]);
});
