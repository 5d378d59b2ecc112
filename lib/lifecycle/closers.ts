import { textOf } from '../core/text-of.js';
import { withDeadline } from '../engine/time/deadline.js';

/** Closers of all that was opened: run in the opposite order, each once, whatever the others throw. */
export class Closers {
  private readonly open: { readonly what: string; readonly close: () => Promise<unknown>; readonly ms: number }[] = [];

  constructor(private readonly onFailure: (message: string) => void) {}

  /** @param ms how long it may take; then the next is closed. Default: as long as it does */
  add(what: string, close: () => Promise<unknown>, ms = Infinity): void {
    this.open.push({ what, close, ms });
  }

  async closeAll(): Promise<void> {
    for (let next = this.open.pop(); next !== undefined; next = this.open.pop()) {
      try {
        await (next.ms === Infinity ? next.close() : withDeadline(next.close(), next.ms));
      } catch (error) {
        this.onFailure(`Closing ${next.what} failed: ${textOf(error)}`);
      }
    }
  }
}
