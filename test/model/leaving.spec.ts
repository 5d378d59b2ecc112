import { MemoryStore } from '../support/memory-store.js';
import type { CommitGroup, GroupResult } from '../../lib/engine/ports/store.js';
import { runInMemory } from './memory-runs.js';
import type { Act, Plan } from './plan.js';
import { faultsOf } from './verdict.js';

const RETRY_DELAY = 200;

/** The commit under which the run leaves takes so long that what it waits for falls due meanwhile. */
class SlowToPark extends MemoryStore {
  slow = 0;

  override async commitGroup(worker: number, group: CommitGroup): Promise<GroupResult> {
    for (const { outcome } of group.ops) {
      if (outcome?.kind !== 'park' || outcome.delayMs === null || outcome.delayMs <= 0) continue;
      this.slow++;
      const due = this.now() + outcome.delayMs;
      while (this.now() <= due) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return super.commitGroup(worker, group);
  }
}

const act = (changes: Partial<Act>): Act => ({
  fails: 0,
  fatal: false,
  firstRoundOnly: false,
  maxAttempts: 1,
  delay: 0,
  ticks: 0,
  returns: 'added',
  ...changes,
});

/** A failure is in the journal, and its retry waited for, when the other arm comes to its end. */
const planOf = (seed: number): Plan => ({
  seed,
  name: `leaving_${seed}`,
  input: {},
  maxRetries: 0,
  nodes: [
    {
      kind: 'parallel',
      name: 'both',
      act: act({ returns: 'nothing' }),
      arms: {
        retried: [
          { kind: 'step', name: 'retried', act: act({ fails: 1, maxAttempts: 2, delay: RETRY_DELAY }), undo: null },
        ],
        steady: [{ kind: 'step', name: 'steady', act: act({ ticks: 30 }), undo: null }],
      },
      onError: 'failFast',
      concurrency: null,
      jump: null,
    },
  ],
  undos: [],
});

it('begins no retry that falls due while the run is leaving: the next owner will make it', async () => {
  const plans = Array.from({ length: 20 }, (_, seed) => planOf(seed));
  const store = new SlowToPark();
  const { runs, faults } = await runInMemory(plans, { fault: () => null, stall: () => false }, store);
  const found = plans.flatMap((plan, at) => runs.slice(at, at + 1).flatMap((run) => faultsOf(plan, run, false)));
  expect([...found, ...faults]).toEqual([]);
  expect(runs).toHaveLength(plans.length);
  // Time goes by turns here, so that the arm of 30 turns is over long before the retry is due, on any machine.
  expect(store.slow).toBe(plans.length);
});
