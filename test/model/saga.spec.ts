import type { CommitFault } from '../support/memory-worker.js';
import { runInMemory } from './memory-runs.js';
import type { Act, NodePlan, Plan, Undo } from './plan.js';
import { report } from './seeds.js';
import { faultsOf } from './verdict.js';

const act = (changes: Partial<Act> = {}): Act => ({
  fails: 0,
  fatal: false,
  firstRoundOnly: false,
  maxAttempts: 1,
  delay: 0,
  ticks: 0,
  returns: 'added',
  ...changes,
});
const broken = act({ fails: Number.POSITIVE_INFINITY });
const step = (name: string, undo: string | null = null, what = act(), when: Undo['when'] = 'completed'): NodePlan => ({
  kind: 'step',
  name,
  act: what,
  undo: undo === null ? null : { name: undo, when },
});
const loop = (name: string, arm: NodePlan[], changes: object = {}): NodePlan => ({
  kind: 'forEach',
  name,
  act: act({ returns: 'nothing' }),
  arm,
  items: [1, 2, 3],
  onError: 'failFast',
  concurrency: 10,
  results: 'all',
  ...changes,
});
const plan = (seed: number, nodes: NodePlan[], changes: Partial<Plan> = {}): Plan => ({
  seed,
  name: `saga_${seed}`,
  input: {},
  maxRetries: 0,
  nodes,
  undos: [
    { name: 'cancel', act: act({ returns: 'nothing' }) },
    { name: 'refund', act: act({ returns: 'nothing', fails: 1, maxAttempts: 2 }) },
  ],
  ...changes,
});

/** Undone from the main sequence, a branch, arms and items; a retry in the rollback; a step that only began. */
const trip = plan(1, [
  step('flight', 'cancel'),
  {
    kind: 'branch',
    name: 'way',
    act: act({ returns: 'nothing' }),
    values: [true],
    arms: { true: [step('visa', 'refund')] },
  },
  {
    kind: 'parallel',
    name: 'stay',
    act: act({ returns: 'nothing' }),
    arms: { hotel: [step('hotel', 'cancel')], cars: [loop('cars', [step('car', 'refund')])] },
    onError: 'failFast',
    concurrency: null,
    jump: null,
  },
  step('pay', 'refund', broken, 'started'),
]);

async function crashAt(one: Plan, commit: number, fault: CommitFault): Promise<{ found: string[]; reached: boolean }> {
  let commits = 0;
  const killing = { fault: () => (++commits === commit ? fault : null), stall: () => false };
  const { runs, faults } = await runInMemory([one], killing);
  const found = runs.flatMap((run) => faultsOf(one, run, true));
  return { found: [...found, ...faults], reached: commits >= commit };
}

describe('a saga', () => {
  it.each([
    ['a failed trip', trip],
    ['a trip that is tried a second time', { ...trip, seed: 2, name: 'saga_2', maxRetries: 1 }],
  ])('%s: is undone whole, whatever commit the worker crashes at', async (_name, one) => {
    let last = 0;
    for (const fault of ['kill before', 'kill after', 'broken before', 'broken after'] as const) {
      for (let commit = 1, more = true; more; commit++) {
        const { found, reached } = await crashAt(one, commit, fault);
        expect(found.length === 0 ? '' : `${fault} commit ${commit}: ${report(one, found)}`).toBe('');
        more = reached;
        last = Math.max(last, commit);
      }
    }
    expect(last).toBeGreaterThan(15);
  });

  it('undoes what a failed item had still running, also where the loop wants no results', async () => {
    const slow = step('slow', 'cancel', act({ ticks: 40 }));
    const inner = loop('inner', [
      {
        kind: 'branch',
        name: 'pick',
        act: act({ returns: 'nothing' }),
        // By the data, which has one key more in the second item.
        values: ['slow', 'bad'],
        arms: { slow: [slow], bad: [step('bad', null, broken)] },
      },
    ], { items: [{ a: 1, b: 2 }, { a: 1 }, { a: 1 }] }); // prettier-ignore
    const outer = loop('outer', [inner], { items: [1, 2], onError: 'completeAll', results: 'none', concurrency: 1 });
    const one = plan(3, [outer, step('end', 'refund', broken, 'started')]);
    const { runs, faults } = await runInMemory([one], { fault: () => null, stall: () => false });
    expect([...runs.flatMap((run) => faultsOf(one, run, false)), ...faults]).toEqual([]);
    expect(runs[0]?.status).toBe('compensated');
  });

  it('does not lose one of 200 runs whose four arms come to their end at once', async () => {
    const arms = Object.fromEntries(['a', 'b', 'c', 'd'].map((key) => [key, [step(`${key}1`), step(`${key}2`)]]));
    const plans = Array.from({ length: 200 }, (_, index) =>
      plan(index, [{ kind: 'parallel', name: 'fan', act: act({ returns: 'nothing' }), arms, onError: 'failFast', concurrency: null, jump: null }], { undos: [] }),
    ); // prettier-ignore
    const { runs, faults } = await runInMemory(plans, { fault: () => null, stall: () => false });
    const found = runs.flatMap((run, index) => faultsOf(plans[index] ?? trip, run, false));
    expect([...found, ...faults]).toEqual([]);
  });
});
