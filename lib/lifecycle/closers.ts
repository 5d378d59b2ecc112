import { textOf } from '../core/text-of.js';
import { withDeadline } from '../engine/time/deadline.js';

/** ms that each gets at the least, once those before it have used up the time of all. */
const LEAST = 20;

interface Closer {
  readonly what: string;
  readonly close: () => Promise<unknown>;
  readonly ms: number;
  readonly isBound: boolean;
}

/** Closers of all that was opened: run in the opposite order, each once, whatever the others throw. */
export class Closers {
  private readonly open: Closer[] = [];

  constructor(private readonly onFailure: (message: string) => void) {}

  /**
   * @param ms how long it may take; then the next is closed. Default: as long as it does
   * @param isBound false: it has its time whatever all of them may take together
   */
  add(what: string, close: () => Promise<unknown>, ms = Infinity, isBound = true): void {
    this.open.push({ what, close, ms, isBound });
  }

  /** @param together ms that all of them may take. Default: as long as each may */
  async closeAll(together = Infinity): Promise<void> {
    const until = performance.now() + together;
    for (let next = this.open.pop(); next !== undefined; next = this.open.pop()) {
      const left = next.isBound ? Math.max(LEAST, until - performance.now()) : Infinity;
      const ms = Math.min(next.ms, left);
      try {
        await (ms === Infinity ? next.close() : withDeadline(next.close(), ms));
      } catch (error) {
        this.onFailure(`Closing ${next.what} failed: ${textOf(error)}`);
      }
    }
  }
}
