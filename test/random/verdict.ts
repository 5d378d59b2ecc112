import type { DurableClient, Execution, StepRecord } from 'nest-durable';
import type pg from 'pg';
import { differenceOf, expectedOf } from './expected.js';
import type { Started } from './operator.js';
import { membersOf, type Plan } from './plan.js';
import { GONE, ORPHANS } from './retention.js';
import { PLAN_NAME, withoutLater } from './versions.js';

/** What is wrong with a run. */
export interface Fault {
  readonly run: string | null;
  readonly what: string;
}

/**
 * Marks of a place, by what was done, that overlap: two passes at work at a time, neither told to stop. What stands behind a
 * race whose loser is open runs on in a pass that was dropped ($1: such steps). A worker that was frozen knows nothing of
 * it yet, for a lease at most ($2, ms).
 */
const OVERLAPS = `
  SELECT DISTINCT a.run, format('%s: %s and %s do %s at a time', a.place, a.worker, b.worker, a.what) AS what
  FROM marks a JOIN marks b ON b.run = a.run AND b.place = a.place AND b.id > a.id
  WHERE a.began < b.ended AND b.began < a.ended AND NOT split_part(a.place, '.', 1) = ANY ($1)
    AND NOT EXISTS (
      SELECT FROM freezes f
      WHERE (f.worker = a.worker AND a.ended > f.began AND a.began < f.ended + $2 * interval '1 ms')
        OR (f.worker = b.worker AND b.ended > f.began AND b.began < f.ended + $2 * interval '1 ms'))`;

/** Bookings of a place, and records of it that completed. */
const BOOKINGS = `
  SELECT COALESCE(b.run, s.run) AS run, format('%s: %s bookings, %s records', COALESCE(b.step, s.step), b.n, s.n) AS what
  FROM (SELECT run, split_part(place, '.', 1) AS step, count(*) AS n FROM bookings GROUP BY 1, 2) b
  FULL JOIN (
    SELECT run_id AS run, step, count(*) AS n FROM (
      SELECT run_id, ${PLAN_NAME} AS step FROM durable.step_executions
      WHERE status = 'completed' AND type IN ('step', 'decision')
    ) r WHERE step = ANY ($1) GROUP BY 1, 2
  ) s ON s.run = b.run AND s.step = b.step
  WHERE b.n IS DISTINCT FROM s.n AND COALESCE(b.step, s.step) = ANY ($1)
    AND EXISTS (SELECT FROM durable.workflow_executions e WHERE e.id = COALESCE(b.run, s.run))`;

const RUNS = 'SELECT id, parent_id, workflow FROM durable.workflow_executions ORDER BY id';

export interface Judged {
  readonly plans: readonly Plan[];
  readonly started: ReadonlyMap<string, Started>;
  /** ms */
  readonly lease: number;
  /** Runs that have ended are deleted. */
  readonly retention: boolean;
  /** Versions come and go, one of which lacks a compensation. */
  readonly deploys: boolean;
}

export async function faultsOf(
  client: DurableClient,
  pool: pg.Pool,
  { plans, started, lease, retention, deploys }: Judged,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const { rows } = await pool.query<{ id: string; workflow: string }>(RUNS);
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  for (const { id, workflow } of rows) {
    const plan = byName.get(workflow);
    const run = await client.getExecution(id, { includeSteps: true });
    if (plan === undefined || run === null) continue;
    const what = [...endFaults(run, plan, plans, started.get(id)), ...undoFaults(run, plan, started.get(id), deploys)];
    faults.push(...what.map((one) => ({ run: id, what: one })));
  }
  const gone = new Set((await pool.query<Fault>(GONE, [false])).rows.map(({ run }) => run));
  for (const run of started.values()) {
    if (!gone.has(run.run.id) && !rows.some(({ id }) => id === run.run.id))
      faults.push({ run: run.run.id, what: 'its start was acknowledged, and it is not there' });
  }
  faults.push(...(await pool.query<Fault>(GONE, [retention])).rows, ...(await pool.query<Fault>(ORPHANS)).rows);
  const members = plans.flatMap((plan) => membersOf(plan.nodes));
  const racing = members.filter(({ acts }) => acts.some((act) => act.do === 'race')).map(({ name }) => name);
  faults.push(...(await pool.query<Fault>(OVERLAPS, [racing, lease])).rows);
  const transactional = members.filter((node) => 'transactional' in node && node.transactional).map(({ name }) => name);
  const restarted = new Set([...started.values()].filter((one) => one.restarted).map(({ run }) => run.id));
  const booked = (await pool.query<Fault>(BOOKINGS, [transactional])).rows;
  faults.push(...booked.filter(({ run }) => run === null || !restarted.has(run)));
  return faults;
}

/** The status that it must not have, or a result that it must not have. */
function endFaults(run: Execution, plan: Plan, plans: readonly Plan[], started: Started | undefined): string[] {
  const expected = expectedOf(plan, plans);
  if (run.status === 'completed') {
    if (expected.end === 'failed') return ['completed, and was to fail'];
    const difference = differenceOf(expected.data, withoutLater(run.data));
    return difference === null ? [] : [`its result: ${difference}`];
  }
  if (run.status === 'compensation_failed') return ['its rollback failed'];
  // A child goes with its parent, and with a call that is past its limit.
  const stopped = run.parentId !== null || plan.cancelled || started?.cancelled === true;
  if (run.status === 'cancelled' || run.error?.code === 'WORKFLOW_CANCELLED') {
    return stopped ? [] : [`was ${run.status}: ${run.error?.message}`];
  }
  if (run.error?.code === 'WORKFLOW_TIMEOUT' && plan.timeout !== null) return [];
  if (run.status !== 'failed' && run.status !== 'compensated') return [`is ${run.status}`];
  return expected.end === 'failed' ? [] : [`failed: ${run.error?.name}: ${run.error?.message}`];
}

/** In each round that failed, what had completed was undone, and nothing else. */
function undoFaults(run: Execution, plan: Plan, started: Started | undefined, deploys: boolean): string[] {
  if (run.completedAt === null || run.status === 'cancelled' || started?.restarted === true) return [];
  const undos = new Map(
    membersOf(plan.nodes).flatMap((node) => ('undo' in node && node.undo ? [[node.name, node.undo]] : [])),
  );
  const faults: string[] = [];
  for (let round = 1; round <= run.round; round++) {
    const steps = (run.steps ?? []).filter((step) => step.round === round);
    const kept = round === run.round && run.status === 'completed';
    const done = steps.filter((one) => !one.isCompensation && one.status === 'completed' && undos.has(one.step));
    const wanted = new Set(kept ? [] : done.map((one) => `${one.step} at ${parentOf(one.path)} ${one.visit}`));
    const made = new Set(
      steps
        .filter((one) => one.isCompensation && one.status === 'completed')
        .map((one) => `${one.compensationFor} at ${parentOf(one.path)} ${one.visit}`),
    );
    for (const one of wanted) {
      const mayBeLeft = deploys && undos.get(one.slice(0, one.indexOf(' ')))?.name === plan.dropped;
      if (!made.has(one) && !mayBeLeft) faults.push(`${one} was not undone in round ${round}`);
    }
    for (const one of made) {
      const name = one.slice(0, one.indexOf(' '));
      if (!wanted.has(one) && undos.get(name)?.when !== 'started')
        faults.push(`${one} was undone in round ${round} for nothing`);
    }
  }
  return faults;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** Everything that is known of a run, for whoever looks for the interleaving. */
export async function accountOf(client: DurableClient, pool: pg.Pool, id: string): Promise<string> {
  const run = await client.getExecution(id, { includeSteps: true });
  const standing = await client.explain(id);
  const lines = [
    `run ${id} of ${run?.workflow}: ${run?.status}, round ${run?.round}, parent ${run?.parentId}, retry of ${run?.retryOf}`,
    `  ${standing?.title}: ${standing?.detail}`,
    `  error: ${JSON.stringify(run?.error)}`,
    ...(run?.steps ?? []).map((step) => `  ${stepLine(step)}`),
  ];
  const tables: readonly [string, string][] = [
    [
      'record',
      'SELECT seq, type, status, path, visit, attempt, round, token FROM durable.step_executions WHERE run_id = $1 ORDER BY seq',
    ],
    ['queue', 'SELECT * FROM durable.workflow_queue WHERE id = $1 OR step_of = $1'],
    [
      'wait',
      'SELECT id, key, kind, state, active, ended, path, visit, attempt, round, created_at, due_at, closed_at, child_id FROM durable.waits WHERE run_id = $1 ORDER BY id',
    ],
    ['event', 'SELECT id, name, sent_at, wait_id, unmatched FROM durable.events WHERE run_id = $1 ORDER BY id'],
    ['mark', 'SELECT place, what, attempt, worker, began, ended FROM marks WHERE run = $1 ORDER BY id'],
    ['reconciled', 'SELECT at, what FROM spec.reconciled WHERE run = $1'],
  ];
  for (const [what, text] of tables) {
    const { rows } = await pool.query<object>(text, [id]);
    lines.push(...rows.map((row) => `  ${what} ${JSON.stringify(row)}`));
  }
  return lines.join('\n');
}

function stepLine({ path, round, visit, attempt, status, error, startedAt, completedAt }: StepRecord): string {
  const times = `${startedAt.toISOString()} to ${completedAt?.toISOString() ?? 'now'}`;
  return `${path} round ${round} visit ${visit} attempt ${attempt}: ${status}, ${times} ${error?.message ?? ''}`;
}
