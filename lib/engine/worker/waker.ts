import type { EndedTree, EngineStore } from '../ports/store.js';
import { Loop } from '../time/loop.js';

/** ms after which what was locked is looked at again: first, where it is due, doubled each time; and at most, or where it is late. */
const LOCKED_FIRST = 20;
const LOCKED_AGAIN = 500;

export interface WakerDeps {
  readonly store: Pick<EngineStore, 'wakeDue' | 'endLate'>;
  readonly settings: {
    /** ms between looks when no due time is known. */
    readonly wakeInterval: number;
    /** Rows that one look makes ready, at most. */
    readonly wakeBatchSize: number;
  };
  /** These queues have work. */
  readonly onWork: (queues: readonly string[]) => void;
  readonly onCancelled: (tree: EndedTree) => Promise<void>;
  readonly onTrouble: (message: string, cause?: unknown) => void;
  readonly isNeeded: () => boolean;
}

/** Makes rows ready whose time has come (retries, delayed starts, waits), and ends runs whose own timeout is over. */
export class Waker {
  readonly loop: Loop;
  /** ms to the next look for what is due and locked. */
  private lockedAgain = LOCKED_FIRST;

  constructor(private readonly deps: WakerDeps) {
    const { settings, onTrouble, isNeeded } = deps;
    this.loop = new Loop('Waking what is due', settings.wakeInterval, () => this.wakeDue(), onTrouble, isNeeded);
  }

  /** @returns ms until the next look; null: no due time is known */
  private async wakeDue(): Promise<number | null> {
    const { store, settings, onWork, onCancelled } = this.deps;
    const { wakeBatchSize } = settings;
    const asked = performance.now();
    const { queues, woken, locked, late, nextInMs } = await store.wakeDue(wakeBatchSize);
    onWork(queues);
    let again = woken === wakeBatchSize || late.length === wakeBatchSize ? 0 : Infinity;
    if (locked) again = Math.min(again, this.lockedAgain);
    this.lockedAgain = locked ? Math.min(2 * this.lockedAgain, LOCKED_AGAIN) : LOCKED_FIRST;
    if (late.length > 0) {
      const done = await store.endLate(late);
      await onCancelled(done);
      if (done.left) again = LOCKED_AGAIN;
    }
    // As it was when the look began: the commit of what it woke, and its way here, took a while.
    const next = nextInMs === null ? Infinity : nextInMs - (performance.now() - asked);
    const soonest = Math.min(again, next);
    return soonest === Infinity ? null : soonest;
  }
}
