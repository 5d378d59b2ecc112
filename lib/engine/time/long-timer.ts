/** setTimeout fires at once beyond this (24.8 days). */
const MAX_DELAY = 2 ** 31 - 1;

/** Starting it again replaces what it was set to. */
export interface Timer {
  start(ms: number): void;
  clear(): void;
}

/** One timer for any length of time. */
export class LongTimer implements Timer {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly action: () => void) {}

  start(ms: number): void {
    clearTimeout(this.timer);
    this.timer =
      ms > MAX_DELAY
        ? setTimeout(() => this.start(ms - MAX_DELAY), MAX_DELAY)
        : setTimeout(this.action, Math.max(0, ms));
  }

  clear(): void {
    clearTimeout(this.timer);
  }
}
