import { inSchema } from '../sql.js';
import { type Lender, queryOf } from '../connection/transaction.js';

/** ms between two of this process: a role that is not the table's owner is refused each time, by a line in the server's log. */
const APART = 10_000;

/**
 * Statistics of the queue that were taken while it was empty, between two bursts: to the planner all its indexes are alike then,
 * and commits look among all leased rows for each of theirs, until autovacuum comes by. They are taken anew, once the pulse has
 * seen that they are wrong.
 */
export class QueueStatistics {
  private lastAt = -Infinity;

  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
  ) {}

  async renew(): Promise<void> {
    const now = performance.now();
    if (now - this.lastAt < APART) return;
    this.lastAt = now;
    // Another process may be at it: one is enough. Without them all goes on, if slowly.
    await queryOf(this.pool)(inSchema('ANALYZE (SKIP_LOCKED) durable.workflow_queue', this.schema), []).catch(() => {});
  }
}
