import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, type Execution, type StepRecord, type WorkflowHandle } from 'nest-durable';
import pg from 'pg';
import { decode } from '../../lib/core/codec/codec.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Fork, Forks } from '../support/forks.js';
import { fullOr } from '../support/full.js';
import { Random } from '../support/random.js';
import { show } from './match.js';
import { membersOf, type NodePlan, type Plan } from './plan.js';
import { plansFrom, report } from './seeds.js';
import { faultsOf, type ObservedCall, type ObservedIntent } from './verdict.js';

/** Started at a time. */
const TREES = fullOr(200, 60);
const FIRST = 2_000_001;
const KILLS = fullOr(8, 4);
/** So many of the kills must have hit runs under way; those that hit none are made up for, up to the most. */
const HITS = KILLS / 2 + 1;
const MOST_KILLS = 5 * KILLS;
/** Workers at the end. */
const WORKERS = 2;

interface Call extends ObservedCall {
  readonly at: Date;
}

let database: TestDatabase;
let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;
const workers = new Forks(new URL('./worker.ts', import.meta.url));

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 3 });
  await pool.query(`CREATE TABLE calls (
    id bigint GENERATED ALWAYS AS IDENTITY, run uuid, member text, attempt integer, round integer, args text,
    at timestamptz DEFAULT clock_timestamp())`);
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url: database.url }, workers: false })],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

let batches = 0;
const plans: Plan[] = [];
const runs: WorkflowHandle[] = [];
const ends: Promise<unknown>[] = [];

function work(): Promise<Fork> {
  return workers.start([database.url, String(FIRST), String(batches * TREES)]);
}

/** Starts trees of seeds that were not there yet. */
async function startTrees(): Promise<void> {
  batches++;
  const more = [...plansFrom(FIRST, batches * TREES)].slice(plans.length);
  // The first worker that knows them stores the definitions.
  await work().then((first) => first.end('SIGTERM'));
  const started: WorkflowHandle[] = [];
  // One by one: each asks for its workflow by name, and the client's few connections may be slow.
  for (const plan of more) started.push(await client.start(plan.name, plan.input));
  plans.push(...more);
  runs.push(...started);
  ends.push(Promise.allSettled(started.map((run) => run.result())));
}

async function isAllOver(): Promise<boolean> {
  return (await pool.query('SELECT FROM durable.workflow_queue LIMIT 1')).rowCount === 0;
}

/** Resolves when the journal has so many records, or all runs have ended. */
async function untilRecords(count: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ records: number; left: number }>(
      `SELECT (SELECT count(*) FROM durable.step_executions)::integer AS records,
         (SELECT count(*) FROM durable.workflow_queue)::integer AS left`,
    );
    if (rows[0] === undefined || rows[0].records >= count || rows[0].left === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function recorded(): Promise<number> {
  const { rows } = await pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM durable.step_executions');
  return rows[0]?.n ?? 0;
}

async function held(): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM durable.workflow_queue WHERE state = 'running'`,
  );
  return rows[0]?.n ?? 0;
}

/**
 * One worker after the other is killed once it has recorded a little; while the next one boots nothing goes on, so that
 * each kill hits runs under way; further trees are begun when all have ended before. Then two bring all to an end. Gives
 * how many of the killed held runs.
 */
async function killWorkers(): Promise<number> {
  const random = new Random(FIRST);
  let hits = 0;
  for (let kills = 0; kills < KILLS || (hits < HITS && kills < MOST_KILLS); kills++) {
    if (await isAllOver()) await startTrees();
    const victim = await work();
    await untilRecords((await recorded()) + random.int(1, 300));
    const before = await held();
    await victim.end('SIGKILL');
    if (before > 0) hits++;
  }
  await Promise.all(Array.from({ length: WORKERS }, work));
  return hits;
}

async function callsOf(run: WorkflowHandle): Promise<Call[]> {
  const { rows } = await pool.query<Omit<Call, 'args'> & { args: string }>(
    'SELECT member, attempt, round, args, at FROM calls WHERE run = $1 ORDER BY id',
    [run.id],
  );
  return rows.map((row) => ({ ...row, args: decode(row.args) as unknown[] }));
}

async function intentsOf(run: WorkflowHandle): Promise<ObservedIntent[]> {
  const { rows } = await pool.query<ObservedIntent>(
    `SELECT path, round, visit FROM durable.step_executions WHERE run_id = $1 AND type = 'intent'`,
    [run.id],
  );
  return rows;
}

/**
 * Methods that began after their only record was there. Of those alone that are called once: of the items of a loop, or
 * the visits of a jump, one may fail the run while another begins, which is noted after that and never recorded.
 */
function lateCalls(plan: Plan, steps: readonly StepRecord[], calls: readonly Call[]): string[] {
  const once = onceOnly(plan.nodes);
  return calls.flatMap(({ member, attempt, round, at }) => {
    if (!once.has(member)) return [];
    const records = steps.filter((one) => one.step === member && one.attempt === attempt && one.round === round);
    const [only] = records;
    const late = records.length === 1 && at.getTime() > (only?.completedAt?.getTime() ?? Number.POSITIVE_INFINITY);
    return late ? [`${member} attempt ${attempt} was called after it was recorded`] : [];
  });
}

/** The members of a tree that a run comes by once in a round. */
function onceOnly(nodes: readonly NodePlan[]): Set<string> {
  const all = membersOf(nodes);
  if (all.some((node) => 'jump' in node && node.jump !== null)) return new Set();
  const looped = new Set(all.flatMap((node) => (node.kind === 'forEach' ? membersOf(node.arm) : [])));
  return new Set(all.filter((node) => !looped.has(node)).map((node) => node.name));
}

/** What the client says was undone, against what was recorded. */
function resultFaults({ compensationResults, round }: Execution, steps: readonly StepRecord[]): string[] {
  const last = new Map<string, string>();
  for (const one of steps.filter((step) => step.isCompensation && step.round === round)) {
    last.set(`${one.path} #${one.visit}`, `${one.compensationFor} by ${one.step}: ${one.status}`);
  }
  const shown = compensationResults.map(({ step, compensation, status }) => `${step} by ${compensation}: ${status}`);
  const wanted = [...last.values()];
  return shown.join() === wanted.join()
    ? []
    : [`its compensation results are ${show(shown)}, expected ${show(wanted)}`];
}

describe('random trees on PostgreSQL', () => {
  it(`do what the model says while workers are killed`, async () => {
    const hits = await killWorkers();
    await Promise.all(ends);
    const wrong: string[] = [];
    for (const [index, plan] of plans.entries()) {
      const run = runs[index];
      const execution = run === undefined ? null : await client.getExecution(run.id, { includeSteps: true });
      if (run === undefined || execution === null) throw new Error(`The run of seed ${plan.seed} is gone`);
      const { steps = [] } = execution;
      const calls = await callsOf(run);
      const observed = { ...execution, records: steps, calls, intents: await intentsOf(run) };
      const found = [
        ...faultsOf(plan, observed, true),
        ...lateCalls(plan, steps, calls),
        ...resultFaults(execution, steps),
      ];
      if (found.length > 0) wrong.push(report(plan, found));
    }
    expect(wrong.join('\n')).toBe('');
    // Kills that hit nothing prove nothing.
    expect(hits).toBeGreaterThanOrEqual(HITS);
  }, 1_800_000);
});
