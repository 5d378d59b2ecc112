import { createTestDatabase } from '../support/database.js';
import { Random } from '../support/random.js';
import { expectedOf } from './expected.js';
import { plansOf } from './generator.js';
import { actsOf, membersOf, QUEUES } from './plan.js';
import { settingsOf } from './settings.js';
import { tickFaults } from './ticks.js';
import { runTrial } from './trial.js';
import { nameAt, nodesAt, undosAt, type Version } from './versions.js';

/** One small trial of `npm run test:random`, so that the suite itself is known to work. */
const SEED = 4;

it('the same seed gives the same plans', () => {
  expect(plansOf(SEED, 24)).toEqual(plansOf(SEED, 24));
  expect(plansOf(SEED + 1, 24)).not.toEqual(plansOf(SEED, 24));
});

it('plans have every kind of member and act, most of them complete, and some fail', () => {
  const plans = Array.from({ length: 20 }, (_, seed) => plansOf(seed, 24)).flat();
  const kinds = new Set(plans.flatMap((plan) => membersOf(plan.nodes).map(({ kind }) => kind)));
  expect([...kinds].toSorted(byName)).toEqual(['branch', 'decision', 'forEach', 'parallel', 'step']);
  const acts = new Set(plans.flatMap((plan) => actsOf(plan.nodes).map((act) => act.do)));
  expect([...acts].toSorted(byName)).toEqual(
    'all any both child doom event fail hang input once race sleep start tell work'.split(' '),
  );
  const ends = Array.from({ length: 20 }, (_, seed) => plansOf(seed, 24)).flatMap((all) =>
    all.map((plan) => expectedOf(plan, all).end),
  );
  expect(ends.filter((end) => end === 'completed').length).toBeGreaterThan(ends.length / 2);
  expect(ends.filter((end) => end === 'failed').length).toBeGreaterThan(ends.length / 20);
});

it('a later version has two steps more, another one a member under another name, and a compensation less', () => {
  const plans = plansOf(SEED, 24);
  for (const plan of plans) {
    const names = (version: Version): string[] =>
      membersOf(nodesAt(plan, version)).map(({ name }) => nameAt(plan, name, version));
    expect(names(2)).toHaveLength(names(1).length + (plan.laterWithin === null ? 1 : 2));
    expect(names(2).filter((name) => !names(3).includes(name))).toEqual(plan.renamed === null ? [] : [plan.renamed]);
    expect(undosAt(plan, 3)).toHaveLength(plan.undos.length - (plan.dropped === null ? 0 : 1));
  }
  const kinds = plans.map(({ laterWithin, renamed, dropped }) => [laterWithin, renamed, dropped]);
  for (const at of [0, 1, 2]) expect(kinds.some((one) => one[at] !== null)).toBe(true);
});

it('a due time of a schedule has one run, and none has a run that was not due', () => {
  const span = (at: number) => ({ from: at, to: at });
  const era = {
    schedule: 'tick',
    period: 2,
    caughtUp: true,
    began: span(1_500),
    ended: { ...span(9_000), next: 8_000 },
  };
  const runs = (...dues: number[]) => dues.map((due) => ({ schedule: 'tick', due, runs: 1 }));
  const faults = (...args: Parameters<typeof tickFaults>): string[] => tickFaults(...args).map(({ what }) => what);
  expect(faults([era], runs(2_000, 4_000, 6_000))).toEqual([]);
  expect(faults([era], runs(2_000, 6_000))).toEqual(['schedule tick: due time 1970-01-01T00:00:04.000Z has no run']);
  expect(faults([{ ...era, caughtUp: false }], runs(2_000, 6_000))).toEqual([]);
  expect(faults([era], [...runs(2_000, 4_000), { schedule: 'tick', due: 6_000, runs: 2 }])).toEqual([
    'schedule tick: due time 1970-01-01T00:00:06.000Z has 2 runs',
  ]);
  expect(faults([era], runs(2_000, 3_000, 4_000, 6_000, 10_000))).toEqual([
    'schedule tick: due time 1970-01-01T00:00:03.000Z was not due, and has a run',
    'schedule tick: due time 1970-01-01T00:00:10.000Z was not due, and has a run',
  ]);
});

it('runs come to what their plans say', async () => {
  const { url } = await createTestDatabase();
  const size = {
    plans: 4,
    runs: 4,
    workers: 1,
    faults: [],
    seldom: false,
    pooled: false,
    deploys: true,
    acts: true,
    retention: false,
    schedules: false,
  } as const;
  const queues = Object.fromEntries(QUEUES.map((queue) => [queue, { concurrency: 10 }]));
  const settings = { ...settingsOf(new Random(SEED), size), options: { queues } };
  const { faults, accounts, runs } = await runTrial(SEED, settings, url);
  expect([...faults.map(({ what }) => what), ...accounts]).toEqual([]);
  expect(runs).toBeGreaterThanOrEqual(4);
}, 300_000);

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}
