import type { RunEnd } from './session.js';

type Waiter = (end: RunEnd | null) => void;

/** Who in this process waits for the end of which run. */
export class EndedRuns {
  private readonly waiters = new Map<string, Set<Waiter>>();

  /** Resolves with how the run ended; null: it ended elsewhere, or the signal was aborted. */
  wait(runId: string, signal?: AbortSignal): Promise<RunEnd | null> {
    return new Promise((resolve) => {
      const waiter: Waiter = (end) => {
        signal?.removeEventListener('abort', aborted);
        this.remove(runId, waiter);
        resolve(end);
      };
      const aborted = (): void => waiter(null);
      if (signal?.aborted) return resolve(null);
      signal?.addEventListener('abort', aborted, { once: true });
      const set = this.waiters.get(runId);
      if (set === undefined) this.waiters.set(runId, new Set([waiter]));
      else set.add(waiter);
    });
  }

  tell(runId: string, end: RunEnd | null): void {
    // Each takes itself out of the set, which iterating over it allows.
    for (const waiter of this.waiters.get(runId) ?? []) waiter(end);
  }

  private remove(runId: string, waiter: Waiter): void {
    const set = this.waiters.get(runId);
    set?.delete(waiter);
    if (set?.size === 0) this.waiters.delete(runId);
  }
}
