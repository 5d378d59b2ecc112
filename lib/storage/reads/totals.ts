import type { ExecutionCounts } from '../../core/run/execution.js';
import { EXECUTION_STATUSES, type ExecutionStatus, isFinished } from '../../core/run/status.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { Batched } from './batched.js';

interface StatusCount {
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly n: number;
}

/** Of unfinished runs that have a version of their workflow. */
interface UnfinishedCount extends StatusCount {
  readonly version: number;
}

/**
 * Of more runs than this those that have ended are counted once in `KEPT` ms: a million take a tenth of a second. Of fewer
 * each call's numbers are of one moment after it was made.
 */
const MANY_RUNS = 100_000;
const KEPT = 60_000;

/** Numbers of runs in each status. */
export class RunTotals {
  /** The last count of many. */
  private counted: { readonly at: number; readonly rows: readonly StatusCount[] } | null = null;
  private counting: Promise<StatusCount[]> | null = null;
  private readonly open = new Batched<null, UnfinishedCount[]>(async (asked) => {
    const rows = await this.rows<UnfinishedCount>('count-unfinished');
    return asked.map(() => rows);
  });

  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      /** @default 100 000 */
      readonly many?: number;
    },
  ) {}

  /** By workflow. Those that are unfinished are of now. */
  async totals(): Promise<Map<string, ExecutionCounts>> {
    // One under way is good for all who ask meanwhile if it turns out to be of many; of few it may be older than the question.
    // Where it fails, so would another: a database that is away is waited for once.
    if (this.known() === null && this.counting !== null) await this.counting;
    const known = this.known();
    const rows = known === null ? await this.count() : await this.withUnfinished(known);
    const totals = new Map<string, ExecutionCounts>();
    for (const { workflow, status, n } of rows) {
      const counts = totals.get(workflow) ?? noCounts();
      totals.set(workflow, counts);
      counts[status] += n;
    }
    return totals;
  }

  /** Of all runs. */
  async all(): Promise<ExecutionCounts> {
    const counts = noCounts();
    for (const totals of (await this.totals()).values()) {
      for (const status of EXECUTION_STATUSES) counts[status] += totals[status];
    }
    return counts;
  }

  /** Of each version by itself, of now: who asks at a time gets one count, which reads all of them. */
  unfinished(): Promise<UnfinishedCount[]> {
    return this.open.ask(null);
  }

  private known(): readonly StatusCount[] | null {
    return this.counted !== null && performance.now() - this.counted.at < KEPT ? this.counted.rows : null;
  }

  private async count(): Promise<StatusCount[]> {
    const counting = this.countAll();
    this.counting = counting;
    try {
      return await counting;
    } finally {
      if (this.counting === counting) this.counting = null;
    }
  }

  private async countAll(): Promise<StatusCount[]> {
    const at = performance.now();
    const rows = await this.rows<StatusCount>('count-statuses');
    const isOfMany = rows.reduce((sum, { n }) => sum + n, 0) > (this.options.many ?? MANY_RUNS);
    this.counted = isOfMany ? { at, rows } : null;
    return rows;
  }

  private async withUnfinished(counted: readonly StatusCount[]): Promise<StatusCount[]> {
    return [...counted.filter(({ status }) => isFinished(status)), ...(await this.unfinished())];
  }

  private rows<R extends StatusCount>(statement: string): Promise<R[]> {
    return this.options.query<R>(sql(statement, this.options.schema), []);
  }
}

export function noCounts(): ExecutionCounts {
  return Object.fromEntries(EXECUTION_STATUSES.map((status) => [status, 0])) as ExecutionCounts;
}
