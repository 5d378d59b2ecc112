import type { RunningAttempt } from './running-attempt.js';

/**
 * The attempts of a run that are under way, by their paths. As long as there is one at a time, as in most runs, it is kept by
 * itself: a Map makes a new table whenever it is emptied and whenever it is filled, which is twice a step.
 */
export class Attempts implements Iterable<RunningAttempt> {
  private only: RunningAttempt | null = null;
  /** Made when a second one begins beside the first; null: there was none yet. */
  private many: Map<string, RunningAttempt> | null = null;

  get size(): number {
    return this.many?.size ?? (this.only === null ? 0 : 1);
  }

  get(path: string): RunningAttempt | undefined {
    if (this.many !== null) return this.many.get(path);
    return this.only?.info.path === path ? this.only : undefined;
  }

  has(path: string): boolean {
    return this.get(path) !== undefined;
  }

  add(attempt: RunningAttempt): void {
    const { only } = this;
    if (this.many === null && only !== null) {
      this.many = new Map([[only.info.path, only]]);
      this.only = null;
    }
    if (this.many === null) this.only = attempt;
    else this.many.set(attempt.info.path, attempt);
  }

  delete(path: string): void {
    if (this.only?.info.path === path) this.only = null;
    this.many?.delete(path);
  }

  [Symbol.iterator](): Iterator<RunningAttempt> {
    return this.many?.values() ?? (this.only === null ? [] : [this.only]).values();
  }
}
