// Not the global one, which a test of a step may have put a fake in the place of.
import { setImmediate } from 'node:timers';
import { Heap } from '../../core/heap.js';

/**
 * The turns in which a pass of a step is given what its waits have come to: one at a time, the one that ended first first,
 * each in a macrotask of its own, so that whatever code goes on with one has done so before the next. Nothing is given
 * while something is being recorded. So a later pass, which knows of more ends, does all that an earlier one did, in its
 * order, before it sees anything new.
 */
export class PassTurns {
  private readonly offered = new Heap<() => void>();
  private busy = 0;
  private isSet = false;
  private stopped = false;

  /** @param onIdle a macrotask has passed in which nothing was asked for, given or recorded */
  constructor(private readonly onIdle: () => void) {}

  /** While this runs nothing is given. */
  async keepAlive<T>(work: () => Promise<T>): Promise<T> {
    this.busy++;
    try {
      return await work();
    } finally {
      this.busy--;
      this.set();
    }
  }

  /** Something that was asked for and is there. `order`: the lowest is given first. */
  offer(order: number, give: () => void): void {
    this.offered.push(order, give);
    this.set();
  }

  /** Something was asked for that is not there. */
  miss(): void {
    this.set();
  }

  /** Nothing is given any more. */
  stop(): void {
    this.stopped = true;
  }

  /** In a macrotask of its own: what is asked for together is there together. */
  private set(): void {
    if (this.isSet || this.busy > 0 || this.stopped) return;
    this.isSet = true;
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.isSet = false;
    if (this.busy > 0 || this.stopped) return;
    const next = this.offered.pop();
    if (next === undefined) return this.onIdle();
    next();
    this.set();
  }
}

/** One for each call: what awaits a promise is kept by it. */
export function never(): Promise<never> {
  return new Promise(() => {});
}
