import type { Look } from '../../core/run/survey.js';
import type { Timer } from '../time/long-timer.js';
import { locate } from '../../core/run/cursor.js';
import { isAskedFor } from '../step/asked-waits.js';
import type { PlaceRunner } from './place-runner.js';
import type { SessionCore } from './session-core.js';
import { fatalTimeout } from '../step/waits.js';
import type { TakenWait } from '../ports/store.js';

/** ms before a run whose row somebody has locked is asked for its waits again. */
const LOCKED_PAUSE = 20;

/** Asks what a run's waits, and its steps on other queues, have come to, and takes it in. One look at a time. */
export class WaitWatch {
  /** A look is under way: nothing leaves before it is over. */
  isLooking = false;
  /** A look was asked for that could not be had. */
  isAskedFor = false;
  /** Wakes a part of the run while others keep the session here. */
  private alarm: Timer | null = null;

  constructor(
    private readonly core: SessionCore,
    private readonly places: PlaceRunner,
    private readonly host: {
      /** A commit that ends the session is under way. */
      readonly isLeaving: boolean;
      proceed(): void;
      /** Called when the waits cannot be read: another look would not read them either. */
      broken(error: unknown): void;
    },
  ) {}

  async look(): Promise<void> {
    const { core, host } = this;
    this.isAskedFor = true;
    // The mark that a look would forget is what keeps a run that is being parked from falling asleep.
    if (this.isLooking || host.isLeaving || core.over) return;
    this.isLooking = true;
    try {
      while (this.isAskedFor && !core.over) await this.lookOnce();
    } catch (error) {
      return host.broken(error);
    } finally {
      this.isLooking = false;
    }
    host.proceed();
  }

  /** True when a wait is due that the database knows of, and no look is under way: it need not wait for what is to be committed. */
  get isDue(): boolean {
    return !this.isLooking && this.core.book.isDue(this.core.deps.clock.now());
  }

  /** Wakes the session when a part of the run is due before the others let it go. */
  arm(found: Look | null): void {
    const until = found?.until ?? Infinity;
    if (until === Infinity) return;
    const { clock } = this.core.deps;
    const now = clock.now();
    this.alarm ??= clock.timer(() => this.host.proceed());
    this.alarm.start(Math.max(1, until - now, this.core.book.askAgainAt - now));
  }

  clear(): void {
    this.alarm?.clear();
  }

  /** Begins with a book that was read before. */
  begin(): void {
    this.heed(this.core.book.all().sort((one, other) => (one.id < other.id ? -1 : 1)));
  }

  /** @param taken in the order in which they were asked for */
  private heed(taken: readonly TakenWait[]): void {
    const { core } = this;
    core.book.asked(core.deps.clock.now());
    core.calls.cancelTimedOut(taken, () => this.host.proceed());
    if (core.state.rollback !== null) return;
    for (const wait of taken) {
      const error = fatalTimeout(wait);
      // Of several waits that fail the run the first one does.
      if (error === null || !isAskedFor(core.workflow.definition, core.state, wait)) continue;
      const sequence = locate(core.workflow.definition, core.state, wait.path)?.sequence;
      if (sequence?.step) this.places.failAt(wait.path, sequence.step, sequence.data, error);
    }
  }

  private async lookOnce(): Promise<void> {
    const { core } = this;
    this.isAskedFor = false;
    core.book.mark();
    const taken = await core.takeWaits();
    if (taken === null) {
      this.isAskedFor = true;
      await new Promise((resolve) => setTimeout(resolve, LOCKED_PAUSE));
      return;
    }
    // A step that came back has left its waits in the same commit.
    const waits = (await core.takeRemoteStep()) ? await core.takeWaits() : taken;
    if (waits === null) this.isAskedFor = true;
    else if (!core.over) {
      core.suspect(core.book.replace(waits));
      this.heed(waits);
    }
  }
}
