import type { ScheduleState } from '../../lib/core/time/schedule.js';
import { newSchedule } from '../../lib/core/time/schedule.js';
import { type RegisteredWorkflow, Registry } from '../../lib/engine/ports/registry.js';
import type { FirePlan, FiredSchedules, ScheduleStore } from '../../lib/engine/ports/store.js';
import { Scheduler } from '../../lib/engine/worker/scheduler.js';
import type { Lender } from '../../lib/storage/connection/transaction.js';
import { PgScheduleStore } from '../../lib/storage/schedules/schedule-store.js';
import { PgSchedules } from '../../lib/storage/schedules/schedules.js';
import { aroundPool } from '../support/lender.js';
import { until } from '../support/until.js';
import { Rows } from './rows.js';

/** Thousands of schedules may be due at the same minute. */

const SETTINGS = {
  cron: '0 0 1 1 *',
  timezone: 'UTC',
  input: '{}',
  queue: null,
  overlap: 'allow',
  catchUp: 'none',
  catchUpWindow: 86_400_000,
  catchUpLimit: 100,
} as const;

const MANY = 250;

function scheduler(store: ScheduleStore, definitionId: number, validateInput: RegisteredWorkflow['validateInput']) {
  const registry = new Registry();
  const definition = { name: 'order', queue: 'default', priority: 0 };
  const of = { definition, definitionId, retryIf: new Map(), concurrencyKey: null, validateInput };
  registry.add(of as unknown as RegisteredWorkflow);
  const trouble: string[] = [];
  const onTrouble = (message: string): void => void trouble.push(message);
  const deps = {
    store,
    registry,
    worker: () => 0,
    interval: 1_000,
    isNeeded: () => false,
    onWork: () => {},
    onTrouble,
  };
  return { scheduler: new Scheduler(deps), trouble };
}

describe('what is due at the same time', () => {
  let rows: Rows;

  beforeEach(async () => {
    rows = await Rows.open();
    await new PgSchedules(rows.pool, 'durable').create({
      name: 's0', workflow: 'order', enabled: true, settings: SETTINGS,
    }); // prettier-ignore
    const { rows: columns } = await rows.pool.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = 'durable' AND table_name = 'scheduled_workflows' AND column_name NOT IN ('name', 'id')`,
    );
    const others = columns.map(({ name }) => name).join(', ');
    await rows.pool.query(
      `INSERT INTO durable.scheduled_workflows (name, id, ${others})
       SELECT 's' || n, gen_random_uuid(), ${others} FROM durable.scheduled_workflows, generate_series(1, ${MANY - 1}) n`,
    );
  });

  afterEach(() => rows.close());

  /** They become due while the scheduler is at work. */
  async function fire(one: Scheduler): Promise<void> {
    one.start();
    await one.look();
    await rows.pool.query('UPDATE durable.scheduled_workflows SET next_run_at = now()');
    await one.look();
    await one.stop();
  }

  async function started(): Promise<number> {
    return (await rows.pool.query('SELECT FROM durable.workflow_executions')).rowCount ?? 0;
  }

  it.each<[string, RegisteredWorkflow['validateInput'], number]>([
    ['is fired in few transactions', null, 3],
    ['is so where the app checks the inputs', () => Promise.resolve(), 6],
  ])('%s: one after the other they came to their turn minutes later', async (_, validateInput, most) => {
    let transactions = 0;
    const pool: Lender = aroundPool(rows.pool, (text, send) => {
      if (text.startsWith('BEGIN')) transactions++;
      return send();
    });
    const one = scheduler(new PgScheduleStore(pool, 'durable'), rows.definitionId, validateInput);
    await fire(one.scheduler);
    expect(await started()).toBe(MANY);
    // Beside those that find none.
    expect(transactions).toBeLessThanOrEqual(most + 3);
    expect(one.trouble).toEqual([]);
  });

  it('has its runs but for those that are refused, which are counted', async () => {
    await rows.pool.query(
      `ALTER TABLE durable.workflow_executions ADD CONSTRAINT host CHECK (schedule_name NOT IN ('s7', 's77'))`,
    );
    const one = scheduler(new PgScheduleStore(rows.pool, 'durable'), rows.definitionId, null);
    await fire(one.scheduler);
    expect(await started()).toBe(MANY - 2);
    const { rows: found } = await rows.pool.query<{ name: string }>(
      `SELECT name FROM durable.scheduled_workflows WHERE consecutive_failures = 1 AND next_run_at > now() ORDER BY name`,
    );
    expect(found.map(({ name }) => name)).toEqual(['s7', 's77']);
    expect(one.trouble).toHaveLength(2);
  });
});

it('what waits for others that are fired first is not late by that, whatever catchUp says', async () => {
  const due = Date.UTC(2026, 0, 1);
  const made = newSchedule({ name: 's', workflow: 'order', enabled: true, settings: SETTINGS }, {
    id: '', fromCode: false, now: due - 1,
  }); // prettier-ignore
  const plans: FirePlan[] = [];
  /** Each look is a minute after the one before; the first comes before the due time. */
  let looks = 0;
  const store: ScheduleStore = {
    async fireSchedules(_workflows, _leaveAlone, plan): Promise<FiredSchedules> {
      const now = due + 60_000 * (looks++ - 1);
      const state: ScheduleState = { ...made, name: `s${looks}`, nextRunAt: due };
      const some = now >= due && now < due + 120_000;
      if (some) plans.push(await plan(state, now, async () => null));
      return { some, fired: [], unreadable: [], nextInMs: null, now };
    },
  };
  const one = scheduler(store, 1, null);
  one.scheduler.start();
  await until(() => looks > 0);
  await one.scheduler.look();
  await one.scheduler.stop();
  expect(plans).toMatchObject([{ dues: [due] }, { dues: [due] }]);
});
