import type { INestApplication, INestApplicationContext, InjectionToken } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import type { InputOf, ResultOf, WorkflowRef } from '../core/durable-workflow.js';
import { DurableClient } from '../client/durable.client.js';
import type { WorkflowHandle } from '../client/handle.js';
import type { DurableRuntime } from '../lifecycle/host.js';
import type { StartOptions } from '../options/start.js';
import { type Exploration, type ExploreOptions, explore } from './explore.js';
import { Settling } from './settling.js';
import type { Commit, CrashSide } from './store-gate.js';
import type { TestDatabase } from './test-database.js';
import { TestWorker } from './test-worker.js';

/** @internal What `createDurableTest` hands over to the test. */
export interface TestParts<A extends INestApplicationContext> {
  readonly app: A;
  readonly module: TestingModule;
  readonly database: TestDatabase;
  readonly runtime: DurableRuntime;
  readonly patience: number;
  readonly onClock: (now: Date) => void;
}

/**
 * An app under test with a worker, a database of its own, and a clock that stands still until it is moved. The worker
 * runs what is started as it would in production; it can be killed and started again, while the app and its providers
 * live on. Made by `createDurableTest`.
 */
export class DurableTest<A extends INestApplicationContext = INestApplication> {
  /** The app: for its HTTP server, and whatever else the test wants of it. */
  readonly app: A;
  /** The Nest testing module that the app was made from. */
  readonly module: TestingModule;
  readonly client: DurableClient;
  /** URL of the test's own database. */
  readonly url: string;
  private readonly database: TestDatabase;
  private readonly settling: Settling;
  private worker: TestWorker | null = null;
  /** Deaths and starts of workers, one after the other. */
  private lifecycle: Promise<void> = Promise.resolve();
  /** Calls of advance(), one after the other: two that moved the clock at once would set it back. */
  private moves: Promise<void> = Promise.resolve();
  private closing: Promise<void> | null = null;
  private fate: ((commit: Commit) => CrashSide | null) | null = null;

  private constructor(
    private readonly parts: TestParts<A>,
    private time: number,
  ) {
    this.app = parts.app;
    this.module = parts.module;
    this.database = parts.database;
    this.url = parts.database.url;
    this.client = parts.app.get(DurableClient, { strict: false });
    this.settling = new Settling(async () => {
      await this.lifecycle;
      return this.worker;
    }, parts.patience);
  }

  /** @internal */
  static async begin<A extends INestApplicationContext>(parts: TestParts<A>): Promise<DurableTest<A>> {
    const test = new DurableTest(parts, await parts.database.now());
    parts.onClock(test.now());
    await test.restart();
    return test;
  }

  /** A provider of the app. */
  get<T>(token: InjectionToken<T>): T {
    return this.app.get<T>(token, { strict: false });
  }

  /** The time of the workflows' clock. `Date.now()` is apart from it, unless the test moves it along with `onClock`. */
  now(): Date {
    return new Date(this.time);
  }

  /**
   * Waits until nothing is left to do at the present time: every run has ended, or waits for a time, an event, an input
   * or a child that does.
   * @throws Error when a step is still running after `patience` ms of real time
   */
  async idle(): Promise<void> {
    await this.settling.settle(false);
  }

  /**
   * Moves the clock. All that becomes due in between (sleeps, timeouts, backoffs, delayed starts, schedules) is fired in
   * order, each at its own time; before each move and at the end everything settles, as with `idle()`. A step that is
   * running keeps the clock where it is; one with a time limit (its own or the run's) does so for half a second of real time, and is
   * timed out when its time has come.
   * After `crash()` only the time passes. A call that comes while another is under way begins where that one ends.
   *
   * @param ms at least 0
   * @throws RangeError for anything else; Error as `idle()` does
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`advance() takes a number of ms, at least 0; got ${ms}`);
    return this.inTurn(() => this.moveBy(ms));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const move = this.moves.then(() => {
      if (this.closing !== null) throw new Error('The test is closed');
      return work();
    });
    this.moves = move.then(
      () => {},
      () => {},
    );
    return move;
  }

  private async moveBy(ms: number): Promise<void> {
    const target = this.time + Math.ceil(ms);
    await this.settling.settle(true);
    for (;;) {
      const next = await this.nextDue();
      if (next === null || next.getTime() > target) break;
      await this.moveTo(next.getTime());
      await this.settling.settle(true);
    }
    if (this.time === target) return;
    await this.moveTo(target);
    await this.settling.settle(true);
  }

  /** Moves the clock of a test that has settled to the next due time; false: there is none. */
  private async moveOn(): Promise<boolean> {
    const next = await this.nextDue();
    if (next === null) return false;
    await this.moveTo(next.getTime());
    await this.settling.settle(true);
    return true;
  }

  /** The next time at which something becomes due by itself; null: nothing will, however far the clock is moved. */
  async nextDue(): Promise<Date | null> {
    for (;;) {
      await this.lifecycle;
      const { worker } = this;
      if (worker === null) return null;
      const inMs = await Promise.race([worker.engine.nextDueInMs(), worker.death]);
      if (!worker.isAlive || inMs === undefined) continue;
      // The database counts in µs, the clock is moved by whole ms.
      const stored = inMs === null ? Infinity : this.time + Math.ceil(inMs - 0.000_5);
      const next = Math.min(stored, Math.ceil(worker.clock.nextTimer));
      return next === Infinity ? null : new Date(Math.max(next, this.time));
    }
  }

  /**
   * Drops the workers as a kill would: nothing more is written, leases are left as they are, the signals of running
   * steps are aborted and their functions throw. The app and its providers live on. Takes effect at once; the promise
   * is for those who want to know that what was on its way to the database is there.
   */
  crash(): Promise<void> {
    const { worker } = this;
    if (worker === null) return this.lifecycle;
    this.worker = null;
    worker.kill();
    return this.enqueue(() => worker.silence());
  }

  /** Starts the worker again. The dead one's runs are recovered at once, with no lease to wait for. */
  restart(): Promise<void> {
    if (this.closing !== null) return Promise.reject(new Error('The test is closed'));
    void this.crash();
    return this.enqueue(async () => {
      const worker = await TestWorker.start(this.parts.runtime, this.time, (commit) => this.fate?.(commit) ?? null);
      // The clock may have been moved meanwhile.
      worker.setClock(this.time);
      this.worker = worker;
      void worker.death.then(() => {
        // Nobody but `explore` lets it die by itself.
        if (this.worker === worker) void this.restart();
      });
    });
  }

  /**
   * Runs the workflow once as it is, and then twice for each commit that it made: the worker dies with that commit not
   * sent, and with that commit done and its answer lost. Each time the run recovers, time is moved on until it has
   * ended, and `check` is called: a proof that the workflow is safe to crash anywhere.
   *
   * Runs share the app's providers, so let fakes tell runs apart (`workflowId()`), or reset them in `check`.
   *
   * @throws Error naming the crash, with what `check` or `drive` threw as its `cause`; or when a run comes to wait for
   * something that `drive` does not send
   */
  async explore<W extends WorkflowRef>(
    workflow: W,
    input: InputOf<W>,
    options: ExploreOptions<WorkflowHandle<ResultOf<W>>, this>,
  ): Promise<Exploration> {
    const start = (): Promise<WorkflowHandle<ResultOf<W>>> => this.client.start(workflow, input, startOptions(options));
    try {
      return await explore(this, start, options, {
        setFate: (fate) => (this.fate = fate),
        moveOn: () => this.inTurn(() => this.moveOn()),
      });
    } finally {
      this.fate = null;
    }
  }

  /** Kills the worker, closes the app, drops the database. Safe to call twice. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.fate = null;
    // A start may be under way.
    await this.lifecycle.catch(() => {});
    const { worker } = this;
    this.worker = null;
    worker?.kill();
    try {
      await worker?.silence();
      await this.app.close();
    } finally {
      await this.database.drop();
    }
  }

  private async moveTo(time: number): Promise<void> {
    this.parts.onClock(new Date(time));
    // From here on the worker may find what is due by then, before it is told itself.
    await this.database.setClock(time);
    this.time = time;
    this.worker?.setClock(time);
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    this.lifecycle = this.lifecycle.then(work);
    // Those who wait for the worker get the error.
    this.lifecycle.catch(() => {});
    return this.lifecycle;
  }
}

function startOptions({ start }: { readonly start?: StartOptions }): StartOptions {
  return start ?? {};
}
