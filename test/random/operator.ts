import {
  type DurableClient,
  type DurableQueues,
  ExecutionFinishedError,
  ExecutionNotFoundError,
  InputNotPendingError,
  type WorkflowHandle,
} from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { Random } from '../support/random.js';
import { actsOf, ANSWERS, fateOf, payloadOf, type Plan, QUEUES } from './plan.js';

/** A run that was started from outside. */
export interface Started {
  readonly run: WorkflowHandle;
  readonly plan: Plan;
  /** It was cancelled, or that was tried. */
  cancelled: boolean;
  /** What it was told of itself was told to the run that it took its records from. */
  readonly restarted: boolean;
}

const KEYS = 3;
const OPEN_WAITS = `
  SELECT id, run_id, kind, names FROM durable.waits
  WHERE state = 'open' AND kind IN ('event', 'any', 'all', 'input') AND NOT (id = ANY ($1::uuid[]))`;

interface OpenWait {
  readonly id: string;
  readonly run_id: string;
  readonly kind: string;
  readonly names: readonly string[];
}

/** What people and other systems do to the runs: start them, send what they wait for, cancel, pause and resume them, look at them. */
export class Operator {
  readonly started = new Map<string, Started>();
  /** What a call did that it must not. */
  readonly faults: string[] = [];
  private readonly asks = new Map<string, string>();
  private readonly seen = new Set<string>();
  private readonly under = new Set<Promise<void>>();
  private over = false;

  constructor(
    private readonly client: DurableClient,
    private readonly pool: pg.Pool,
    private readonly dataSource: DataSource,
    private readonly plans: readonly Plan[],
    private readonly random: Random,
  ) {
    for (const act of plans.flatMap((plan) => actsOf(plan.nodes)))
      if (act.do === 'input') this.asks.set(act.name, act.asks);
  }

  async startAll(count: number): Promise<void> {
    const { random } = this;
    for (let left = count; left > 0;) {
      const plan = random.pick(this.plans);
      const many = random.chance(0.2) ? Math.min(left, random.int(2, 8)) : 1;
      left -= many;
      for (const run of await this.start(plan, many)) this.attend(run, plan);
      await pause(random.int(0, 40));
    }
  }

  /** Runs again what has ended, and what of it can be taken over. */
  async again(): Promise<void> {
    for (const { run, plan } of Array.from(this.started.values())) {
      const roll = this.random.next();
      try {
        if (roll < 0.08) {
          this.attend(await run.retry(), plan);
        } else if (roll < 0.2) {
          const points = (await run.restartPoints()).filter(({ ok }) => ok);
          if (points.length > 0) this.attend(await run.restartFrom(this.random.pick(points).step), plan, true);
        }
      } catch (error) {
        // It may be gone.
        if (!isLate(error)) throw error;
      }
    }
  }

  /** Sends what is waited for, until it is told to end. */
  async feed(): Promise<void> {
    while (!this.over) {
      const rows = await this.open();
      for (const wait of rows) {
        this.seen.add(wait.id);
        this.spawn(this.answer(wait));
      }
      await pause(30);
    }
  }

  /** Waits that are open and were not looked at yet. */
  private async open(): Promise<OpenWait[]> {
    try {
      return (await this.pool.query<OpenWait>(OPEN_WAITS, [[...this.seen]])).rows;
    } catch (error) {
      if (this.over) return [];
      throw error;
    }
  }

  async settled(): Promise<void> {
    while (this.under.size > 0) await Promise.all(this.under);
  }

  async end(): Promise<void> {
    this.over = true;
    await this.settled();
  }

  private async start(plan: Plan, many: number): Promise<WorkflowHandle[]> {
    const { random, client } = this;
    const input = (): object => ({ key: random.int(0, KEYS - 1) });
    const options = random.chance(0.15) ? { delay: random.int(1, 800) } : {};
    if (many > 1) {
      const items = Array.from({ length: many }, () => ({ input: input() }));
      return client.startMany(plan.name, items, options);
    }
    if (random.chance(0.2)) {
      return [await this.within((manager) => client.start(plan.name, input(), { ...options, manager }))];
    }
    if (random.chance(0.1)) return [await this.startOnce(plan, input(), options)];
    return [await client.start(plan.name, input(), options)];
  }

  /** Does to a run what somebody may do to it. */
  attend(run: WorkflowHandle, plan: Plan, restarted = false): void {
    const { random } = this;
    const started: Started = { run, plan, cancelled: false, restarted };
    this.started.set(run.id, started);
    for (const name of namesOf(plan)) {
      if (fateOf(name) === 'sent' && random.chance(0.3)) this.spawn(this.send(run.id, name, random.int(0, 60)));
      if (fateOf(name) === 'maybe' && random.chance(0.2)) this.spawn(this.send(run.id, name, random.int(0, 600)));
    }
    if (random.chance(0.12)) this.spawn(this.pauseFor(run, random.int(0, 1_500), random.int(0, 1_000)));
    if (random.chance(0.1)) this.spawn(this.look(run, random.int(0, 2_000)));
    if (random.chance(0.1)) this.spawn(this.hurry(run, random.int(0, 1_000)));
    if (random.chance(0.05)) this.spawn(this.cancel(started, random.int(0, 2_500)));
    if (random.chance(0.1)) this.spawn(this.meddle(random.int(0, 3_000)));
  }

  private spawn(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => {
        if (!isLate(error)) this.faults.push(`a call failed: ${(error as Error).stack}`);
      })
      .finally(() => this.under.delete(watched));
    this.under.add(watched);
  }

  private async answer({ id, run_id: run, kind, names }: OpenWait): Promise<void> {
    const { random } = this;
    const delay = random.pick([0, 5, 50, 300]);
    if (kind === 'input') {
      const [name = ''] = names;
      if (fateOf(name) === 'never' || (fateOf(name) === 'maybe' && random.chance(0.4))) return;
      await pause(delay);
      await this.provide(id, name, run);
      return;
    }
    for (const name of names) {
      const fate = fateOf(name);
      if (fate === 'never' || (fate === 'maybe' && random.chance(0.4))) continue;
      const started = this.started.get(run);
      if (fate === 'told' && started?.restarted !== true) {
        // It may be that it was restarted this moment: looked at again, until that is known.
        if (started === undefined) this.seen.delete(id);
        continue;
      }
      this.spawn(this.send(run, name, delay));
    }
  }

  /** Two at once, now and then: one of them wins, or none. */
  private async provide(inputId: string, name: string, run: string): Promise<void> {
    const data = ANSWERS[this.asks.get(name) as keyof typeof ANSWERS];
    const answers = this.random.chance(0.2) ? [data, data] : [data];
    const told = await Promise.allSettled(answers.map((one) => this.client.provideInput(run, { inputId }, one)));
    const taken = told.filter(({ status }) => status === 'fulfilled').length;
    if (taken > 1) this.faults.push(`run ${run}: ${taken} answers to ${name} were taken`);
    for (const one of told) {
      if (one.status === 'rejected' && !isLate(one.reason)) throw one.reason;
    }
  }

  private async send(run: string, name: string, delay: number): Promise<void> {
    const { random, client } = this;
    await pause(delay);
    const payload = payloadOf(name);
    const way = random.pick(['plain', 'plain', 'plain', 'manager', 'twice']);
    if (way === 'manager') {
      await this.within((manager) => client.sendEvent(run, name, payload, { manager }));
    } else if (way === 'twice') {
      const once = { dedupeKey: `${name} ${random.next()}` };
      await Promise.all([client.sendEvent(run, name, payload, once), client.sendEvent(run, name, payload, once)]);
    } else {
      await client.sendEvent(run, name, payload);
    }
  }

  /** In a transaction that is committed some time later; again, where the server cannot put it in an order with others. */
  private async within<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.dataSource.transaction(async (manager) => {
          const done = await work(manager);
          await pause(this.random.int(0, 30));
          return done;
        });
      } catch (error) {
        if (!/could not serialize/.test(String(error))) throw error;
      }
    }
  }

  private async pauseFor(run: WorkflowHandle, after: number, ms: number): Promise<void> {
    await pause(after);
    await run.pause();
    await pause(ms);
    await run.resume();
  }

  private async hurry(run: WorkflowHandle, after: number): Promise<void> {
    await pause(after);
    await run.retryNow();
  }

  private async look(run: WorkflowHandle, after: number): Promise<void> {
    await pause(after);
    await Promise.all([
      run.explain(),
      run.steps(),
      run.events(),
      this.client.listPendingInputs({ limit: 100 }),
      this.client.listPendingEvents({ limit: 100 }),
      this.client.listChildren(run.id),
      this.client.executionCounts(),
    ]);
  }

  /** With runs of others, as their plans allow. */
  private async meddle(after: number): Promise<void> {
    const { random, client } = this;
    await pause(after);
    const { rows } = await this.pool.query<{ id: string; workflow: string }>(OPEN_RUNS);
    const acts = rows.map(async ({ id, workflow }) => {
      const plan = this.plans.find(({ name }) => name === workflow);
      if (plan?.cancelled === true) await client.cancel(id, 'enough', { compensate: random.chance(0.5) });
      else if (plan?.waitsCancelled === true) await client.cancelWait(id, { reason: 'enough' });
      else await this.pauseFor(client.handle(id), 0, random.int(0, 300));
    });
    await Promise.all(acts);
  }

  /** Runs that are started twice at a time under one key are one. */
  private async startOnce(plan: Plan, input: object, options: object): Promise<WorkflowHandle> {
    const idempotencyKey = `${this.random.next()}`;
    const start = (): Promise<WorkflowHandle> => this.client.start(plan.name, input, { ...options, idempotencyKey });
    const [one, other] = await Promise.all([start(), start()]);
    const there = await this.pool.query('SELECT FROM durable.workflow_executions WHERE id IN ($1, $2)', [
      one.id,
      other.id,
    ]);
    // With a run that retention deletes its key goes.
    if (there.rowCount === 2) this.faults.push(`one key gave the runs ${one.id} and ${other.id}`);
    return one;
  }

  /** Holds queues up, one after the other, for moments. */
  async holdUp(queues: DurableQueues): Promise<void> {
    const { random } = this;
    while (!this.over) {
      await pause(random.int(500, 3_000));
      const queue = random.pick(QUEUES);
      await queues.pause(queue);
      await pause(random.int(0, 300));
      await queues.resume(queue);
    }
  }

  private async cancel(started: Started, after: number): Promise<void> {
    await pause(after);
    started.cancelled = true;
    await started.run.cancel('enough', { compensate: this.random.chance(0.5) });
  }
}

/** Some that are not over, children among them. */
const OPEN_RUNS = `
  SELECT e.id, e.workflow FROM durable.workflow_queue q JOIN durable.workflow_executions e ON e.id = q.id
  ORDER BY random() LIMIT 5`;

function namesOf(plan: Plan): string[] {
  return actsOf(plan.nodes).flatMap((act) => ('names' in act ? act.names : act.do === 'event' ? [act.name] : []));
}

/** The run or its wait is over. */
export function isLate(error: unknown): boolean {
  return (
    error instanceof ExecutionFinishedError ||
    error instanceof ExecutionNotFoundError ||
    error instanceof InputNotPendingError
  );
}
