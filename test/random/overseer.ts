import type { BulkResult, DurableClient, ExecutionFilters } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Random } from '../support/random.js';
import { isLate, type Operator } from './operator.js';
import type { Plan } from './plan.js';

/** Of all that have ended, whatever started them, one. */
const ENDED_RUN = `
  SELECT id, workflow FROM durable.workflow_executions WHERE status <> 'active' ORDER BY random() LIMIT 1`;

/** Codes of what an act on many refuses rightly: it has ended meanwhile, or become what was asked for. */
const REFUSALS = ['UNCHANGED', 'EXECUTION_FINISHED'];
/** Of the runs that are started, those that are run again meanwhile: one in so many. */
const AGAIN = 4;

/** Acts on many runs at random moments, and runs again what has ended while others are still at work. */
export class Overseer {
  private over = false;
  private left: number;

  constructor(
    private readonly client: DurableClient,
    private readonly pool: pg.Pool,
    private readonly plans: readonly Plan[],
    private readonly random: Random,
    private readonly operator: Operator,
    runs: number,
  ) {
    this.left = Math.ceil(runs / AGAIN);
  }

  /** Until it is told to end; nothing is paused by it then. */
  async act(): Promise<void> {
    const { random } = this;
    while (!this.over) {
      await pause(random.int(100, 1_500));
      if (this.over) return;
      const act = random.pick([
        'pause',
        'pause',
        'cancel',
        'cancel one',
        'retry',
        'retry one',
        'restart',
        'restart',
      ] as const);
      await this[act]().catch((error: unknown) => {
        if (!isLate(error)) throw error;
      });
    }
  }

  end(): void {
    this.over = true;
  }

  private async pause(): Promise<void> {
    const { random, client } = this;
    const filters = this.filters();
    this.check('pauseMany', await client.pauseMany(filters, random.chance(0.5) ? {} : { limit: random.int(1, 10) }));
    await pause(random.int(0, 600));
    this.check('resumeMany', await client.resumeMany(filters));
  }

  private async cancel(): Promise<void> {
    const { random, client } = this;
    const plans = this.plans.filter(({ cancelled }) => cancelled);
    if (plans.length === 0) return;
    const workflow = random.pick(plans).name;
    const options = { limit: random.int(1, 4), compensate: random.chance(0.5), reason: 'enough of these' };
    this.check('cancelMany', await client.cancelMany({ workflow }, options));
  }

  /** Mostly with what it did undone. */
  private async 'cancel one'(): Promise<void> {
    const { random } = this;
    const open = Array.from(this.operator.started.values()).filter(({ cancelled }) => !cancelled);
    if (open.length === 0 || random.chance(0.5)) return;
    const started = random.pick(open.slice(-10));
    started.cancelled = true;
    await started.run.cancel('enough', { compensate: random.chance(0.8) });
  }

  private async retry(): Promise<void> {
    if (this.left <= 0) return;
    const limit = this.random.int(1, 3);
    this.left -= limit;
    this.check('retryMany', await this.client.retryMany(this.filters(), { limit }));
  }

  private async 'retry one'(): Promise<void> {
    const ended = await this.ended();
    if (ended === null) return;
    this.operator.attend(await this.client.retry(ended.id), ended.plan);
  }

  private async restart(): Promise<void> {
    const ended = await this.ended();
    if (ended === null) return;
    const points = (await this.client.restartPoints(ended.id)).filter(({ ok }) => ok);
    if (points.length === 0) return;
    const run = await this.client.restartFrom(ended.id, this.random.pick(points).step);
    this.operator.attend(run, ended.plan, true);
  }

  private async ended(): Promise<{ id: string; plan: Plan } | null> {
    const { rows } = await this.pool.query<{ id: string; workflow: string }>(ENDED_RUN);
    const plan = this.plans.find(({ name }) => name === rows[0]?.workflow);
    if (rows[0] === undefined || plan === undefined || this.left <= 0) return null;
    this.left--;
    return { id: rows[0].id, plan };
  }

  private filters(): ExecutionFilters {
    return this.random.chance(0.2) ? {} : { workflow: this.random.pick(this.plans).name };
  }

  private check(act: string, { refused }: BulkResult): void {
    const wrong = refused.filter(({ code }) => !REFUSALS.includes(code));
    for (const { id, message } of wrong) this.operator.faults.push(`${act} refused run ${id}: ${message}`);
  }
}
