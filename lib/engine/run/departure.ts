import type { DurableError } from '../../core/errors/errors.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { isCompleted } from '../../core/run/machine.js';
import type { Look } from '../../core/run/survey.js';
import type { FailureCause } from './failure-cause.js';
import type { Ack, Because, Outcome, ParkOutcome } from '../ports/store.js';
import { afterFailure, becauseOf, endOf, parkOf, type Undone } from './run-outcomes.js';
import type { SessionCore } from './session-core.js';
import { endSegment } from './traces.js';

/** How a run leaves this process: what was asked of it, what becomes of it by that, and who is told once that is committed. */
export class Departure {
  /** It is handed back: whatever is said of a pause, nothing further begins here. */
  private givenBack = false;
  /** A person's pause stands in its row. */
  private paused = false;
  /** performance.now() when a commit of its own last said whether that is so. */
  private saidAt = -Infinity;
  /** Error by which the engine pauses it; null: it does not. */
  private pausedBy: DurableError | null = null;
  /** Error by which the present round has failed; null: it has not. */
  private failedWith: { readonly cause: StoredError; readonly round: number } | null = null;
  private readonly claimedAt: number;

  constructor(
    private readonly core: SessionCore,
    private readonly why: FailureCause,
  ) {
    this.claimedAt = core.deps.clock.now();
  }

  get isPausedByEngine(): boolean {
    return this.pausedBy !== null;
  }

  /** False: it goes on while it can. */
  get isStopping(): boolean {
    return this.givenBack || this.paused || this.pausedBy !== null;
  }

  handBack(): void {
    this.givenBack = true;
  }

  pauseBy(error: DurableError): void {
    this.pausedBy ??= error;
  }

  /** A commit says whether a person's pause stands in the row: it may have been resumed while something of it still ran. */
  rowSays(paused: boolean): void {
    this.paused = paused;
    this.saidAt = performance.now();
  }

  /**
   * A look at the row says the same. One that was sent before a commit was answered may be of before that commit: what is unsure
   * is looked at again.
   * @param asked performance.now() when it was sent
   */
  rowSaid(paused: boolean, asked: number): 'known' | 'news' | 'unsure' {
    if (paused === this.paused) return 'known';
    if (asked <= this.saidAt) return 'unsure';
    this.paused = paused;
    return 'news';
  }

  /** Outcome of a run in which no attempt runs; null: it goes on here. */
  outcome(found: Look): Outcome | null {
    const { core } = this;
    if (isCompleted(core.state)) return endOf(core, 'completed', null);
    if (!this.isStopping && found.ready.length > 0) return null;
    // One that has failed has no places, and nothing comes to it: whoever claims it next ends or undoes it.
    const until = found.ready.length > 0 || this.pausedBy !== null || this.why.isFailing ? 0 : found.until;
    const delay = until === Infinity ? null : Math.max(0, Math.ceil(until - core.deps.clock.now()));
    return this.park(delay, delay === 0 ? null : becauseOf(core.survey(), core.book, core.deps.clock.now()), false);
  }

  /** Outcome of a round that has failed, with what was to be undone undone. */
  ending(cause: StoredError, undone: Undone, outcome: 'failed' | 'cancelled'): Outcome {
    this.failedWith = { cause, round: this.core.state.round };
    return afterFailure(this.core, cause, undone, outcome, this.why.cancel !== null);
  }

  /** Outcome of a rollback that goes on later; `error`: once a person has looked at that. */
  parkUndoing(delayMs: number, error: DurableError | null): Outcome {
    this.pausedBy ??= error;
    // The fault that stopped the run may not stop its rollback.
    return this.park(delayMs, error === null ? 'retry' : null, this.why.cancel !== null);
  }

  private park(delayMs: number | null, because: Because | null, asked: boolean): ParkOutcome {
    return parkOf(this.core, delayMs, because, { error: this.pausedBy, asked });
  }

  /** Tells of an outcome that is committed. */
  tell(ack: Ack & { taken: true }, outcome: Outcome): void {
    const { core } = this;
    const { deps, row } = core;
    if (core.trace !== null) endSegment(core.trace, outcome, ack.paused);
    if (outcome.kind === 'end') {
      deps.stats?.ended(deps.clock.now(), row.workflow, outcome.status, outcome.error, this.age());
      const data = core.values.has(outcome.dataSeq) ? core.values.get(outcome.dataSeq) : null;
      deps.onEnd(row.runId, { status: outcome.status, data, error: outcome.error }, ack.watched);
      return;
    }
    this.reportRound(outcome);
    if (ack.ready) deps.onDue(row.queue, 0);
    else if (!outcome.pause && outcome.delayMs !== null) deps.onDue(row.queue, outcome.delayMs);
  }

  /** A round that has failed, upon which the next one begins. */
  private reportRound({ round, delayMs }: ParkOutcome): void {
    const { failedWith, core } = this;
    if (failedWith === null || round <= failedWith.round) return;
    const { maxRetries } = core.workflow.definition;
    core.deps.report?.roundFailed(core.row, failedWith.cause, { next: round, most: maxRetries, delayMs: delayMs ?? 0 });
  }

  /** ms since the run's first claim. */
  private age(): number {
    const { row, deps } = this.core;
    return (row.ageMs ?? 0) + deps.clock.now() - this.claimedAt;
  }
}
