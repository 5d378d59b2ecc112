import { setTimeout as delay } from 'node:timers/promises';
import type { InFlight } from '../core/run/execution.js';
import type { TestWorker } from './test-worker.js';

/** ms of real time between two looks. */
const TICK = 2;
/**
 * ms that a step with a time limit gets before the clock moves on under it. Counted in looks, each of which needs a turn
 * of the event loop: on a machine that stands still this time does too.
 */
const GRACE = 500;
/** Looks without activity for which running steps are waited for before the first sweep. */
const CALM = 5;

/** Waits until a worker has nothing left to do at the present time. */
export class Settling {
  /** Attempts that are known to wait for their limit, or for something that the test will do. */
  private readonly hanging = new Set<string>();

  constructor(
    /** The worker that lives now; null: it was killed. */
    private readonly current: () => Promise<TestWorker | null>,
    /** ms of real time that a running step is waited for. */
    private readonly patience: number,
  ) {}

  /**
   * @param moving the clock is about to be moved: steps may be left running where a time limit will end them
   * @throws Error naming the steps that are still running after `patience`
   */
  async settle(moving: boolean): Promise<void> {
    for (;;) {
      const worker = await this.current();
      if (worker === null) return;
      await this.untilCalm(worker);
      const before = worker.activity;
      // Due rows, events, schedules, queues: what a sweep does not find is not there.
      await Promise.race([worker.engine.sweep(), worker.death]);
      await this.untilQuiet(worker, moving);
      if (worker.isAlive && worker.activity === before) return;
    }
  }

  /** What hints have brought under way ends before the sweep: one that finds it at work must be followed by another. */
  private async untilCalm(worker: TestWorker): Promise<void> {
    let { activity } = worker;
    for (let looks = 0; looks < CALM && worker.isAlive; looks++) {
      if (worker.engine.isQuiet && worker.engine.inFlight().every((attempt) => this.hanging.has(keyOf(attempt))))
        return;
      await delay(TICK);
      if (worker.activity !== activity) looks = 0;
      ({ activity } = worker);
    }
  }

  private async untilQuiet(worker: TestWorker, moving: boolean): Promise<void> {
    let looks = 0;
    let activity = worker.activity;
    while (worker.isAlive) {
      if (worker.activity !== activity) looks = 0;
      activity = worker.activity;
      if (worker.engine.isQuiet) {
        const running = worker.engine.inFlight().filter((attempt) => !this.hanging.has(keyOf(attempt)));
        if (running.length === 0) return;
        looks++;
        if (moving && worker.clock.nextTimer < Infinity && looks * TICK > Math.min(GRACE, this.patience)) {
          for (const attempt of running) this.hanging.add(keyOf(attempt));
          return;
        }
        if (looks * TICK > this.patience) throw stillRunning(running, this.patience);
      }
      await delay(TICK);
    }
  }
}

function keyOf({ runId, path, round, visit, attempt }: InFlight): string {
  return [runId, round, path, visit, attempt].join(' ');
}

function stillRunning(running: readonly InFlight[], patience: number): Error {
  const steps = running.map(({ step, attempt, runId }) => `"${step}" (attempt ${attempt}, run ${runId})`).join(', ');
  return new Error(
    `Still running after ${patience} ms of real time: ${steps}. Wait for what the step waits for before you call ` +
      'idle() or advance(), give the step a timeout and advance beyond it, or set `patience` in createDurableTest().',
  );
}
