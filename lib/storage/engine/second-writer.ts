import { StoreError } from '../../engine/ports/store.js';
import type { SessionPool } from '../connection/session-pool.js';
import type { StoreClient } from './store-client.js';

/** ms without use after which its session is the pool's again. */
const IDLE = 10_000;
/** ms between two looks at whether the pool is short of sessions. */
const LOOK = 250;
/** ms after which it is opened again, where it could not be, was lost, or was given back since the pool was short. */
const AGAIN = 10_000;

/**
 * A second session for commits, for times with much to write. It stands for one of the pool's, so that a process opens no more
 * than it may; the pool has that one back when somebody waits for a session, or when nothing was written here for 10 s.
 */
export class SecondWriter {
  /** Gives the pool its session back; null: none was lent. */
  private giveBack: (() => void) | null = null;
  /** It is being opened, or closed. */
  private isChanging = false;
  /** performance.now() of its last use. */
  private usedAt = 0;
  /** performance.now() before which it is not opened. */
  private notBefore = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly pool: Pick<SessionPool, 'lend' | 'isShort'>,
    private readonly client: StoreClient,
  ) {}

  /** True: it can be written to. Where it cannot, it is opened meanwhile, if the pool has a session to spare. */
  isReady(): boolean {
    if (this.giveBack !== null) return true;
    if (!this.isChanging && performance.now() >= this.notBefore) void this.open();
    return false;
  }

  /** Writes to it. Once it is lost, all goes to the first for a while, which says what is the matter. */
  async write<T>(work: (client: StoreClient) => Promise<T>): Promise<T> {
    this.usedAt = performance.now();
    try {
      return await work(this.client);
    } catch (error) {
      if (error instanceof StoreError && ['unavailable', 'unknown'].includes(error.kind)) void this.close(AGAIN);
      throw error;
    }
  }

  private async open(): Promise<void> {
    this.isChanging = true;
    let giveBack: (() => void) | null = null;
    try {
      giveBack = await this.pool.lend();
      if (giveBack !== null) await this.client.run('clock');
      this.giveBack = giveBack;
      this.usedAt = performance.now();
      if (giveBack !== null) this.watch();
    } catch {
      this.notBefore = performance.now() + AGAIN;
      giveBack?.();
    }
    this.isChanging = false;
  }

  private watch(): void {
    this.timer = setInterval(() => {
      if (this.pool.isShort) void this.close(AGAIN);
      else if (performance.now() - this.usedAt > IDLE && !this.client.isBusy) void this.close(0);
    }, LOOK);
    this.timer.unref();
  }

  private async close(againIn: number): Promise<void> {
    const { giveBack } = this;
    if (giveBack === null) return;
    this.giveBack = null;
    this.isChanging = true;
    this.notBefore = performance.now() + againIn;
    clearInterval(this.timer);
    await this.client.rest();
    this.isChanging = false;
    giveBack();
  }
}
