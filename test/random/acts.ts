import {
  callWorkflow,
  ChildWorkflowError,
  currentAttempt,
  type DurableClient,
  FatalError,
  once,
  sleep,
  startWorkflow,
  stepSignal,
  WaitCancelledError,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForEvent,
  waitForForm,
  waitForText,
  WaitTimeoutError,
  workflowId,
  workflowInput,
} from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { CHILD_FAILED, NO_VALUE, TIMED_OUT, WAIT_CANCELLED } from './expected.js';
import { type Act, baseOf, fateOf, type Limit, payloadOf, type Plan, type WaitAct } from './plan.js';

/** What a run's input is: the key that limits count by. */
export interface Input {
  readonly key: number;
}

export interface Tools {
  readonly plans: readonly Plan[];
  /** Straight to the database, past every fault of the network. */
  readonly pool: pg.Pool;
  readonly worker: string;
  client(): DurableClient;
}

export const MARKS = `
  CREATE TABLE marks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run uuid NOT NULL, place text NOT NULL, what text NOT NULL,
    attempt integer, worker text, began timestamptz NOT NULL DEFAULT clock_timestamp(), ended timestamptz, value text);
  CREATE INDEX marks_place ON marks (run, place, what);
  CREATE TABLE bookings (run uuid NOT NULL, place text NOT NULL);
  CREATE TABLE freezes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, worker text NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp(), ended timestamptz);`;

/** Does what a member of a plan does, in an item of a loop or in none. */
export class Script {
  private readonly place: string;

  constructor(
    private readonly tools: Tools,
    member: string,
    private readonly item: string,
  ) {
    this.place = `${member}${item}`;
  }

  async perform(acts: readonly Act[]): Promise<unknown[]> {
    const values: unknown[] = [];
    for (const act of acts) values.push(await this.act(act));
    return values;
  }

  /** Throws as often as the plan says, in all that there is of the run. */
  async fail(times: number): Promise<void> {
    await this.mark('fail');
    const { rows } = await this.tools.pool.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM marks WHERE run = $1 AND place = $2 AND what = 'fail'`,
      [workflowId(), this.place],
    );
    if ((rows[0]?.n ?? 0) <= times) throw new Error(`${this.place} fails for now`);
  }

  private async act(act: Act): Promise<unknown> {
    const { tools } = this;
    switch (act.do) {
      case 'work':
        await this.work(act.ms);
        return act.do;
      case 'once': {
        const value = await once(act.name, async () => {
          await this.work(act.ms, act.name);
          return `${tools.worker} ${Math.random()}`;
        });
        await this.mark(`${act.name} gave`, value);
        return act.do;
      }
      case 'start':
        await startWorkflow(this.workflow(act.plan), { key: workflowInput<Input>().key }, { ref: act.ref });
        return act.do;
      case 'tell':
        await tools.client().sendEvent(workflowId(), act.name, payloadOf(act.name));
        return act.do;
      case 'fail':
        await this.fail(act.times);
        return act.do;
      case 'doom':
        if (act.how === 'fatal') throw new FatalError(`${this.place} is doomed`);
        throw new Error(`${this.place} is doomed`);
      case 'hang':
        await this.hang();
        return act.do;
      case 'race':
        return Promise.race(act.acts.map((one) => this.wait(one)));
      case 'both':
        return Promise.all(act.acts.map((one) => this.wait(one)));
      default:
        return this.wait(act);
    }
  }

  private async wait(act: WaitAct): Promise<unknown> {
    const limit = 'limit' in act ? limited(act.limit) : {};
    try {
      switch (act.do) {
        case 'sleep':
          await sleep(act.ms);
          return 'slept';
        case 'event':
          return await waitForEvent<unknown>(this.own(act.name), limit);
        case 'any': {
          const any: unknown = await waitForAny(
            act.names.map((one) => this.own(one)),
            limit,
          );
          return Array.isArray(any) ? [baseOf(String(any[0])), any[1] as unknown] : any;
        }
        case 'all': {
          const all: unknown = await waitForAll(
            act.names.map((one) => this.own(one)),
            limit,
          );
          if (typeof all !== 'object' || all === null) return all;
          return Object.fromEntries(Object.entries(all).map(([name, payload]) => [baseOf(name), payload]));
        }
        case 'child': {
          const input = { key: workflowInput<Input>().key };
          return await callWorkflow(this.workflow(act.plan), input, {
            ...limit,
            ...(act.ref === null ? {} : { ref: act.ref }),
          });
        }
        case 'input':
          return await ask(act.asks, act.name, limit);
      }
    } catch (error) {
      if (error instanceof WaitTimeoutError) return TIMED_OUT;
      if (error instanceof WaitCancelledError) return WAIT_CANCELLED;
      if (error instanceof ChildWorkflowError) return CHILD_FAILED;
      throw error;
    }
  }

  /** Each item of a loop has events of its own, so that it is known which are still to be sent; but what one is told, all may hear. */
  private own(name: string): string {
    return fateOf(name) === 'told' ? name : `${name}${this.item}`;
  }

  private workflow(index: number): string {
    const plan = this.tools.plans[index];
    if (plan === undefined) throw new Error(`There is no plan ${index}`);
    return plan.name;
  }

  /** Leaves its mark at its begin and, if nobody told it to stop, at its end. */
  private async work(ms: number, what = 'work'): Promise<void> {
    const signal = stepSignal();
    const id = await this.mark(what);
    if (ms > 0) await pause(ms);
    if (signal.aborted) return;
    await this.tools.pool.query('UPDATE marks SET ended = clock_timestamp() WHERE id = $1', [id]);
  }

  private async hang(): Promise<void> {
    const signal = stepSignal();
    await this.mark('hang');
    const { rows } = await this.tools.pool.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM marks WHERE run = $1 AND place = $2 AND what = 'hang'`,
      [workflowId(), this.place],
    );
    if (rows[0]?.n !== 1) return;
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  private async mark(what: string, value: string | null = null): Promise<string> {
    const { rows } = await this.tools.pool.query<{ id: string }>(
      'INSERT INTO marks (run, place, what, attempt, worker, value) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id',
      [workflowId(), this.place, what, currentAttempt(), this.tools.worker, value],
    );
    return rows[0]?.id ?? '';
  }
}

function limited(limit: Limit | null): object {
  if (limit === null) return {};
  if (limit.ends === 'value') return { timeout: limit.ms, timeoutValue: NO_VALUE };
  return { timeout: limit.ms, onTimeout: limit.ends === 'fail' ? 'fail' : 'resume' };
}

function ask(asks: string, name: string, limit: object): Promise<unknown> {
  switch (asks) {
    case 'approval':
      return waitForApproval(name, limit);
    case 'choice':
      return waitForChoice(name, { choices: [{ value: 'a' }, { value: 'b' }], ...limit });
    case 'form':
      return waitForForm(name, { fields: [{ name: 'size', type: 'number' }], ...limit });
    default:
      return waitForText(name, limit);
  }
}
