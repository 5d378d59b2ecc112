/** Database time, as far as a process can know it without asking: its own monotonic clock, set by the server's. */
export class DatabaseClock {
  private offset = Date.now() - performance.now();

  /** Sets the clock by a time just read from the server (ms since 1970). */
  sync(now: number): void {
    this.offset = now - performance.now();
  }

  now(): number {
    return this.offset + performance.now();
  }
}
