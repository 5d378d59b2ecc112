import { textOf } from '../../core/text-of.js';

export interface PollerSettings {
  readonly queue: string;
  /** Runs of this queue that this process has leased at a time. */
  readonly concurrency: number;
  /** ms between looks when no hint comes. */
  readonly pollInterval: number;
}

const RETRY_MAX = 2_000;
/** ms after a hint that found nothing: the row may still have been locked by its writer, and is passed over then. */
const LOOK_AGAIN = 20;

/**
 * Keeps one queue's places in this process filled. It claims as many rows as it has room for, in one statement; a hint,
 * a freed place with a backlog known, or the poll interval makes it look.
 */
export class QueuePoller {
  private taken = 0;
  private claiming = false;
  private again = false;
  /** Called when there is work. */
  private hinted = false;
  private stopped = true;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  /** The last claim came back full: there is probably more. */
  private backlog = true;
  /** ms after which there is more to claim than now, if sooner than the poll interval. */
  private soon = Infinity;
  /** Those who wait for the claim that is under way. */
  private readonly waiting: (() => void)[] = [];

  constructor(
    readonly settings: PollerSettings,
    /** Claims up to `limit` rows and sets each to work; resolves with how many. */
    private readonly claim: (queue: string, limit: number) => Promise<number>,
    private readonly onTrouble: (message: string, cause?: unknown) => void,
    /** True when a poll by the interval alone is needed. */
    private readonly isNeeded: () => boolean = () => true,
  ) {}

  get inFlight(): number {
    return this.taken;
  }

  /** A look is under way, or about to be. */
  get isLooking(): boolean {
    return this.claiming;
  }

  start(): void {
    this.stopped = false;
    this.look();
  }

  /** Claims nothing more; resolves when no claim is under way. */
  stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    return this.looked();
  }

  /** Resolves when the claim under way is back, and what it took is at work. After `stop()` no other follows. */
  looked(): Promise<void> {
    if (!this.claiming) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** There may be work. */
  look(hinted = true): void {
    if (this.stopped) return;
    this.again = true;
    this.hinted ||= hinted;
    if (this.claiming) return;
    this.claiming = true;
    // Places that are freed by one commit are refilled by one claim.
    setImmediate(() => void this.fill());
  }

  /** A place for a run that starts here and now; false: none is free, or others wait before it. */
  reserve(): boolean {
    if (this.stopped || this.backlog || this.taken >= this.settings.concurrency) return false;
    this.taken++;
    return true;
  }

  /** Frees a place. */
  free(): void {
    this.taken--;
    if (this.backlog) this.look(false);
  }

  /** A start went into the queue for anybody: it will be found by the next look. */
  expectBacklog(): void {
    this.backlog = true;
    this.look();
  }

  /** A limit lets nothing more through before so many ms have passed. */
  lookWithin(ms: number): void {
    this.soon = Math.min(this.soon, Math.max(1, Math.ceil(ms)));
  }

  private async fill(): Promise<void> {
    let wait = this.settings.pollInterval;
    let asked = false;
    let found = 0;
    while (this.again && !this.stopped) {
      this.again = false;
      const room = this.settings.concurrency - this.taken;
      if (room <= 0) {
        this.backlog = true;
        break;
      }
      this.taken += room;
      let got = 0;
      try {
        got = await this.claim(this.settings.queue, room);
        this.failures = 0;
      } catch (error) {
        this.failures++;
        if (this.failures === 1) {
          this.onTrouble(`Could not claim from queue "${this.settings.queue}"; retrying: ${textOf(error)}`, error);
        }
        wait = Math.min(wait, 50 * 2 ** Math.min(this.failures, 10), RETRY_MAX);
        asked = true;
      }
      this.taken -= room - got;
      found += got;
      this.backlog = got === room;
      // Under load one claim follows the other: whoever waits has waited for this one.
      this.tellLooked();
    }
    this.claiming = false;
    this.tellLooked();
    if (this.stopped) return;
    if (this.again && this.taken < this.settings.concurrency) return this.look();
    if (this.hinted && found === 0 && this.taken < this.settings.concurrency) {
      wait = Math.min(wait, LOOK_AGAIN);
      asked = true;
    }
    this.hinted = false;
    asked ||= this.soon <= wait;
    this.lookAfter(Math.min(wait, this.soon), asked);
    this.soon = Infinity;
  }

  private tellLooked(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private lookAfter(ms: number, asked: boolean): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (asked || this.isNeeded()) this.look(false);
      else if (!this.stopped) this.lookAfter(this.settings.pollInterval, false);
    }, ms);
  }
}
