import type { ExecutionCounts } from '../../core/run/execution.js';
import { EXECUTION_STATUSES, type ExecutionStatus, isFinished } from '../../core/run/status.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

interface StatusCount {
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly n: number;
}

/** Of more runs than this those that have ended are counted once in `KEPT` ms: a million take a tenth of a second. */
const MANY_RUNS = 100_000;
const KEPT = 60_000;

/** Numbers of runs in each status. */
export class RunTotals {
  private counted: { readonly at: number; readonly rows: Promise<StatusCount[]> } | null = null;

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
    const known = this.counted !== null && performance.now() - this.counted.at < KEPT ? this.counted : null;
    const rows = known === null ? await this.count() : await this.withUnfinished(known.rows);
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

  private async count(): Promise<StatusCount[]> {
    const rows = this.rows('count-statuses');
    const counted = { at: performance.now(), rows };
    // Whoever asks meanwhile waits for this count.
    this.counted = counted;
    try {
      const found = await rows;
      if (found.reduce((sum, { n }) => sum + n, 0) <= (this.options.many ?? MANY_RUNS)) this.forget(counted);
      return found;
    } catch (error) {
      this.forget(counted);
      throw error;
    }
  }

  private async withUnfinished(counted: Promise<StatusCount[]>): Promise<StatusCount[]> {
    const [ended, unfinished] = await Promise.all([counted, this.rows('count-unfinished')]);
    return [...ended.filter(({ status }) => isFinished(status)), ...unfinished];
  }

  private forget(counted: typeof this.counted): void {
    if (this.counted === counted) this.counted = null;
  }

  private rows(statement: string): Promise<StatusCount[]> {
    return this.options.query<StatusCount>(sql(statement, this.options.schema), []);
  }
}

export function noCounts(): ExecutionCounts {
  return Object.fromEntries(EXECUTION_STATUSES.map((status) => [status, 0])) as ExecutionCounts;
}
