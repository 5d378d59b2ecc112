import { textOf } from '../core/text-of.js';

/**
 * A job that is done every so often, and at once when poked; never twice at a time. What it throws is told once per
 * outage, and it goes on. Where somebody else looks whether there is something to do (`isNeeded`), a turn that only the
 * interval asks for is left out.
 */
export class Loop {
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> = Promise.resolve();
  private queued: Promise<void> | null = null;
  private stopped = true;
  private failing = false;
  /** performance.now() at which the timer fires. */
  private nextAt = Infinity;
  private turnedAt = performance.now();

  constructor(
    readonly name: string,
    readonly interval: number,
    /** May return the ms after which it wants to be done again, if sooner than the interval. */
    private readonly job: () => Promise<number | null>,
    private readonly onTrouble: (message: string) => void,
    /** Whether a turn is due that nobody has asked for. Default: always. */
    private readonly isNeeded: () => boolean = () => true,
  ) {}

  /** ms since the job last came to an end, well or not. A loop that hangs grows old, one whose job fails does not. */
  get age(): number {
    return performance.now() - this.turnedAt;
  }

  start(): void {
    this.stopped = false;
    this.turnedAt = performance.now();
    void this.poke();
  }

  /** Does the job as soon as possible; resolves when it was done once from beginning to end. */
  poke(): Promise<void> {
    this.queued ??= this.current.then(() => {
      this.queued = null;
      this.current = this.turn();
      return this.current;
    });
    return this.queued;
  }

  /** Sees to it that the job is done no later than in so many ms. */
  within(ms: number): void {
    if (this.stopped) return;
    // It is done every `interval` in any case; setTimeout would take more than 24.8 days for "at once".
    const wait = Math.min(ms, this.interval);
    if (performance.now() + wait >= this.nextAt) return;
    this.schedule(wait, true);
  }

  /** Resolves when the job is not under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.queued;
    await this.current;
  }

  private async turn(): Promise<void> {
    let wish: number | null = null;
    this.nextAt = Infinity;
    try {
      wish = await this.job();
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.onTrouble(`${this.name} failed and will be tried again: ${textOf(error)}`);
      this.failing = true;
    }
    this.turnedAt = performance.now();
    if (this.stopped) return;
    const asked = Math.min(wish === null ? Infinity : Math.max(wish, 1), this.nextAt - performance.now());
    this.schedule(Math.min(asked, this.interval), asked <= this.interval || this.failing);
  }

  private schedule(ms: number, asked: boolean): void {
    clearTimeout(this.timer);
    this.nextAt = performance.now() + ms;
    // Rounded up: a timer that fires a fraction of a millisecond early finds nothing due and costs a round trip.
    this.timer = setTimeout(() => this.fire(asked), Math.max(1, Math.ceil(ms)));
  }

  private fire(asked: boolean): void {
    if (asked || this.isNeeded()) return void this.poke();
    this.turnedAt = performance.now();
    this.schedule(this.interval, false);
  }
}
