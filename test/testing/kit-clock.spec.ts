import { Injectable, Module } from '@nestjs/common';
import {
  days,
  DurableClient,
  DurableWorkflow,
  hours,
  minutes,
  Schedule,
  scheduledTime,
  seconds,
  sleep,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

@Injectable()
class Journal {
  readonly lines: [what: string, at: number][] = [];
}

@Workflow({ name: 'sleeper' })
class SleeperWorkflow extends DurableWorkflow<{ ms: number }> {
  constructor(private readonly journal: Journal) {
    super();
  }

  @Step()
  async nap({ ms }: { ms: number }) {
    await sleep(ms);
    this.journal.lines.push([`slept ${ms}`, test.now().getTime()]);
  }
}

@Workflow({ name: 'waiter' })
class WaiterWorkflow {
  constructor(private readonly journal: Journal) {}

  @Step()
  async wait() {
    await waitForEvent('never', { timeout: hours(3), timeoutValue: null });
    this.journal.lines.push(['timed out', test.now().getTime()]);
  }
}

@Workflow({ name: 'clockwork' })
@Schedule({ cron: '0 0 * * * *', enabled: false })
class ClockworkWorkflow {
  constructor(private readonly journal: Journal) {}

  @Step()
  tick() {
    this.journal.lines.push(['tick', scheduledTime()?.getTime() ?? NaN]);
  }
}

@Workflow({ name: 'retried' })
class RetriedWorkflow {
  constructor(private readonly journal: Journal) {}

  private attempts = 0;

  @Step({ retry: { maxAttempts: 2, backoff: 'constant', initialDelay: hours(5), maxDelay: hours(6), jitter: false } })
  work() {
    this.journal.lines.push(['attempt', test.now().getTime()]);
    if (++this.attempts === 1) throw new Error('again');
  }
}

let test: DurableTest;

@Module({ providers: [WaiterWorkflow, RetriedWorkflow, Journal], exports: [Journal] })
class FeatureModule {}

beforeAll(async () => {
  test = await createDurableTest(
    { imports: [FeatureModule], providers: [SleeperWorkflow, ClockworkWorkflow] },
    { databaseUrl: process.env['TEST_SERVER_URL'] },
  );
});

afterAll(async () => {
  await test.close();
  await test.close();
});

/** What happens in the meantime, with hours and minutes since then. */
async function during(work: () => Promise<void>): Promise<[what: string, hour: number][]> {
  const { lines } = test.get<Journal>(Journal);
  lines.length = 0;
  const start = test.now().getTime();
  await work();
  return lines.map(([what, at]) => [what, (at - start) / hours(1)]);
}

describe('the clock', () => {
  it('stands still, and is moved by advance()', async () => {
    const before = test.now();
    const run = await test.client.start(SleeperWorkflow, { ms: 1 });
    await test.idle();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await test.idle();
    expect((await run.execution())?.status).toBe('waiting');
    expect(test.now()).toEqual(before);
    await test.advance(1);
    expect((await run.execution())?.status).toBe('completed');
    await test.advance(days(3));
    expect(test.now().getTime() - before.getTime()).toBe(days(3) + 1);
  });

  it('is what runs are dated with', async () => {
    const run = await test.client.start(SleeperWorkflow, { ms: seconds(90) });
    const start = test.now();
    await test.advance(minutes(5));
    const execution = await run.execution();
    expect(execution).toMatchObject({ createdAt: start, startedAt: start });
    expect(execution?.completedAt).toEqual(new Date(start.getTime() + seconds(90)));
  });
});

describe('advance()', () => {
  it('fires sleeps, timeouts, backoffs, delayed starts and schedules in order, each at its time', async () => {
    await test.advance(hours(1) - (test.now().getTime() % hours(1)));
    await test.advance(minutes(30));
    const lines = await during(async () => {
      await test.client.start(WaiterWorkflow, {});
      await test.client.start(SleeperWorkflow, { ms: hours(4) });
      await test.client.start(SleeperWorkflow, { ms: hours(2) });
      await test.client.start(RetriedWorkflow, {});
      await test.client.start(SleeperWorkflow, { ms: minutes(15) }, { delay: hours(3) });
      await test.client.enableSchedule('clockwork');
      await test.advance(days(1));
      await test.client.disableSchedule('clockwork');
    });
    expect(lines.slice(0, 12)).toEqual([
      ['attempt', 0],
      ['tick', 0.5],
      ['tick', 1.5],
      [`slept ${hours(2)}`, 2],
      ['tick', 2.5],
      ['timed out', 3],
      [`slept ${minutes(15)}`, 3.25],
      ['tick', 3.5],
      [`slept ${hours(4)}`, 4],
      ['tick', 4.5],
      ['attempt', 5],
      ['tick', 5.5],
    ]);
    expect(lines.filter(([what]) => what === 'tick')).toHaveLength(24);
  });

  it('fires what follows from what it fired', async () => {
    const run = await test.client.start(SleeperWorkflow, { ms: hours(1) }, { delay: hours(1) });
    await test.advance(hours(2) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(1);
    expect(await run.result()).toEqual({ ms: hours(1) });
  });
});

describe('idle()', () => {
  it('waits until nothing is left to do now', async () => {
    const runs = await test.client.startMany(
      SleeperWorkflow,
      Array.from({ length: 30 }, () => ({ input: { ms: 0 } })),
    );
    const waiting = await test.client.start(WaiterWorkflow, {});
    await test.idle();
    const states = await Promise.all(runs.map((run) => run.execution()));
    expect(states.map((state) => state?.status)).toEqual(Array(30).fill('completed'));
    expect((await waiting.execution())?.status).toBe('waiting');
    await waiting.cancel();
  });
});

describe('the test', () => {
  it('has the client, and providers of the imports', () => {
    expect(test.client).toBeInstanceOf(DurableClient);
    expect(test.get<Journal>(Journal)).toBeInstanceOf(Journal);
  });
});

describe('crash() and restart()', () => {
  it('nothing runs in between; what was due meanwhile is done afterwards', async () => {
    const asleep = await test.client.start(SleeperWorkflow, { ms: hours(1) });
    await test.idle();
    await test.crash();
    const started = await test.client.start(SleeperWorkflow, { ms: 0 });
    await test.advance(hours(2));
    await test.idle();
    expect((await asleep.execution())?.status).toBe('waiting');
    expect((await started.execution())?.status).toBe('pending');
    await test.restart();
    await test.idle();
    expect((await asleep.execution())?.status).toBe('completed');
    expect((await started.execution())?.status).toBe('completed');
  });

  it('need not be awaited one before the other', async () => {
    const run = await test.client.start(SleeperWorkflow, { ms: hours(1) });
    await test.idle();
    void test.crash();
    void test.restart();
    await test.advance(hours(1));
    expect((await run.execution())?.status).toBe('completed');
  });
});
