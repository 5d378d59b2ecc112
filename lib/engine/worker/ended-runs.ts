import type { RunEnd } from '../run/session.js';

/** Gets how the run ended; null: it ended elsewhere. */
export type EndListener = (end: RunEnd | null) => void;

/** Callbacks of this process for the ends of runs. */
export class EndedRuns {
  private readonly listeners = new Map<string, Set<EndListener>>();

  /** Calls the listener each time that the run's end is told of, until what this returns is called. */
  listen(runId: string, listener: EndListener): () => void {
    const set = this.listeners.get(runId);
    if (set === undefined) this.listeners.set(runId, new Set([listener]));
    else set.add(listener);
    return () => this.remove(runId, listener);
  }

  tell(runId: string, end: RunEnd | null): void {
    // A listener may take itself out of the set, which iterating over it allows.
    for (const listener of this.listeners.get(runId) ?? []) listener(end);
  }

  private remove(runId: string, listener: EndListener): void {
    const set = this.listeners.get(runId);
    set?.delete(listener);
    if (set?.size === 0) this.listeners.delete(runId);
  }
}
