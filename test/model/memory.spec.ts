import { Random } from '../support/random.js';
import type { CommitFault } from '../support/memory-worker.js';
import { runInMemory, type Killing } from './memory-runs.js';
import type { Plan } from './plan.js';
import { failedSeeds, plansFrom, report } from './seeds.js';
import { faultsOf } from './verdict.js';
import { fullOr } from '../support/full.js';

/** Trees that run side by side, and whose worker is killed for all of them at once. */
const BATCH = 100;
const TREES = fullOr(10_000, 800);

const FAULTS: readonly CommitFault[] = ['kill before', 'kill after', 'broken before', 'broken after', 'locked'];

/** Many kills in the first commits of a batch, then none, so that it comes to an end. */
function killingOf(random: Random): Killing & { readonly counts: Map<CommitFault | 'stall', number> } {
  const counts = new Map<CommitFault | 'stall', number>();
  let left = 40;
  const strike = <T extends CommitFault | 'stall'>(fault: T): T => {
    left--;
    counts.set(fault, (counts.get(fault) ?? 0) + 1);
    return fault;
  };
  return {
    counts,
    fault: () => (left > 0 && random.chance(0.25) ? strike(random.pick(FAULTS)) : null),
    stall: () => left > 0 && random.chance(0.005) && strike('stall') === 'stall',
  };
}

const none: Killing = { fault: () => null, stall: () => false };

/** Made as they are run: all at once, with what the model says of them, are more than fits into the memory. */
function* batchesOf(plans: Iterable<Plan>): Generator<Plan[]> {
  let batch: Plan[] = [];
  for (const plan of plans) {
    batch.push(plan);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** A part of the seeds for each of the two, so that no tree is run twice. */
const parts = [
  { name: 'without a crash: every method exactly once', first: 1, share: 0.3, killed: false },
  { name: 'with workers killed at random commits', first: 1_000_001, share: 0.7, killed: true },
];

// Half of the time would go into the stacks of errors that are thrown on purpose.
const { stackTraceLimit } = Error;
beforeAll(() => void (Error.stackTraceLimit = 0));
afterAll(() => void (Error.stackTraceLimit = stackTraceLimit));

describe('random trees in memory do what the model says', () => {
  it.each(parts)(
    '$name',
    async ({ first, share, killed }) => {
      const wrong: string[] = [];
      const struck = new Map<string, number>();
      let run = 0;
      for (const batch of batchesOf(plansFrom(first, TREES * share))) {
        if (wrong.length > 10) break;
        const killing = killed ? killingOf(new Random(first + run)) : none;
        run += batch.length;
        const { runs, faults } = await runInMemory(batch, killing);
        wrong.push(...faults);
        batch.forEach((plan, index) => {
          const one = runs[index];
          const found = one === undefined ? ['it was not run'] : faultsOf(plan, one, killed);
          if (found.length > 0) wrong.push(report(plan, found));
        });
        if ('counts' in killing) {
          for (const [fault, n] of killing.counts as Map<string, number>)
            struck.set(fault, (struck.get(fault) ?? 0) + n);
        }
      }
      expect(wrong.join('\n')).toBe('');
      expect(run).toBe(TREES * share + failedSeeds.length);
      // Work was done, and faults of every kind were injected.
      const least = Math.min(...[...FAULTS, 'stall'].map((fault) => struck.get(String(fault)) ?? 0));
      expect(least > fullOr(50, 15)).toBe(killed);
    },
    600_000,
  );
});
