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
    if (ids.length === 0) return new Map();
    // The attempts before the rows: one that ends in between leaves a run that goes on, not one that stands still.
    const looks = new StandingLooks(this.options, byRun(await this.options.inFlight(ids)));
    const all = await Promise.all(ids.map((id) => looks.facts(id)));
    return new Map(ids.flatMap((id, at) => (all[at] ? [[id, standingOf(all[at])] as const] : [])));
  }
}
