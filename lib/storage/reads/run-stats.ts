import { ALL_WORKFLOWS, GRAINS, type Grain, type StatsRow, withTotals } from '../../core/run/run-stats.js';
import { doOnce } from '../connection/once.js';
import { laneOf, type Lender, queryOf, readsOf } from '../connection/transaction.js';
import { sql } from '../sql.js';

interface Row {
  readonly at: number;
  readonly workflow: string;
  readonly outcome: string;
  readonly error: string;
  readonly n: number;
  readonly ms: number;
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
  readonly delay_buckets: readonly number[];
  readonly delay_counts: readonly number[];
}

interface EachRow extends Pick<Row, 'at' | 'workflow' | 'outcome' | 'n'> {
  readonly buckets: readonly number[] | null;
  readonly counts: readonly number[] | null;
}

export interface StatsWindow {
  readonly grain: Grain;
  readonly since: Date;
  readonly until: Date;
  /** Null: all of them together. */
  readonly workflow: string | null;
}

/** A window, cut into the points of a chart: the beginning of the first, and how far apart they are, in ms. */
export interface PointsWindow extends Omit<StatsWindow, 'workflow'> {
  readonly points: { readonly first: number; readonly step: number };
}

/** How many runs of a workflow have ended with an error. */
export interface EndCount {
  readonly workflow: string;
  /** `''`: with none. */
  readonly error: string;
  readonly n: number;
}

/** Number of runs of one outcome in one piece of time. */
export type StatsCount = Pick<StatsRow, 'at' | 'outcome' | 'n'>;

/** Figures of runs over time: processes add to them, people read them. */
export class PgRunStats {
  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
  ) {}

  /** Once, whatever becomes of the answer, for each request: one that came to none may be made again. */
  async add(request: string, rows: readonly StatsRow[]): Promise<void> {
    const json = JSON.stringify(
      withTotals(rows).map(({ durations, delays, ...row }) => ({ ...row, ...arrays(durations, delays) })),
    );
    await doOnce(laneOf(this.pool), this.schema, request, (query) => query(sql('add-stats', this.schema), [json]));
  }

  async read({ grain, since, until, workflow }: StatsWindow): Promise<StatsRow[]> {
    const values = [grain, since.toISOString(), until.toISOString(), workflow ?? ALL_WORKFLOWS];
    const rows = await readsOf(this.pool)<Row>(sql('read-stats', this.schema), values);
    // Written out, here and below: the rest of thousands of objects takes several times as long.
    return rows.map(({ at, workflow: name, outcome, error, n, ms, buckets, counts, delay_buckets, delay_counts }) => ({
      grain,
      at,
      workflow: name,
      outcome,
      error,
      n,
      ms,
      durations: histogram(buckets, counts),
      delays: histogram(delay_buckets, delay_counts),
    }));
  }

  /**
   * Of each workflow, added up: for each outcome and point of a chart how many, and in rows of their own, which count none, how
   * long those that completed took over the whole window. Without errors and delays, and without those that began.
   */
  async each({ grain, since, until, points }: PointsWindow): Promise<StatsRow[]> {
    const { from, to } = wholePieces(since.getTime(), until.getTime());
    const times = [since.getTime(), until.getTime(), points.first].map((at) => new Date(at).toISOString());
    const values = [grain, ...times, points.step, COARSE, new Date(from).toISOString(), new Date(to).toISOString()];
    const rows = await readsOf(this.pool)<EachRow>(sql('read-each-stats', this.schema), values);
    return rows.map(({ at, workflow, outcome, n, buckets, counts }) => ({
      grain,
      at,
      workflow,
      outcome,
      error: '',
      n,
      ms: 0,
      durations: buckets === null ? NONE : histogram(buckets, counts ?? []),
      delays: NONE,
    }));
  }

  /** Numbers alone: a tenth of what `read` gives. */
  counts({ grain, since, until, workflow }: StatsWindow): Promise<StatsCount[]> {
    const values = [grain, since.toISOString(), until.toISOString(), workflow ?? ALL_WORKFLOWS];
    return readsOf(this.pool)<StatsCount>(sql('count-stats', this.schema), values);
  }

  /** Runs that ended, each workflow and error by itself; `workflow` null: of all. */
  ends({ grain, since, until, workflow }: StatsWindow): Promise<EndCount[]> {
    const values = [grain, since.toISOString(), until.toISOString(), workflow];
    return readsOf(this.pool)<EndCount>(sql('count-ends', this.schema), values);
  }

  /** Names of the errors that runs ended with. */
  async errors({ grain, since, until }: Omit<StatsWindow, 'workflow'>): Promise<string[]> {
    const values = [grain, since.toISOString(), until.toISOString()];
    const rows = await readsOf(this.pool)<{ error: string }>(sql('stats-errors', this.schema), values);
    return rows.map(({ error }) => error);
  }

  /** Deletes what is older than it is kept. */
  async forget(): Promise<void> {
    const query = queryOf(this.pool);
    for (const { grain, kept } of GRAINS) await query(sql('forget-stats', this.schema), [grain, kept]);
  }
}

const COARSE = GRAINS[2].grain;

/** The stretch of whole coarse pieces within a window; where there is none it is empty, at the end. */
function wholePieces(since: number, until: number): { from: number; to: number } {
  const size = COARSE * 60_000;
  const [from, to] = [Math.ceil(since / size) * size, Math.floor(until / size) * size];
  return from < to ? { from, to } : { from: until, to: until };
}

/** Of the thousands of rows that have no figures of times. */
const NONE = new Map<number, number>();

function arrays(durations: ReadonlyMap<number, number>, delays: ReadonlyMap<number, number>): object {
  return {
    buckets: [...durations.keys()],
    counts: [...durations.values()],
    delay_buckets: [...delays.keys()],
    delay_counts: [...delays.values()],
  };
}

function histogram(buckets: readonly number[], counts: readonly number[]): Map<number, number> {
  return new Map(buckets.map((bucket, at) => [bucket, counts[at] ?? 0]));
}
