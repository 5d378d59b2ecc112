import type { DurableRuntime } from '../lifecycle/host.js';
import { DEFAULT_QUEUE } from '../options/queues.js';
import type { BootContext } from '../engine/ports/boot-context.js';
import type { EngineDeps, EngineSettings } from '../engine/worker/engine-deps.js';
import { Engine } from '../engine/engine.js';
import type { EngineStore } from '../engine/ports/store.js';
import { type Commit, type CrashSide, StoreGate } from './store-gate.js';
import { TestClock } from './test-clock.js';

/**
 * A worker process of the app, within this process: an engine on the app's workflows and connections. The
 * app's own engine only starts and queries runs, and outlives the worker.
 */
export class TestWorker {
  private constructor(
    private readonly gate: StoreGate,
    readonly engine: Engine,
    readonly clock: TestClock,
    private readonly context: BootContext,
    private readonly detach: () => void,
  ) {}

  /** @param fate asked before each commit: whether the worker dies of it */
  static async start(
    runtime: DurableRuntime,
    now: number,
    fate: (commit: Commit) => CrashSide | null,
  ): Promise<TestWorker> {
    const { deps, engine: app } = runtime;
    const gate = new StoreGate(deps.store, fate);
    const clock = new TestClock(now);
    const settings = workerSettings(runtime);
    const hints: EngineDeps['hints'] = {
      listening: deps.hints.listening,
      queue: (name, draw) => deps.hints.queue(name, draw),
      later: (name) => deps.hints.later(name),
      settings: (name) => deps.hints.settings(name),
      // The app hears only what others say.
      done: (runId) => app.hinted.done(runId),
      control: (runId) => deps.hints.control(runId),
    };
    const engine = Engine.open({ ...deps, store: gate.store, clock, settings, hints });
    const detach = deps.hints.attach(engine, Object.keys(settings.queues), true);
    const worker = new TestWorker(gate, engine, clock, deps.context, detach);
    try {
      await recoverDeadWorkers(deps.store);
      await engine.start();
    } catch (error) {
      worker.kill();
      throw error;
    }
    return worker;
  }

  get isAlive(): boolean {
    return this.gate.isOpen;
  }

  /** Goes up with all that the worker does. */
  get activity(): number {
    return this.gate.activity;
  }

  /** Sets its clock: what is due by then is done. */
  setClock(now: number): void {
    this.context.run(() => this.clock.sync(now));
  }

  /** Resolves when the worker is dead. */
  get death(): Promise<void> {
    return this.gate.shut;
  }

  /** Drops it: nothing more is written, its leases stay. */
  kill(): void {
    this.gate.close();
    this.detach();
    this.engine.kill();
  }

  /** Resolves when the server has answered what a dead worker had sent. */
  silence(): Promise<void> {
    return this.gate.drained();
  }
}

/** Workers of before, which were killed, are not given the time of a lease. */
async function recoverDeadWorkers(store: EngineStore): Promise<void> {
  const others = await store.lookAtWorkers(0);
  await store.recover(others.filter(({ dead }) => !dead));
}

/**
 * Settings of the app's worker; every queue that a workflow, a step or a schedule names is worked on too, so that a test
 * need not repeat them.
 */
function workerSettings({ deps, registry, schedules }: DurableRuntime): EngineSettings {
  const named = [
    ...registry.all().flatMap(({ definition }) => queuesOf(definition)),
    ...schedules.flatMap(({ settings }) => settings.queue ?? []),
  ];
  const queues = Object.fromEntries(named.map((name) => [name, DEFAULT_QUEUE]));
  return { ...deps.settings, workers: true, queues: { ...queues, ...deps.settings.queues } };
}

/** All values of `queue` anywhere in the definition, which is plain data. */
function queuesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'queue' && typeof inner === 'string' ? [inner] : queuesOf(inner),
  );
}
