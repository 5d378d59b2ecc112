import { AsyncLocalStorage } from 'node:async_hooks';
import { Advice } from '../../lib/engine/step/advice.js';
import { BootContext } from '../../lib/engine/ports/boot-context.js';
import { DatabaseClock } from '../../lib/engine/time/clock.js';
import { JournalWriter } from '../../lib/engine/journal/journal-writer.js';
import type { Registry } from '../../lib/engine/ports/registry.js';
import { SessionOpener } from '../../lib/engine/worker/session-opener.js';
import type { SessionDeps } from '../../lib/engine/run/session.js';
import type { InFlight } from '../../lib/core/run/execution.js';
import { Executor } from '../../lib/engine/worker/executor.js';
import {
  StoreError,
  type Claimable,
  type CommitGroup,
  type EngineStore,
  type GroupResult,
} from '../../lib/engine/ports/store.js';
import type { MemoryStore } from './memory-store.js';

/** What happens to a commit. The worker is killed (before it or after it), or hears only that the connection broke. */
export type CommitFault = 'kill before' | 'kill after' | 'broken before' | 'broken after' | 'locked' | null;

const current = new AsyncLocalStorage<MemoryWorker>();

/**
 * A worker process on a store in memory, made of the engine's own classes; what the engine's loops would do (claim,
 * wake) is done step by step. Killed, it does nothing any more, and what was on its way is never answered.
 */
export class MemoryWorker {
  /** The worker that the calling code runs in. */
  static current(): MemoryWorker {
    const worker = current.getStore();
    if (worker === undefined) throw new Error('This runs in no worker');
    return worker;
  }

  dead = false;
  readonly troubles: string[] = [];
  private readonly sessions: Executor;
  private readonly opener: SessionOpener;
  private readonly writer: JournalWriter;
  private active = 0;

  constructor(
    readonly id: number,
    private readonly store: MemoryStore,
    registry: Registry,
    private readonly faultOf: () => CommitFault,
  ) {
    const port = this.connection();
    const onTrouble = (message: string): void => void this.troubles.push(message);
    const clock = new DatabaseClock();
    clock.sync(store.now());
    this.writer = new JournalWriter(port, () => id, (_, send) => send(null), onTrouble, () => {}); // prettier-ignore
    this.sessions = new Executor(port, () => id, () => this.active--, () => {}); // prettier-ignore
    const deps: SessionDeps = {
      advice: new Advice(onTrouble),
      context: current.run(this, () => new BootContext()),
      store: port,
      writer: this.writer,
      clock,
      worker: () => id,
      maxPayloadBytes: 2 ** 21,
      logs: null,
      abortGrace: 5_000,
      targets: {
        nameOf: () => 'none',
        find: () => Promise.reject(new Error('Nothing here has children')),
      },
      onEnd: () => {},
      onDue: () => {},
      onAttention: () => {},
      onAbandoned: () => {},
      onCancelled: () => {},
      onWoken: () => {},
      onTrouble,
    };
    this.clock = clock;
    this.claimable = registry
      .all()
      .map(({ definitionId }) => ({ id: definitionId, runAs: definitionId, timeout: null }));
    this.opener = new SessionOpener(deps, registry, this.sessions);
  }

  private readonly clock: DatabaseClock;
  private readonly claimable: readonly Claimable[];

  /** Whether it holds no run. */
  get idle(): boolean {
    return this.active === 0;
  }

  /** Wakes what is due, and takes what is ready. */
  async turn(limit: number): Promise<void> {
    if (this.dead) return;
    if (this.idle) this.clock.sync(this.store.now());
    await this.store.wakeDue();
    if (this.active >= limit) return;
    const { timesLost } = this.sessions;
    const rows = await this.store.claim(this.id, 'default', limit - this.active, this.claimable);
    if (rows.length === 0) return;
    this.active += rows.length;
    // What the opener asks for is asked over the connection, which a kill may cut.
    await Promise.race([this.opener.openClaimed(rows, timesLost), this.killed]);
  }

  inFlight(runId: string): InFlight[] {
    return this.sessions.inFlight(runId);
  }

  kill(): void {
    this.dead = true;
    this.writer.close();
    // Nothing that it still does arrives; this only ends its timers.
    this.sessions.loseAll(new Error('The worker was killed'));
    this.tellKilled();
  }

  private tellKilled: () => void = () => {};
  private readonly killed = new Promise<void>((resolve) => (this.tellKilled = resolve));

  /** The store as it is reached from a process: with an answer that takes a turn, or none at all. */
  private connection(): EngineStore {
    return new Proxy<object>(this.store, {
      get: (store, name) => {
        if (name === 'canCommitBeside') return () => true;
        if (name === 'commitGroup') return (worker: number, group: CommitGroup) => this.commit(worker, group);
        const method = Reflect.get(store, name) as (...all: unknown[]) => unknown;
        return (...args: unknown[]) => this.answered(() => Reflect.apply(method, store, args));
      },
    }) as unknown as EngineStore;
  }

  private async answered<T>(ask: () => T): Promise<Awaited<T>> {
    await this.way();
    const answer = await ask();
    await this.way();
    return answer;
  }

  /** The way over the network, which ends nowhere once the process is dead. */
  private async way(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.dead) await new Promise<never>(() => {});
  }

  private async commit(worker: number, group: CommitGroup): Promise<GroupResult> {
    await this.way();
    const fault = this.faultOf();
    if (fault === 'kill before') this.kill();
    if (fault === 'broken before') throw new StoreError('unknown', 'The connection broke');
    await this.way();
    const left = fault === 'locked' ? group.ops.filter((_, index) => index % 2 === 0) : group.ops;
    const result = await this.store.commitGroup(worker, { ...group, ops: left });
    if (fault === 'kill after') this.kill();
    if (fault === 'broken after') throw new StoreError('unknown', 'The connection broke');
    await this.way();
    return result;
  }
}
