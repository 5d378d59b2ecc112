import { LongTimer, type Timer } from '../time/long-timer.js';
import type { RunningAttempt } from './running-attempt.js';

/** The fan-out or run of a step on another queue has failed, or is out of time: the step may settle, and be recorded, until the grace is over. */
export class Abandonment {
  isBegun = false;
  /** The grace is over. */
  isLate = false;
  private grace: Timer | null = null;

  constructor(
    /** ms */
    private readonly abortGrace: number,
  ) {}

  /** @param attempt null: none is under way */
  begin(attempt: RunningAttempt | null, reason: Error): void {
    if (this.isBegun) return;
    this.isBegun = true;
    if (attempt === null) return;
    attempt.abandoned = true;
    attempt.abort(reason);
    const end = (): void => {
      if (attempt.committing) return;
      this.isLate = true;
      attempt.giveUp(reason);
    };
    // Its code has not begun, and need not.
    if (attempt.scope === null) return end();
    this.grace = new LongTimer(end);
    this.grace.start(this.abortGrace);
  }

  clear(): void {
    this.grace?.clear();
  }
}
