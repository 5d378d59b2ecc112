import { DatabaseClock } from '../engine/time/clock.js';
import type { Timer } from '../engine/time/long-timer.js';

/** The clock of a worker under test: it stands still until `sync` moves it, and takes its timers along. */
export class TestClock extends DatabaseClock {
  private readonly timers = new Set<TestTimer>();

  constructor(private time: number) {
    super();
  }

  override now(): number {
    return this.time;
  }

  /** Moves it on, and does what became due in between, in order. */
  override sync(now: number): void {
    // A heartbeat that read the time before a move may be answered after it.
    if (now <= this.time) return;
    this.time = now;
    const due = [...this.timers].filter((timer) => timer.at <= now).sort((a, b) => a.at - b.at);
    for (const timer of due) timer.fire();
  }

  /** It stands where the test has set it: what the database has given as due is not early by a move that is under way. */
  override follow(now: number): void {
    this.sync(now);
  }

  override timer(action: () => void): Timer {
    return new TestTimer(this, this.timers, action);
  }

  /** Due time of the first timer, in ms of this clock; Infinity: none is set. */
  get nextTimer(): number {
    return Math.min(Infinity, ...[...this.timers].map((timer) => timer.at));
  }
}

class TestTimer implements Timer {
  at = Infinity;

  constructor(
    private readonly clock: TestClock,
    private readonly timers: Set<TestTimer>,
    private readonly action: () => void,
  ) {}

  start(ms: number): void {
    this.at = this.clock.now() + Math.max(0, ms);
    this.timers.add(this);
    // As with setTimeout, what is due already is done after the caller.
    if (ms <= 0) setImmediate(() => this.fire());
  }

  clear(): void {
    this.timers.delete(this);
  }

  fire(): void {
    // One that was due before it may have cleared it.
    if (this.timers.delete(this)) this.action();
  }
}
