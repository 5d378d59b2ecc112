import { textOf } from '../../core/text-of.js';
import type { TakenWait } from '../ports/store.js';
import type { SessionDeps } from './session.js';

interface Calling {
  readonly deps: Pick<SessionDeps, 'store' | 'onCancelled' | 'onTrouble'>;
  readonly runId: string;
  readonly over: boolean;
  retryUntilAnswered<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Children that steps of a run have called and that nobody waits for any more: the call timed out, or its arm was given up. They
 * are cancelled, and their waits closed only then: nobody would know of a child after a crash whose wait is closed.
 */
export class CalledChildren {
  /** By the path of the step that timed out: how many of its children are being cancelled. */
  private closing: Map<string, number> | null = null;
  /** Children that were to be cancelled; true: that is done. */
  private cancelled: Map<string, boolean> | null = null;

  constructor(private readonly run: Calling) {}

  /** True while children of calls of that step, which timed out, are being cancelled: it does not go on before. */
  isClosing(path: string): boolean {
    return this.closing?.has(path) === true;
  }

  /** True for a call whose child may be at work. */
  isOpen({ kind, state, childId }: Pick<TakenWait, 'kind' | 'state' | 'childId'>): boolean {
    return kind === 'child' && state === 'open' && childId !== null && this.cancelled?.get(childId) !== true;
  }

  /** The child of a call that timed out goes with the wait. */
  cancelTimedOut(taken: readonly TakenWait[], done: () => void): void {
    for (const { kind, state, childId, child, path } of taken) {
      if (kind !== 'child' || state !== 'timed_out' || childId === null || child?.status !== 'active') continue;
      if (this.cancelled?.has(childId)) continue;
      const closing = (this.closing ??= new Map<string, number>());
      closing.set(path, (closing.get(path) ?? 0) + 1);
      this.cancel(childId, `The call of run ${this.run.runId} timed out`, () => {
        const left = (closing.get(path) ?? 1) - 1;
        if (left > 0) closing.set(path, left);
        else closing.delete(path);
        done();
      });
    }
  }

  /** The arm of a call was given up. */
  cancelGivenUp({ childId }: Pick<TakenWait, 'childId'>, done: () => void): void {
    if (childId === null || this.cancelled?.has(childId)) return;
    this.cancel(childId, `The arm of run ${this.run.runId} that has called it was given up`, done);
  }

  private cancel(childId: string, reason: string, done: () => void): void {
    const { run } = this;
    const cancelled = (this.cancelled ??= new Map<string, boolean>());
    cancelled.set(childId, false);
    run
      .retryUntilAnswered(() => run.deps.store.cancelRun(childId, reason))
      .then((tree) => run.deps.onCancelled(tree))
      .catch((error: unknown) => run.deps.onTrouble(`Child ${childId} was not cancelled: ${textOf(error)}`))
      .finally(() => {
        cancelled.set(childId, true);
        if (!run.over) done();
      });
  }
}
