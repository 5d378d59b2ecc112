/** Which of the other processes. */
export type Whom = 'one' | 'all';

/** ms between two tellings: what others are told comes back in the end, as a hint that they tell of in their turn. */
const GAP = 100;

/** Tells other processes that a queue may have more than this one takes: at once, unless it has just done so. */
export class Telling {
  private toldAt = -Infinity;
  private pending: Whom | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly tell: (whom: Whom) => void,
    /** False: there is nothing to tell of any more. */
    private readonly isMeant: () => boolean,
  ) {}

  say(whom: Whom): void {
    const left = this.toldAt + GAP - performance.now();
    if (left <= 0 && this.pending === null) return this.send(whom);
    if (this.pending !== 'all') this.pending = whom;
    this.timer ??= setTimeout(() => this.flush(), Math.max(1, left));
  }

  /** Says now what waits to be said. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { pending } = this;
    this.pending = null;
    if (pending !== null && this.isMeant()) this.send(pending);
  }

  private send(whom: Whom): void {
    this.toldAt = performance.now();
    this.tell(whom);
  }
}
