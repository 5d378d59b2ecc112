import type { StandingFacts } from '../../core/standing/facts.js';
import { type Standing, standingOf } from '../../core/standing/standing.js';
import { byRun, StandingLooks, type StandingOptions } from './standing-looks.js';

/**
 * Reads for the standing of runs: each of one run, its queue and its workers; for many runs each of these reads is one
 * statement. Nothing here locks or waits.
 */
export class PgStandingReads {
  constructor(private readonly options: StandingOptions) {}

  /** Null: there is no run of that id. */
  async explain(id: string): Promise<Standing | null> {
    return (await this.explainAll([id])).get(id) ?? null;
  }

  /** Of those of the runs that there are. */
  async explainAll(ids: readonly string[]): Promise<Map<string, Standing>> {
    const found = new Map<string, StandingFacts>();
    let left = ids;
    for (let look = 1; left.length > 0 && look <= LOOKS; look++) {
      // The attempts before the rows: one that ends in between leaves a run that goes on, not one that stands still.
      const looks = new StandingLooks(this.options, byRun(await this.options.inFlight(left)));
      const all = await Promise.all(left.map((id) => looks.facts(id)));
      left = left.filter((id, at) => {
        const facts = all[at];
        if (!facts) return false;
        found.set(id, facts);
        return hasMoved(facts);
      });
    }
    return new Map(ids.flatMap((id) => (found.has(id) ? [[id, standingOf(found.get(id) as StandingFacts)]] : [])));
  }
}

/** A run that goes on while it is looked at is looked at again, so many times at most. */
const LOOKS = 3;

/** Asleep for no reason: what it waited for came between the look at its row and that at its waits. Or its child so. */
function hasMoved(facts: StandingFacts): boolean {
  const { asleep, status, startedAt, round, waits, retries, away, attempts } = facts;
  // An attempt of a run that sleeps is at a step on another queue.
  const reasons = waits.length + retries.length + away.length + attempts.length;
  if (asleep && status !== 'paused' && startedAt !== null && round === 1 && reasons === 0) return true;
  return waits.some(({ child }) => child !== null && hasMoved(child));
}
