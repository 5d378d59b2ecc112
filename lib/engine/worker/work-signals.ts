import type { EndedRuns } from './ended-runs.js';
import type { Hints } from '../ports/hints.js';
import type { Loop } from '../time/loop.js';
import type { QueuePoller } from './poller.js';
import type { Executor } from './executor.js';
import type { EndedTree, WokenRun } from '../ports/store.js';
import type { Turns } from './turns.js';

export interface WorkSignalsDeps {
  readonly hints: Hints;
  readonly pollers: ReadonlyMap<string, QueuePoller>;
  readonly sessions: Executor;
  readonly ended: EndedRuns;
  readonly waker: Loop;
  readonly turns: Turns;
  /** True while this process wakes what is due. */
  readonly wakes: () => boolean;
  /** True while this process has the run leased, or is about to. */
  readonly isLocal: (runId: string) => boolean;
}

/**
 * Signals of new work: after a commit to the parts of this process that it concerns, and by a hint to the other processes.
 * A hint that is lost costs a poll interval, nothing else.
 */
export class WorkSignals {
  constructor(private readonly deps: WorkSignalsDeps) {}

  /** These queues have work. */
  notifyWork(queues: readonly string[]): void {
    const { pollers, hints, turns } = this.deps;
    for (const queue of queues) {
      const poller = pollers.get(queue);
      // What is more than this process has places for it passes on.
      poller?.expectBacklog();
      if (poller === undefined || turns.hasOthers(queue)) hints.queue(queue, turns.draw(queue));
    }
  }

  /** There is something new that is due later: for this process, or for the others where it has no workers. */
  workLater(queues: readonly string[]): void {
    if (this.deps.wakes()) void this.deps.waker.poke();
    else for (const queue of queues) this.deps.hints.later(queue);
  }

  /** Called when waits of these runs are over: they can be claimed, or the worker that has them leased should look. */
  woken(runs: readonly WokenRun[]): void {
    this.notifyWork([...new Set(runs.filter((run) => run.state === 'ready' && !run.paused).map((run) => run.queue))]);
    for (const { runId, state } of runs) {
      if (state === 'running' && !this.deps.sessions.refresh(runId)) this.deps.hints.control(runId);
    }
  }

  /** Runs were cancelled, or are to be undone: their workers must stop, and those who wait for them are notified. */
  async cancelled({ ended, undoing, woken }: EndedTree): Promise<void> {
    const { hints, ended: waiters, isLocal } = this.deps;
    for (const run of [...ended, ...undoing]) if (run.leased && !isLocal(run.id)) hints.control(run.id);
    for (const run of ended) {
      if (run.watched) hints.done(run.id);
      waiters.tell(run.id, null);
    }
    this.notifyWork([...new Set(undoing.filter((run) => !run.leased).map((run) => run.queue))]);
    this.woken(woken);
    await Promise.all([...ended, ...undoing].map((run) => this.lookAt(run.id)));
  }

  /** A run that is leased was paused or resumed: its worker looks. */
  async switched(runId: string): Promise<void> {
    this.deps.hints.control(runId);
    await this.lookAt(runId);
  }

  /** Called when something was asked of a run: looks what, if it is leased here. */
  async lookAt(runId: string): Promise<void> {
    const { sessions } = this.deps;
    // A step of it may be at work here whose run, on another queue, is being claimed just now.
    sessions.expect(runId);
    if (sessions.hasRun(runId)) await sessions.look();
  }
}
