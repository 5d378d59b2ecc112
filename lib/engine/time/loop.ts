import { textOf } from '../../core/text-of.js';

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
  /** performance.now() by which somebody wants it done; what only the interval asks for does not count. */
  private askedAt = Infinity;
  private turnedAt = performance.now();

  constructor(
    readonly name: string,
    readonly interval: number,
    /** May return the ms after which it wants to be done again, if sooner than the interval. */
    private readonly job: () => Promise<number | null>,
    private readonly onTrouble: (message: string, cause: unknown) => void,
    /** True when a turn by the interval alone is needed. Default: always. */
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
    const at = performance.now() + ms;
    if (this.stopped || at >= this.askedAt) return;
    this.askedAt = at;
    this.schedule();
  }

  /** Resolves when the job is not under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.queued;
    await this.current;
  }

  private async turn(): Promise<void> {
    this.askedAt = Infinity;
    try {
      const interest = await this.job();
      if (interest !== null) this.askedAt = Math.min(this.askedAt, performance.now() + Math.max(interest, 1));
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.onTrouble(`${this.name} failed; retrying: ${textOf(error)}`, error);
      this.failing = true;
      this.askedAt = Math.min(this.askedAt, performance.now() + this.interval);
    }
    this.turnedAt = performance.now();
    if (!this.stopped) this.schedule();
  }

  /** The timer never runs longer than the interval: setTimeout would take more than 24.8 days for "at once". */
  private schedule(): void {
    clearTimeout(this.timer);
    const ms = Math.min(this.interval, this.askedAt - performance.now());
    // Rounded up: a timer that fires a fraction of a millisecond early finds nothing due and costs a round trip.
    this.timer = setTimeout(() => this.fire(), Math.max(1, Math.ceil(ms)));
  }

  private fire(): void {
    if (performance.now() >= this.askedAt || this.isNeeded()) return void this.poke();
    this.turnedAt = performance.now();
    this.schedule();
  }
}
