import { jest } from '@jest/globals';
import {
  callWorkflow,
  sleep,
  type Standing,
  type StandingKind,
  Step,
  waitForAll,
  waitForAny,
  waitForEvent,
  waitForInput,
  Workflow,
  workflowId,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import type { CommitGroup, GroupResult } from '../../lib/engine/ports/store.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { fullOr } from '../support/full.js';
import { Random } from '../support/random.js';
import { classOf, dismantle, type Probe } from './plan-class.js';
import { membersOf, type Plan } from './plan.js';
import { plansFrom, report } from './seeds.js';
import { kindOf, standingFaults, type SeenRun } from './standing-verdict.js';

/**
 * Random trees whose steps also wait, on a clock that stands still. At each commit, before the engine hears of it, every
 * run is asked for its sentence, and the sentence is held against the run's rows and the model.
 */
const FIRST = 3_000_201;
const TREES = fullOr(200, 12);
/** Looks at everything with nothing under way; the runs are answered and the clock is moved in between. */
const MOST_TURNS = 2_000;
const DELAY = 60_000;
/** Runs beside those of a commit that are looked at with it. */
const OTHERS = 2;

const WAITS = ['sleep', 'event', 'any', 'all', 'input', 'child'] as const;
type Wait = (typeof WAITS)[number];

@Workflow({ name: 'helper' })
class HelperWorkflow {
  @Step()
  helps() {
    return waitForEvent('help');
  }
}

/** What a member waits for before it does what the plan says. */
function waitOf(plan: Plan, member: string): Wait | null {
  const letters = Array.from(member).reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), plan.seed);
  const random = new Random(letters);
  return random.chance(0.2) ? random.pick(WAITS) : null;
}

async function waitFor(kind: Wait | null, member: string): Promise<void> {
  if (kind === 'sleep') await sleep(DELAY);
  if (kind === 'event') await waitForEvent(`event of ${member}`);
  if (kind === 'any') await waitForAny([`event of ${member}`, `other of ${member}`]);
  if (kind === 'all') await waitForAll([`event of ${member}`, `other of ${member}`]);
  if (kind === 'input') await waitForInput(`input of ${member}`);
  if (kind === 'child') await callWorkflow('helper', {});
}

/** A delay that is worth being suspended for, in place of 1 ms. */
function stretched(plan: Plan): Plan {
  for (const { act } of [...membersOf(plan.nodes), ...plan.undos]) (act as { delay: number }).delay *= DELAY;
  return plan;
}

let test: DurableTest;
let pool: pg.Pool;
const plans = Array.from(plansFrom(FIRST, TREES), stretched);
const types: (new () => object)[] = [];
const byRun = new Map<string, Plan>();
const wrong: string[] = [];
/** How often the sentence of each kind was right, and how many commits were looked at. */
const right = new Map<StandingKind, number>();
let commits = 0;
const chance = new Random(FIRST);

beforeAll(async () => {
  const probe: Probe = {
    async begin(plan, member) {
      const { rows } = await pool.query<{ round: number }>(
        'SELECT round FROM durable.workflow_executions WHERE id = $1',
        [workflowId()],
      );
      if (membersOf(plan.nodes).some(({ name }) => name === member)) await waitFor(waitOf(plan, member), member);
      return rows[0]?.round ?? 0;
    },
  };
  types.push(...plans.map((plan) => classOf(plan, probe)));
  const commit = PgStore.prototype.commitGroup;
  jest.spyOn(PgStore.prototype, 'commitGroup').mockImplementation(async function (
    this: PgStore,
    worker: number,
    group: CommitGroup,
  ): Promise<GroupResult> {
    const result = await commit.call(this, worker, group);
    if (group.ops.length > 0) {
      commits++;
      const { ops } = group;
      const others = Array.from({ length: OTHERS }, () => chance.pick([...byRun.keys()]));
      await look([...new Set([...ops.map(({ runId }) => runId), ...others])]);
    }
    return result;
  });
  test = await createDurableTest(
    {
      providers: [...types, HelperWorkflow],
      patience: 120_000,
      // Fewer places than there are runs: some of them stand in the queue.
      durable: { queues: { default: { concurrency: 5 } } },
    },
    { databaseUrl: process.env['TEST_SERVER_URL'] },
  );
  pool = new pg.Pool({ connectionString: test.url, max: 4 });
}, 300_000);

afterAll(async () => {
  jest.restoreAllMocks();
  await pool.end();
  await test.close();
  types.forEach(dismantle);
});

async function seen(runs: readonly string[]): Promise<SeenRun[]> {
  const { rows } = await pool.query<SeenRun>(
    `SELECT e.id, e.status, e.round, q.state, q.paused, q.compensating, q.started_at IS NOT NULL AS begun,
       (extract(epoch FROM durable.clock()) * 1000)::float8 AS now,
       COALESCE((
         SELECT json_agg(json_build_object('kind', w.kind, 'names', w.names, 'path', w.path,
           'due', (extract(epoch FROM w.due_at) * 1000)::float8) ORDER BY w.id)
         FROM durable.waits w WHERE w.run_id = e.id AND w.state = 'open'), '[]') AS waits,
       COALESCE((
         SELECT json_agg(json_build_object('path', r.path, 'type', r.type, 'round', r.round, 'visit', r.visit,
           'attempt', r.attempt, 'status', r.status, 'retryAt', (extract(epoch FROM r.retry_at) * 1000)::float8) ORDER BY r.seq)
         FROM durable.step_executions r WHERE r.run_id = e.id), '[]') AS records
     FROM durable.workflow_executions e LEFT JOIN durable.workflow_queue q ON q.id = e.id
     WHERE e.id = ANY ($1)
     ORDER BY e.id`,
    [runs],
  );
  return rows;
}

async function unfinished(): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM durable.workflow_executions WHERE status = 'active' ORDER BY id`,
  );
  return rows.map(({ id }) => id);
}

/** Asks each of the runs for its sentence; of those that went on meanwhile nothing is said. */
async function look(runs: readonly string[]): Promise<SeenRun[]> {
  const before = await seen(runs);
  const said = new Map<string, Standing | null>();
  await Promise.all(before.map(async ({ id }) => said.set(id, await test.client.explain(id))));
  const after = new Map((await seen(before.map(({ id }) => id))).map((run) => [run.id, run]));
  for (const run of before) {
    if (JSON.stringify(after.get(run.id)) !== JSON.stringify(run)) continue;
    const standing = said.get(run.id);
    const plan = byRun.get(run.id) ?? null;
    const found = standing ? standingFaults(plan, run, standing) : ['it has no sentence'];
    if (found.length === 0) right.set(kindOf(run), (right.get(kindOf(run)) ?? 0) + 1);
    else wrong.push(plan === null ? found.join() : report(plan, found));
  }
  return before;
}

/** Gives runs what they wait for, pauses and resumes some; true: something was done. */
async function answer(runs: readonly SeenRun[], random: Random): Promise<boolean> {
  let done = false;
  for (const { id, paused, waits } of runs) {
    if (paused === true) {
      await test.client.resume(id);
      done = true;
    } else if (random.chance(0.05)) {
      await test.client.pause(id);
      done = true;
    }
    const open = waits.filter(({ kind }) => kind !== 'sleep' && kind !== 'child');
    if (open.length === 0 || random.chance(0.3)) continue;
    const { kind, names } = random.pick(open);
    done = true;
    if (kind !== 'input') await test.client.sendEvent(id, random.pick(names));
    else {
      const items = await test.client.listPendingInputs({ executionId: id });
      const [first] = items;
      if (first !== undefined) await test.client.provideInput(id, { inputId: first.id }, { ok: true });
    }
  }
  return done;
}

it('every run says at each commit where it stands, and never stands still for no reason', async () => {
  const random = new Random(FIRST);
  for (const [index, plan] of plans.entries()) {
    const delay = index % 8 === 7 ? { delay: DELAY } : {};
    byRun.set((await test.client.start(plan.name, plan.input, delay)).id, plan);
  }
  for (let turn = 0; turn < MOST_TURNS && wrong.length < 10; turn++) {
    await test.idle();
    const runs = await look(await unfinished());
    if (runs.length === 0) break;
    if (await answer(runs, random)) continue;
    const due = await test.nextDue();
    await test.advance(due === null ? 0 : due.getTime() - test.now().getTime());
  }
  const left = await look([...byRun.keys()]);
  expect(wrong.join('\n')).toBe('');
  expect(left.filter(({ state }) => state !== null)).toEqual([]);
  expect(left).toHaveLength(byRun.size);
  expect(commits).toBeGreaterThan(TREES);
  const kinds: readonly StandingKind[] = [...WAITS, 'retry', 'running', 'due', 'scheduled', 'paused', 'compensating', 'completed', 'failed', 'compensated']; // prettier-ignore
  expect(kinds.filter((kind) => !right.has(kind))).toEqual([]);
}, 600_000);
