import { readFileSync } from 'node:fs';
import type { Plan } from './plan.js';
import { planOf } from './plan-generator.js';
import { expectedRound, TooMuch } from './reference.js';

interface Kept {
  /** Seeds of plans that went wrong once, with what was wrong; they run first, always. */
  readonly failed: Readonly<Record<string, string>>;
}

const kept = JSON.parse(readFileSync(new URL('./failed-seeds.json', import.meta.url), 'utf8')) as Kept;

/** Seeds of plans that went wrong once. */
export const failedSeeds = Object.keys(kept.failed).map(Number);

/** The plans of seeds that failed once, then of `count` others from `first` on; the few that take too long are left out. */
export function* plansFrom(first: number, count: number): Generator<Plan> {
  yield* failedSeeds.map(planOf);
  for (let seed = first, left = count; left > 0; seed++) {
    const plan = planOf(seed);
    if (failedSeeds.includes(seed) || !isFit(plan)) continue;
    yield plan;
    left--;
  }
}

function isFit(plan: Plan): boolean {
  try {
    for (let round = 1; round <= plan.maxRetries + 1; round++) expectedRound(plan, round);
    return true;
  } catch (error) {
    if (error instanceof TooMuch) return false;
    throw error;
  }
}

/** What to do about a plan that went wrong. */
export function report(plan: Plan, faults: readonly string[]): string {
  return [`Seed ${plan.seed} (add it to test/model/failed-seeds.json):`, ...faults.slice(0, 10)].join('\n  ');
}
