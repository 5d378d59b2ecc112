import type { SessionPool } from '../connection/session-pool.js';
import type { StoreClient } from './store-client.js';

/** ms without use after which its session is the pool's again. */
const IDLE = 10_000;

/**
 * A second session for commits, for times with much to write. It stands for one of the pool's, so that a process opens no more
 * than it may; the pool has that one back when it is short of sessions, or when nothing was written here for 10 s.
 */
export class SecondWriter {
  /** Gives the pool its session back; null: none was lent. */
  private giveBack: (() => void) | null = null;
  private isOpening = false;
  /** performance.now() of its last use. */
  private usedAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly pool: Pick<SessionPool, 'lend' | 'waitingCount'>,
    private readonly client: StoreClient,
  ) {}

  /** True: it can be written to. Where it cannot, it is opened meanwhile, if the pool has a session to spare. */
  isReady(): boolean {
    if (this.giveBack === null) {
      if (!this.isOpening) void this.open();
      return false;
    }
    if (this.pool.waitingCount === 0) return true;
    void this.close();
    return false;
  }

  /** The session, for one use. */
  use(): StoreClient {
    this.usedAt = performance.now();
    return this.client;
  }

  private async open(): Promise<void> {
    this.isOpening = true;
    try {
      const giveBack = await this.pool.lend();
      if (giveBack === null) return;
      try {
        await this.client.run('clock');
      } catch {
        // The other session says what is the matter.
        return giveBack();
      }
      this.giveBack = giveBack;
      this.usedAt = performance.now();
      this.closeIn(IDLE);
    } finally {
      this.isOpening = false;
    }
  }

  private closeIn(ms: number): void {
    this.timer = setTimeout(() => {
      const left = this.usedAt + IDLE - performance.now();
      if (left > 0 || this.client.isBusy) this.closeIn(Math.max(left, 1_000));
      else void this.close();
    }, ms);
    this.timer.unref();
  }

  private async close(): Promise<void> {
    const { giveBack } = this;
    if (giveBack === null) return;
    this.giveBack = null;
    this.isOpening = true;
    clearTimeout(this.timer);
    await this.client.rest();
    this.isOpening = false;
    giveBack();
  }
}
