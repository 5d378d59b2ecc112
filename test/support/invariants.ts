import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { describeViolation, findViolations } from '../../lib/storage/reads/verify.js';

/** What the audit's log must not show; each gives (run_id, what). */
const AUDITS = [
  // I3: no record carries a token that was not live when it was committed. Its own transaction may end the lease.
  `SELECT r.run_id, 'has a record under token ' || r.token || ', which was not live' AS what
   FROM audit.log r
   WHERE r.kind = 'record' AND NOT EXISTS (
     SELECT FROM (
       SELECT DISTINCT ON (l.row_id) l.token, l.live
       FROM audit.log l
       WHERE l.kind = 'lease' AND l.run_id = r.run_id AND l.serial < r.serial AND l.xid <> r.xid
       ORDER BY l.row_id, l.serial DESC
     ) held
     WHERE held.live AND held.token = r.token)`,
  // I3: tokens only grow, and belong to one worker. I4: journal rows never change, and go with a run that has ended alone.
  // I5: nor does an end.
  `SELECT c.run_id, c.what FROM audit.log c
   WHERE (c.kind = 'lease' AND c.what IS NOT NULL) OR (c.kind = 'change' AND NOT (
     c.what LIKE 'DELETE of %' AND NOT EXISTS (SELECT FROM durable.workflow_executions e WHERE e.id = c.run_id)
     AND EXISTS (SELECT FROM audit.log e WHERE e.run_id = c.run_id AND e.kind = 'end' AND e.serial < c.serial)))`,
  // I5: one end, and no record after it.
  `SELECT run_id, 'ended ' || count(*) || ' times' AS what FROM audit.log WHERE kind = 'end' GROUP BY run_id HAVING count(*) > 1`,
  `SELECT DISTINCT r.run_id, 'has a record after its end' AS what
   FROM audit.log r JOIN audit.log e ON e.run_id = r.run_id AND e.kind = 'end' AND e.serial < r.serial AND e.xid <> r.xid
   WHERE r.kind = 'record'`,
];

/** Has the database write down what becomes of leases, records and ends. Before the first run. */
export async function startAudit(pool: pg.Pool): Promise<void> {
  await pool.query(await readFile(new URL('./audit.sql', import.meta.url), 'utf8'));
}

export interface Expected {
  /** Runs whose start was acknowledged: each must have ended (I1). */
  readonly runs?: readonly { readonly id: string }[];
  /** At least so many attempts must have been recorded: a test that did nothing has not passed (I12). */
  readonly records?: number;
}

/** Asserts the invariants on what is stored, and on the audit's log where there is one. */
export async function expectInvariants(pool: pg.Pool, expected: Expected = {}): Promise<void> {
  expect(await brokenInvariants(pool, expected)).toEqual([]);
}

/** What breaks them, a line each. */
export async function brokenInvariants(pool: pg.Pool, { runs = [], records = 1 }: Expected = {}): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const found = (await findViolations(queryOf(client), 'durable')).map(describeViolation);
    const { rows } = await client.query<{ audited: boolean }>(`SELECT to_regclass('audit.log') IS NOT NULL AS audited`);
    for (const text of rows[0]?.audited === true ? AUDITS : []) {
      const { rows: bad } = await client.query<{ run_id: string; what: string }>(text);
      found.push(...bad.map(({ run_id, what }) => `run ${run_id} ${what}`));
    }
    const open = await client.query<{ id: string; status: string | null }>(
      `SELECT w.id, e.status FROM unnest($1::uuid[]) AS w (id) LEFT JOIN durable.workflow_executions e ON e.id = w.id
       WHERE e.status IS NULL OR e.status = 'active'`,
      [runs.map((run) => run.id)],
    );
    found.push(...open.rows.map(({ id, status }) => `I1: run ${id} was acknowledged and is ${status ?? 'not there'}`));
    const journal = await client.query<{ n: number }>('SELECT count(*)::integer AS n FROM durable.step_executions');
    if ((journal.rows[0]?.n ?? 0) < records)
      found.push(`I12: ${journal.rows[0]?.n} records, expected ${records} or more`);
    await client.query('COMMIT');
    return found;
  } finally {
    client.release();
  }
}
