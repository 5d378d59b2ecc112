import type { DurableClient, StoredSchedule } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Random } from '../support/random.js';
import { type Era, type Span, TICK } from './ticks.js';

const SCHEDULES = 3;
/** Seconds; all of them divide a minute. */
const PERIODS = [1, 1, 2, 3];
/** ms for which a schedule that is due may stand still: a worker that is frozen in the middle of firing it, and its successor's boot. */
const PATIENCE = 60_000;

type Acts = 'switch' | 'update' | 'delete' | 'trigger';

/** Schedules of short periods that are made, switched off and on, changed and deleted while the processes that fire them die. */
export class Timekeeper {
  readonly eras: Era[] = [];
  readonly faults: string[] = [];
  private readonly open = new Map<string, Omit<Era, 'ended'>>();

  constructor(
    private readonly client: DurableClient,
    private readonly pool: pg.Pool,
    private readonly random: Random,
  ) {}

  /** For so many ms, and until all that was due by then has been fired. */
  async keep(ms: number): Promise<void> {
    const until = performance.now() + ms;
    for (let n = 1; n <= SCHEDULES; n++) await this.create(`tick ${n}`);
    while (performance.now() < until) {
      await pause(this.random.int(200, 2_000));
      await this.act(`tick ${this.random.int(1, SCHEDULES)}`);
    }
    for (const [schedule] of Array.from(this.open)) {
      await this.untilFired(schedule);
      await this.end(schedule, () => this.client.disableSchedule(schedule));
    }
  }

  private async act(schedule: string): Promise<void> {
    const { client, random } = this;
    const found = await client.getSchedule(schedule);
    if (found === null) return this.create(schedule);
    const act = random.pick<Acts>(['switch', 'switch', 'update', 'update', 'delete', 'trigger']);
    if (act === 'trigger') return void (await client.triggerSchedule(schedule));
    if (act === 'delete') return void (await this.end(schedule, () => client.deleteSchedule(schedule)));
    if (act === 'update') return this.update(found);
    if (found.enabled) return void (await this.end(schedule, () => client.disableSchedule(schedule)));
    const began = await this.during(() => client.enableSchedule(schedule));
    this.begin(found, periodOf(found), began);
  }

  private async create(name: string): Promise<void> {
    const period = this.random.pick(PERIODS);
    const catchUp = this.random.pick(['all', 'all', 'latest', 'none'] as const);
    const options = { name, input: { schedule: name }, catchUp, catchUpLimit: 1_000 };
    const began = await this.during(() => this.client.schedule(TICK, cronOf(period), options));
    this.begin({ name, catchUp }, period, began);
  }

  private async update(found: StoredSchedule): Promise<void> {
    const period = this.random.pick(PERIODS);
    const change = () => this.client.updateSchedule(found.name, { cron: cronOf(period) });
    // Where nothing has changed its times go on.
    if (period === periodOf(found)) return void (await change());
    if (!found.enabled) return void (await change());
    const span = await this.end(found.name, change);
    this.begin(found, period, span);
  }

  private begin({ name, catchUp }: Pick<StoredSchedule, 'name' | 'catchUp'>, period: number, began: Span): void {
    this.open.set(name, { schedule: name, period, caughtUp: catchUp === 'all', began });
  }

  /** An act that ends the due times of a schedule; of one that is switched off it ends nothing. */
  private async end(schedule: string, act: () => Promise<unknown>): Promise<Span> {
    const next = (await this.client.getSchedule(schedule))?.nextRunAt ?? null;
    const span = await this.during(act);
    const era = this.open.get(schedule);
    this.open.delete(schedule);
    if (era !== undefined && next !== null) this.eras.push({ ...era, ended: { ...span, next: next.getTime() } });
    return span;
  }

  private async untilFired(schedule: string): Promise<void> {
    const now = await this.now();
    for (const since = performance.now(); performance.now() - since < PATIENCE; await pause(100)) {
      const found = await this.client.getSchedule(schedule);
      if ((found?.nextRunAt?.getTime() ?? 0) > now) return;
    }
    this.faults.push(`schedule ${schedule} was due at ${new Date(now).toISOString()}, and nobody has fired it`);
  }

  private async during(act: () => Promise<unknown>): Promise<Span> {
    const from = await this.now();
    await act();
    return { from, to: await this.now() };
  }

  private async now(): Promise<number> {
    const { rows } = await this.pool.query<{ now: Date }>('SELECT durable.clock() AS now');
    return rows[0]?.now.getTime() ?? NaN;
  }
}

function cronOf(period: number): string {
  return `*/${period} * * * * *`;
}

function periodOf({ cron }: Pick<StoredSchedule, 'cron'>): number {
  return Number(/^\*\/(\d+) /.exec(cron)?.[1]);
}
