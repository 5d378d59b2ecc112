import {
  currentAttempt,
  days,
  DurableWorkflow,
  hours,
  minutes,
  seconds,
  stepSignal,
  Step,
  Workflow,
  workflowInput,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import pg from 'pg';
import { until } from '../support/faults/effects.js';
import { TestDatabase } from '../../lib/testing/test-database.js';
import { Gate, onTestServer } from './support.js';

/** A trial of 14 days: it starts when the trial is over, the mail provider is down for a day, the bank hangs once. */
@Workflow({ name: 'trial' })
class TrialWorkflow extends DurableWorkflow<{ user: string }, { user: string; charged: boolean }> {
  readonly mails: number[] = [];

  @Step({
    retry: { maxAttempts: 10, backoff: 'constant', initialDelay: hours(6), maxDelay: hours(6), jitter: false },
  })
  remind() {
    this.mails.push(currentAttempt());
    if (currentAttempt() < 5) throw new Error('the mail provider is down');
  }

  @Step({ timeout: minutes(10), retry: { maxAttempts: 2, initialDelay: hours(1), jitter: false } })
  async charge(data: { user: string }) {
    if (currentAttempt() === 1) await new Promise(() => {});
    return { ...data, charged: true };
  }
}

@Workflow({ name: 'noted' })
class NotedWorkflow extends DurableWorkflow<{ name: string }> {
  readonly seen: string[] = [];

  @Step({ retry: { maxAttempts: 3, backoff: 'constant', initialDelay: minutes(3), jitter: false } })
  note() {
    this.seen.push(`${workflowInput<{ name: string }>().name}${currentAttempt()}`);
    if (currentAttempt() < 3) throw new Error('once more');
  }
}

@Workflow({ name: 'limited', timeout: hours(1) })
class LimitedWorkflow extends DurableWorkflow<{ hang: boolean }> {
  signal: AbortSignal | null = null;

  @Step({ retry: { maxAttempts: 100, backoff: 'constant', initialDelay: minutes(7), jitter: false } })
  async never(data: { hang: boolean }) {
    if (data.hang) {
      this.signal = stepSignal();
      await new Promise(() => {});
    }
    throw new Error('never');
  }
}

@Workflow({ name: 'gated' })
class GatedWorkflow {
  gate = new Gate();
  begun = new Gate();

  @Step()
  async pass() {
    this.begun.open();
    await this.gate.promise;
    return { passed: true };
  }
}

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow {
  @Step({ queue: 'other', retry: { maxAttempts: 2, initialDelay: days(1), maxDelay: days(1), jitter: false } })
  there() {
    if (currentAttempt() === 1) throw new Error('once more');
    return { there: true };
  }
}

const told: number[] = [];
let test: DurableTest;

beforeEach(async () => {
  told.length = 0;
  test = await createDurableTest(
    {
      providers: [TrialWorkflow, NotedWorkflow, LimitedWorkflow, GatedWorkflow, ElsewhereWorkflow],
      patience: 1_000,
      onClock: (now) => told.push(now.getTime()),
    },
    onTestServer,
  );
});

afterEach(() => test.close());

describe('advance', () => {
  it('makes a retry at its time, also where the worker finds it due before it is told the time', async () => {
    const { seen } = test.get(NotedWorkflow);
    const run = await test.client.start(NotedWorkflow, { name: 'a' });
    // So near that the worker looks on by itself.
    await test.advance(minutes(3) - 1);
    expect(seen).toEqual(['a1']);
    const { setClock } = TestDatabase.prototype;
    const claimed = 'SELECT 1 FROM durable.workflow_queue WHERE id = $1 AND token > 1';
    let pool: pg.Pool | undefined;
    TestDatabase.prototype.setClock = async function (now) {
      await setClock.call(this, now);
      pool ??= new pg.Pool({ connectionString: this.url, max: 1 });
      await until(pool, claimed, [run.id]);
    };
    try {
      await test.advance(1);
    } finally {
      TestDatabase.prototype.setClock = setClock;
      await pool?.end();
    }
    expect(seen).toEqual(['a1', 'a2']);
  });

  it('takes a trial through 14 days, each thing at its own time', async () => {
    const start = test.now().getTime();
    const trial = test.get(TrialWorkflow);
    const run = await test.client.start(TrialWorkflow, { user: 'ann' }, { delay: days(14) });
    await test.advance(days(14) - 1);
    expect((await run.execution())?.status).toBe('pending');
    await test.advance(1);
    expect(trial.mails).toEqual([1]);
    await test.advance(hours(23));
    expect(trial.mails).toEqual([1, 2, 3, 4]);
    expect((await run.execution())?.status).toBe('waiting');

    await test.advance(hours(3));
    expect(await run.result()).toEqual({ user: 'ann', charged: true });
    const hour = (date: Date | null): number => ((date?.getTime() ?? NaN) - start - days(14)) / hours(1);
    const steps = await test.client.getSteps(run.id);
    expect(steps.map(({ step, status, completedAt }) => [step, status, hour(completedAt)])).toEqual([
      ['remind', 'failed', 0],
      ['remind', 'failed', 6],
      ['remind', 'failed', 12],
      ['remind', 'failed', 18],
      ['remind', 'completed', 24],
      ['charge', 'failed', 24 + 1 / 6],
      ['charge', 'completed', 25 + 1 / 6],
    ]);
    expect(steps.map(({ error }) => error?.code ?? null)[5]).toBe('STEP_TIMEOUT');
    expect(test.now().getTime()).toBe(start + days(15) + hours(2));
  });

  it('fires the timers of several runs in their order', async () => {
    const { seen } = test.get(NotedWorkflow);
    await test.client.start(NotedWorkflow, { name: 'a' }, { delay: minutes(2) });
    await test.client.start(NotedWorkflow, { name: 'b' });
    await test.client.start(NotedWorkflow, { name: 'c' }, { scheduledAt: new Date(test.now().getTime() + minutes(4)) });
    await test.advance(minutes(20));
    expect(seen).toEqual(['b1', 'a1', 'b2', 'c1', 'a2', 'b3', 'c2', 'a3', 'c3']);
  });

  it('ends a run whose timeout is due: one that sleeps, and one whose step hangs', async () => {
    const asleep = await test.client.start(LimitedWorkflow, { hang: false });
    const hanging = await test.client.start(LimitedWorkflow, { hang: true });
    await test.advance(hours(1) - 1);
    expect((await asleep.execution())?.status).toBe('waiting');
    expect((await hanging.execution())?.status).toBe('running');
    expect(test.get(LimitedWorkflow).signal?.aborted).toBe(false);
    await test.advance(1);
    for (const run of [asleep, hanging]) {
      await expect(run.result()).rejects.toMatchObject({ cause: { code: 'WORKFLOW_TIMEOUT' } });
    }
    expect((await test.client.getSteps(asleep.id)).length).toBe(9);
  });

  it('runs steps of other queues, with their backoff', async () => {
    const run = await test.client.start(ElsewhereWorkflow, {});
    await test.advance(days(1) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect(await run.result()).toEqual({ there: true });
  });

  it('tells each time to which the clock is set', async () => {
    const [start = 0] = told;
    expect(start).toBe(test.now().getTime());
    await test.client.start(NotedWorkflow, { name: 'a' }, { delay: 50 });
    await test.advance(seconds(1));
    expect(told).toEqual([start, start + 50, start + 1_000]);
  });

  it('comes to each time once, also where the last thing that is due is due at its end', async () => {
    await test.client.start(NotedWorkflow, { name: 'a' });
    await test.idle();
    const due = await test.nextDue();
    const before = told.length;
    await test.advance((due?.getTime() ?? 0) - test.now().getTime());
    expect(told.slice(before)).toEqual([due?.getTime()]);
  });

  it('goes on from where a call before it ends, awaited or not', async () => {
    const run = await test.client.start(NotedWorkflow, { name: 'a' }, { delay: hours(3) });
    const from = test.now().getTime();
    await Promise.all([
      test.advance(hours(2)),
      test.advance(minutes(1)),
      test.advance(-1).catch(() => {}),
      test.advance(hours(1)),
    ]);
    expect(test.now().getTime() - from).toBe(hours(3) + minutes(1));
    expect((await run.execution())?.startedAt?.getTime()).toBe(from + hours(3));
  });

  it('refuses what is no time', async () => {
    for (const ms of [-1, NaN, Infinity]) await expect(test.advance(ms)).rejects.toThrow(RangeError);
  });
});

describe('idle', () => {
  it('leaves what is not due, however long it takes', async () => {
    const run = await test.client.start(NotedWorkflow, { name: 'a' });
    await test.idle();
    await test.idle();
    expect(test.get(NotedWorkflow).seen).toEqual(['a1']);
    expect((await run.execution())?.status).toBe('waiting');
    expect((await test.nextDue())?.getTime()).toBe(test.now().getTime() + minutes(3));
  });

  it('waits for running steps, and for all that follows from them', async () => {
    const run = await test.client.start(GatedWorkflow, {});
    const workflow = test.get(GatedWorkflow);
    await workflow.begun.promise;
    const idle = test.idle();
    workflow.gate.open();
    await idle;
    expect((await run.execution())?.status).toBe('completed');
    expect(await test.nextDue()).toBeNull();
  });

  it('names a step that does not end', async () => {
    const run = await test.client.start(GatedWorkflow, {});
    const message = `"pass" (attempt 1, run ${run.id})`;
    await expect(test.idle()).rejects.toThrow(message);
    await expect(test.advance(days(1))).rejects.toThrow(message);
  });
});
