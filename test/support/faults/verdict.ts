import type pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { brokenInvariants } from '../invariants.js';
import { onceUp, repeatedEffects } from './effects.js';
import type { Ground } from './ground.js';
import type { Load } from './load.js';

/** What the faults have done to the runs of a load; a line for each. All of it must be empty. */
export interface Verdict {
  /** Acknowledged runs that are not there, or have ended in another way than they should. */
  readonly lost: readonly string[];
  /** Steps recorded twice, or that a living worker has run twice. */
  readonly doubled: readonly string[];
  /** Runs that have not ended after the faults. */
  readonly stuck: readonly string[];
  /** Other invariants that do not hold, and answers that are not what the row says. */
  readonly broken: readonly string[];
}

export interface Judging {
  /**
   * Steps that may have run again: `'all'` where workers died, or some names. Default: those whose transaction went with
   * the connection, whose writes are gone with it.
   */
  readonly again?: 'all' | readonly string[];
  /** ms in which all must have ended, now that there are no faults any more. Default: 120 000. */
  readonly patience?: number;
}

/** The phase without faults, and the look at what has come of it. */
export async function judge(
  ground: Ground,
  load: Load,
  { again = ['book'], patience = 120_000 }: Judging = {},
): Promise<Verdict> {
  await load.stop();
  // Work goes on before it does: what had been recorded already may begin while the server is still away.
  await onceUp(() => ground.pool.query('SELECT'));
  const stuck = await unfinished(ground.pool, patience);
  // Those that hang are told of by name, and nobody waits for what they would tell.
  if (stuck.length === 0) await load.settled();
  const rows = await ends(ground.pool, load);
  const lost = load.runs.filter(({ id }) => !['completed', 'active'].includes(rows.get(id) ?? 'nothing'));
  const wrong = [...load.told].filter(([id, told]) => told !== rows.get(id));
  const broken = await brokenInvariants(ground.pool, { records: load.runs.length });
  const twice = again === 'all' ? [] : await repeatedEffects(ground.effects.pool, again);
  const booked = await ground.pool.query<{ run: string; transactions: string }>(
    `SELECT run, string_agg(xmin::text, ', ' ORDER BY ctid) AS transactions
     FROM public.bookings GROUP BY run HAVING count(*) > 1`,
  );
  return {
    lost: await Promise.all(lost.map(({ id }) => lostRun(ground.pool, id))),
    doubled: [
      ...broken.filter((line) => line.startsWith('I2:')),
      ...(await Promise.all(twice.map(async (line) => `${line}. ${await storyOf(ground, idIn(line))}`))),
      ...(twice.length === 0 ? [] : await workersOf(ground.pool)),
      ...(await Promise.all(booked.rows.map((row) => doubleBooking(ground, row)))),
    ],
    stuck,
    broken: [
      ...broken.filter((line) => !line.startsWith('I2:')),
      ...load.false,
      ...wrong.map(([id, told]) => `run ${id} is ${rows.get(id)}, its client was told ${told}`),
    ],
  };
}

/** Waits until every run has ended; those that have not, and where they stand. */
async function unfinished(pool: pg.Pool, patience: number): Promise<string[]> {
  const deadline = performance.now() + patience;
  for (;;) {
    const { rows } = await pool.query<{ what: string }>(
      `SELECT format('run %s (%s): %s in queue %s, worker %s, token %s, due at %s, paused %s, waits for %s, recorded %s',
         e.id, e.workflow, COALESCE(q.state, 'no row'), q.queue, q.worker_id, q.token, q.due_at, q.paused,
         (SELECT string_agg(w.key, ', ') FROM durable.waits w WHERE w.run_id = e.id AND w.state = 'open'),
         (SELECT string_agg(s.path, ', ' ORDER BY s.seq) FROM durable.step_executions s WHERE s.run_id = e.id)) AS what
       FROM durable.workflow_executions e LEFT JOIN durable.workflow_queue q ON q.id = e.id OR q.step_of = e.id
       WHERE e.status = 'active' ORDER BY q.worker_id IS NULL LIMIT 40`,
    );
    if (rows.length === 0) return [];
    if (performance.now() > deadline) return [...rows.map(({ what }) => what), ...(await whatWorkersDo(pool))];
    await pause(100);
  }
}

/** By which it is understood why runs have not ended. */
async function whatWorkersDo(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `SELECT format('worker %s, process %s, seen %s ago, runs %s', id, pid, now() - seen_at, in_flight) AS what
     FROM durable.workers WHERE dead_at IS NULL
     UNION ALL
     SELECT format('session %s of %s, %s since %s (%s %s): %s', pid, application_name, state, now() - state_change,
       wait_event_type, wait_event, left(query, 120))
     FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  return rows.map(({ what }) => what);
}

async function ends(pool: pg.Pool, load: Load): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; status: string }>(
    'SELECT id, status FROM durable.workflow_executions WHERE id = ANY ($1)',
    [load.runs.map(({ id }) => id)],
  );
  return new Map(rows.map(({ id, status }) => [id, status]));
}

/** With its error, by which a run that failed is understood. */
async function lostRun(pool: pg.Pool, id: string): Promise<string> {
  const { rows } = await pool.query<{ status: string; error: string | null }>(
    'SELECT status, left(error, 1000) AS error FROM durable.workflow_executions WHERE id = $1',
    [id],
  );
  return `run ${id} is ${rows[0]?.status ?? 'not there'}${rows[0]?.error ? `: ${rows[0].error}` : ''}`;
}

/** With its story, by which the transaction too many is found. */
async function doubleBooking(ground: Ground, booked: { run: string; transactions: string }): Promise<string> {
  return `run ${booked.run} has booked in the transactions ${booked.transactions}. ${await storyOf(ground, booked.run)}`;
}

function idIn(line: string): string {
  return /[0-9a-f-]{36}/.exec(line)?.[0] ?? '';
}

/** Who did the steps of a run, and what was audited of it. */
async function storyOf(ground: Ground, run: string): Promise<string> {
  const audit = await ground.pool.query<{ what: string }>(
    `SELECT concat_ws(' ', kind, 'token', token, live, what, 'in', xid) AS what FROM audit.log
     WHERE run_id = $1 ORDER BY serial`,
    [run],
  );
  const effects = await ground.effects.pool.query<{ what: string }>(
    `SELECT format('%s by %s at %s', step, worker, at) AS what FROM effects WHERE run = $1 ORDER BY at`,
    [run],
  );
  const lines = (rows: { what: string }[]): string => rows.map(({ what }) => what).join('; ');
  return `${lines(effects.rows)}. ${lines(audit.rows)}`;
}

async function workersOf(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `SELECT format('worker %s, process %s, from %s, seen at %s, dead at %s', id, pid, started_at, seen_at, dead_at) AS what
     FROM durable.workers ORDER BY started_at`,
  );
  return rows.map(({ what }) => what);
}
