import { textOf } from '../../core/text-of.js';
import { Telling, type Whom } from './telling.js';

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
/** ms of a claim under way after which new work is not left to wait for it. */
const LONG_CLAIM = 100;

/**
 * Why it looks. `poll`: there may be work. `hint`: there is, and all look. `own`: this process has made some. `turn`: there is, and
 * the others leave it to this process. What it has no place for it tells others of: one of them; where it was asked as that one, all.
 */
export type Look = 'poll' | 'hint' | 'own' | 'turn';

/** The other processes that work on the queue. */
interface Others {
  /** There may be more than this process takes. */
  tell(whom: Whom): void;
}

/**
 * Keeps one queue's places in this process filled. It claims as many rows as it has room for, in one statement; a hint,
 * a freed place with a backlog known, or the poll interval makes it look.
 */
export class QueuePoller {
  private taken = 0;
  private claiming = false;
  /** performance.now() at which the claim under way began. */
  private claimingSince = Infinity;
  private again = false;
  private hinted = false;
  /** Whom it tells when it has no place; null: nobody. */
  private onFull: Whom | null = null;
  private stopped = true;
  private timer: NodeJS.Timeout | undefined;
  /** performance.now() at which the timer fires. */
  private timerAt = Infinity;
  private failures = 0;
  /** The last claim came back full: there is probably more. */
  private backlog = true;
  /** performance.now() at which a limit lets more through. */
  private rateAt = Infinity;
  /** performance.now() at which it looks, if it has not by then. */
  private reliefAt = Infinity;
  private readonly telling: Telling;
  /** Those who wait for the claim that is under way. */
  private readonly waiting: (() => void)[] = [];

  constructor(
    readonly settings: PollerSettings,
    /** Claims up to `limit` rows and sets each to work; resolves with how many. */
    private readonly claim: (queue: string, limit: number) => Promise<number>,
    others: Others,
    private readonly onTrouble: (message: string, cause?: unknown) => void,
    /** True when a poll by the interval alone is needed. */
    private readonly isNeeded: () => boolean = () => true,
  ) {
    this.telling = new Telling(
      (whom) => others.tell(whom),
      () => this.backlog || this.stopped,
    );
  }

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
    this.timerAt = Infinity;
    if (!this.claiming) this.leaveToOthers();
    return this.looked();
  }

  /** Resolves when the claim under way is back, and what it took is at work. After `stop()` no other follows. */
  looked(): Promise<void> {
    if (!this.claiming) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Claims what there is room for. */
  look(why: Look = 'poll'): void {
    if (this.stopped) {
      if (why === 'turn' || why === 'own') this.telling.say('all');
      return;
    }
    this.again = true;
    this.hinted ||= why !== 'poll';
    if (why === 'turn') this.onFull = 'all';
    else if (why === 'own') this.onFull ??= 'one';
    // All look: nobody is to be relieved.
    else if (why === 'hint') this.reliefAt = Infinity;
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
    if (this.backlog) this.look();
  }

  /** Something went into the queue for anybody: it will be found by the next look. */
  expectBacklog(): void {
    this.backlog = true;
    if (performance.now() - this.claimingSince > LONG_CLAIM) this.telling.say('one');
    this.look('own');
  }

  /** A limit lets nothing more through before so many ms have passed: said by the claim under way. */
  lookAtRate(ms: number): void {
    this.rateAt = Math.min(this.rateAt, performance.now() + Math.max(1, Math.ceil(ms)));
  }

  /** Another process has been asked to look, and may stand still: this one looks in so many ms, unless it has by then. */
  relieve(ms: number): void {
    this.reliefAt = Math.min(this.reliefAt, performance.now() + ms);
    if (!this.stopped && !this.claiming && this.timerAt > this.reliefAt) this.lookAfter(ms, true);
  }

  private async fill(): Promise<void> {
    let wait = this.settings.pollInterval;
    let asked = false;
    let found = 0;
    /** Whom it tells if the look that is made again after it found nothing has no place. */
    let left: Whom | null = null;
    while (this.again && !this.stopped) {
      const { onFull } = this;
      this.again = false;
      this.onFull = null;
      const room = this.settings.concurrency - this.taken;
      if (room <= 0) {
        this.backlog = true;
        if (onFull !== null) this.telling.say(onFull);
        if (onFull === 'all') this.reliefAt = Infinity;
        break;
      }
      this.taken += room;
      this.rateAt = Infinity;
      this.reliefAt = Infinity;
      this.claimingSince = performance.now();
      const late = setTimeout(() => this.onLate(onFull), LONG_CLAIM);
      let got = 0;
      try {
        got = await this.claim(this.settings.queue, room);
        this.failures = 0;
      } catch (error) {
        this.failures++;
        left ??= onFull;
        if (this.failures === 1) {
          this.onTrouble(`Could not claim from queue "${this.settings.queue}"; retrying: ${textOf(error)}`, error);
        }
        wait = Math.min(wait, 50 * 2 ** Math.min(this.failures, 10), RETRY_MAX);
        asked = true;
      }
      clearTimeout(late);
      this.claimingSince = Infinity;
      this.taken -= room - got;
      found += got;
      this.backlog = got === room;
      // Places that were freed meanwhile: whoever freed them knew of no backlog.
      if (this.backlog && this.taken < this.settings.concurrency) this.again = true;
      if (onFull !== null && this.backlog) this.telling.say('one');
      if (found === 0) left ??= onFull;
      // Under load one claim follows the other: whoever waits has waited for this one.
      this.tellLooked();
    }
    this.claiming = false;
    this.tellLooked();
    if (this.stopped) {
      this.onFull ??= left;
      return this.leaveToOthers();
    }
    if (this.hinted && found === 0 && this.taken < this.settings.concurrency) {
      wait = Math.min(wait, LOOK_AGAIN);
      asked = true;
    }
    // The look that is made again has the same to tell.
    if (asked) this.onFull ??= left;
    this.hinted = false;
    this.lookAfter(wait, asked);
  }

  /** New work is not left to wait for a claim that takes long. */
  private onLate(onFull: Whom | null): void {
    if (onFull === null && this.onFull === null) return;
    this.backlog = true;
    this.telling.say('one');
  }

  /** Looks no more: what it was to look for is the others'. */
  private leaveToOthers(): void {
    if (this.onFull !== null) this.telling.say('all');
    this.onFull = null;
    this.telling.flush();
  }

  private tellLooked(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Looks in so many ms, or when a limit lets more through, or another process is to be relieved, if that is sooner. */
  private lookAfter(ms: number, asked: boolean): void {
    const now = performance.now();
    clearTimeout(this.timer);
    this.timerAt = Math.min(now + ms, this.rateAt, this.reliefAt);
    const isAsked = asked || this.timerAt < now + ms;
    this.timer = setTimeout(() => this.onTimer(isAsked), Math.max(1, Math.ceil(this.timerAt - now)));
  }

  private onTimer(asked: boolean): void {
    this.timerAt = Infinity;
    if (this.stopped) return;
    const now = performance.now();
    // As if it were its turn, but for a second look: as a rule another process has found what there was.
    if (this.rateAt <= now || this.reliefAt <= now) this.onFull = 'all';
    // Told once, though no place may be free.
    if (this.rateAt <= now) this.rateAt = Infinity;
    if (this.reliefAt <= now) this.reliefAt = Infinity;
    if (asked || this.isNeeded()) this.look();
    else this.lookAfter(this.settings.pollInterval, false);
  }
}
