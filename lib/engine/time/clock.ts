import { LongTimer, type Timer } from './long-timer.js';

/** ms between this process's clock and the server's by which the server's was set. */
const CLOCK_WAS_SET = 1_000;

/**
 * The time that workflows live by, as far as a process can know it without asking: its own monotonic clock, set by the
 * server's. What is limited by it (attempts, whole runs) takes its timers from here. The testing kit has one that moves
 * only when it is told to.
 */
export class DatabaseClock {
  private offset = Date.now() - performance.now();

  /** Sets the clock by a time just read from the server (ms since 1970). */
  sync(now: number): void {
    this.offset = now - performance.now();
  }

  /**
   * The same where the server's clock was set since it was last read: times that the server has stored are compared with
   * this one. What an answer takes to arrive is no difference, and a small one is left to the next heartbeat.
   * @param now a time just read from the server (ms since 1970)
   * @param asked performance.now() when it was asked for
   */
  follow(now: number, asked: number): void {
    const ahead = now - this.now();
    const onItsWay = performance.now() - asked;
    if (ahead > CLOCK_WAS_SET || ahead < -CLOCK_WAS_SET - onItsWay) this.sync(now);
  }

  now(): number {
    return this.offset + performance.now();
  }

  /** A timer that goes by this clock. */
  timer(action: () => void): Timer {
    return new LongTimer(action);
  }
}
