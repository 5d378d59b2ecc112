import { textOf } from '../../core/text-of.js';
import { serverAnswer } from '../connection/connection-errors.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

/** A statement about the stored state that must hold whatever went wrong before. */
export interface Violation {
  /** Number of the invariant: I1 to I11. */
  readonly invariant: string;
  /** null: of no run in particular. */
  readonly runId: string | null;
  /** The fault, as the rest of a sentence about the run. */
  readonly what: string;
}

/** By invariant, the statement that finds what breaks it. Each takes a limit and gives `(run_id, what)`. */
const CHECKS: readonly (readonly [invariant: string, statement: string])[] = [
  ['I1', 'verify-runs'],
  ['I2', 'verify-records'],
  ['I3', 'verify-leases'],
  ['I4', 'verify-journal'],
  ['I5', 'verify-ends'],
  ['I6', 'verify-waits'],
  ['I6', 'verify-claims'],
  ['I7', 'verify-events'],
  ['I8', 'verify-schedules'],
  ['I9', 'verify-limits'],
  ['I10', 'verify-payloads'],
  ['I11', 'verify-sessions'],
];

/**
 * Looks for what must never be, in all that is stored: at any time, with workers at work. Reads whole tables; give it
 * a query that runs in one read-only transaction with a snapshot of its own (`REPEATABLE READ`), or runs that end
 * between two statements look like violations. A look that comes to its end at a value that cannot be read is a violation itself,
 * and the others go on.
 *
 * @param limit violations of one invariant at most; default: 100
 */
export async function findViolations(query: Query, schema: string, limit = 100): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const [invariant, statement] of CHECKS) {
    await query('SAVEPOINT verified', []);
    try {
      const rows = await query<{ run_id: string | null; what: string }>(sql(statement, schema), [limit]);
      found.push(...rows.map(({ run_id, what }) => ({ invariant, runId: run_id, what })));
    } catch (error) {
      if (serverAnswer(error)?.code?.startsWith(DATA_EXCEPTION) !== true) throw error;
      await query('ROLLBACK TO SAVEPOINT verified', []);
      found.push({ invariant, runId: null, what: `could not be looked at to the end: ${textOf(error)}` });
    }
  }
  return found;
}

/** Class of SQLSTATE: a value is not of its type, or out of range. */
const DATA_EXCEPTION = '22';

/** A violation as a line of text. */
export function describeViolation({ invariant, runId, what }: Violation): string {
  return `${invariant}: ${runId === null ? what : `run ${runId} ${what}`}`;
}
