import { decode, encode } from '../core/codec.js';
import { locate } from '../core/cursor.js';
import { DEFAULT_RETRY } from '../core/definition.js';
import { toStoredError } from '../core/error-record.js';
import { type DurableError, DefinitionChangedError, WorkerCrashedError, WorkflowTimeoutError } from '../core/errors.js';
import * as machine from '../core/machine.js';
import { retryDelay } from '../core/retry.js';
import { initialState } from '../core/run-state.js';
import type { StoredError } from '../core/stored-error.js';
import { type Place, survey, type Survey } from '../core/survey.js';
import { isAskedFor } from './asked-waits.js';
import { endsTheRun, storedErrorOf } from './attempt.js';
import { messageOf } from './journal-writer.js';
import { LongTimer, type Timer } from './long-timer.js';
import { PlaceRunner } from './place-runner.js';
import type { RegisteredWorkflow } from './registry.js';
import type { RestoredRun } from './restore.js';
import { Rollback } from './rollback.js';
import type { InFlightAttempt, Session, SessionDeps } from './session.js';
import { SessionCore } from './session-core.js';
import { fatalTimeout } from './step-waits.js';
import type { Ack, ClaimedRow, EndOutcome, NewRecord, Outcome, ParkOutcome, TakenWait } from './store.js';
import { pauseAsItIs } from './unreadable-session.js';

/** ms before a run whose row somebody has locked is asked for its waits again. */
const LOCKED_PAUSE = 20;

/**
 * Drives one run while this process holds its lease. Duties:
 * - asks where the run can go on and makes the attempts that are due, arms and items side by side;
 * - puts what happened into the journal, with the run's end or suspension in the same commit where it follows; a
 *   step's successor starts only when its record is committed;
 * - takes in what waits have come to, by timer and by hint;
 * - when the run fails, lets running attempts settle, then undoes what is to be undone;
 * - ends the run's timeout, a pause, a hand-back or a lost lease in good order.
 */
export class RunSession implements Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  private readonly core: SessionCore;
  private readonly places: PlaceRunner;
  private readonly deadline: Timer;
  /** Wakes a part of the run while others keep the session here. */
  private readonly alarm: Timer;
  private readonly grace = new LongTimer(() => this.endGrace());
  private stopping: 'pause' | 'handBack' | null = null;
  /** Why it is paused, when the engine does it. */
  private pausedBy: DurableError | null = null;
  /** A failure that is in no record. */
  private failure: StoredError | null = null;
  private cancelError: string | null = null;
  /** A cancel was asked for, and its error is not known yet: nothing starts. */
  private cancelling = false;
  private rollback: Rollback | null = null;
  private looking = false;
  private lookAgain = false;
  /** The commit under way ends or parks the run. */
  private leaving = false;
  private flushQueued = false;
  private leave: () => void = () => {};

  constructor(
    private readonly deps: SessionDeps,
    private readonly workflow: RegisteredWorkflow,
    private readonly row: ClaimedRow,
    restored: RestoredRun,
    /** What the run's waits have come to; null: that is not known yet. */
    waits: readonly TakenWait[] | null,
  ) {
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
    this.deadline = deps.clock.timer(() => this.timeOut());
    this.alarm = deps.clock.timer(() => this.proceed());
    this.core = new SessionCore(deps, workflow, row, restored);
    this.places = new PlaceRunner(this.core, {
      proceed: () => this.proceed(),
      pause: (error) => this.pauseBy(error),
      lose: (reason) => this.lose(reason),
    });
    this.cancelError = row.cancel;
    if (waits === null) this.lookAgain = true;
    else this.takeIn(waits);
  }

  async run(): Promise<void> {
    const left = new Promise<void>((resolve) => (this.leave = resolve));
    try {
      if (!(await this.refuse())) {
        if (this.lookAgain) void this.look();
        else this.proceed();
      }
      await left;
    } catch (error) {
      this.lose(error instanceof Error ? error : new Error(String(error)));
      await pauseAsItIs(this.deps, this.row, error);
    } finally {
      for (const timer of [this.deadline, this.alarm, this.grace]) timer.clear();
      this.core.outbox.drop();
    }
  }

  lose(reason: Error): void {
    this.core.over = true;
    this.core.giveUpAll(reason);
    this.core.outbox.drop();
    this.leave();
  }

  handBack(): void {
    this.stopping ??= 'handBack';
    this.proceed();
  }

  handBackNow(reason: Error): void {
    this.stopping ??= 'handBack';
    // A record that may be in the journal already must be known to what is parked.
    this.core.giveUpAll(reason, (attempt) => !attempt.committing);
    this.proceed();
  }

  abort(reason: Error): void {
    for (const attempt of this.core.attempts.values()) attempt.abort(reason);
  }

  refresh(): void {
    void this.look();
  }

  cancel(error: string): void {
    if (this.cancelError !== null || this.core.state.rollback !== null) return;
    this.cancelError = error;
    this.cancelling = false;
    this.proceed();
  }

  inFlight(): InFlightAttempt[] {
    return [...this.core.attempts.values()].map((attempt) => attempt.info);
  }

  /** What stands against running at all. True: the run is not to proceed. */
  private async refuse(): Promise<boolean> {
    const { row, workflow, core } = this;
    const { definition } = workflow;
    const lost = machine.lostPlace(definition, core.state);
    if (lost !== null) {
      this.pauseBy(new DefinitionChangedError(definition.name, lost.path, lost.why));
      return false;
    }
    if (core.state.rollback !== null) {
      this.beginRollback(null);
      return false;
    }
    if (row.recoveries > definition.maxRecoveries) this.fail(new WorkerCrashedError(row.recoveries));
    if (row.deadlineInMs !== null) {
      // Not left to the timer: a run that still has to wait would be parked before it fires, and woken again for ever.
      if (row.deadlineInMs <= 0) this.fail(this.timeoutError());
      else this.deadline.start(row.deadlineInMs);
    }
    if (row.fresh && workflow.validateInput !== null) {
      await workflow.validateInput(decode(row.input)).catch((error: unknown) => this.fail(error));
    }
    return false;
  }

  private fail(error: unknown): void {
    this.failure ??= toStoredError(error);
  }

  private timeOut(): void {
    if (this.rollback !== null) return;
    this.fail(this.timeoutError());
    this.proceed();
  }

  private timeoutError(): WorkflowTimeoutError {
    const { name, timeout } = this.workflow.definition;
    return new WorkflowTimeoutError(name, timeout ?? 0);
  }

  private pauseBy(error: DurableError): void {
    this.pausedBy ??= error;
    this.stopping ??= 'pause';
    this.proceed();
  }

  /** Starts what can start; when nothing runs and nothing can, leaves. */
  private proceed(): void {
    const { core } = this;
    if (core.over || this.cancelling) return;
    if (this.rollback !== null) {
      this.rollback.stopping = this.stopping;
      return this.flush(null);
    }
    core.closeUnasked();
    let found = this.survey();
    const failing = this.isFailing();
    if (this.stopping === null && !failing) {
      const begin = found.ready.filter((place) => this.mayBegin(place));
      for (const place of begin) this.places.begin(place);
      // What was handed to another queue does not keep the run here.
      if (begin.some((place) => place.state.handed !== null)) found = this.survey();
    }
    this.abandon(failing ? [] : [...found.ready, ...found.held.map(({ place }) => place)]);
    if (failing && core.attempts.size === 0 && !core.outbox.isBusy && this.stopping === null) return this.fall();
    if (this.isDue()) void this.look();
    this.flush(failing && this.stopping === null ? null : found);
  }

  private survey(): Survey {
    const { core } = this;
    return survey(this.workflow.definition, core.state, {
      now: this.deps.clock.now(),
      running: core.runningPrefixes(),
      heldUntil: (path, { visit, seen }) => core.book.heldUntil(path, visit, seen),
    });
  }

  private isFailing(): boolean {
    return this.failure !== null || this.cancelError !== null || machine.failedBy(this.core.state) !== null;
  }

  private mayBegin(place: Place): boolean {
    const { core } = this;
    // Its successor starts only when a record is committed; a collector only when nothing below it runs any more.
    if (core.attempts.has(place.path) || core.isClosing(place.path)) return false;
    return core.isCommitted(place.at) && !core.runsBelow(place.path);
  }

  /** Attempts that are at no place any more: their fan-out, or the run, has failed. */
  private abandon(places: readonly Place[]): void {
    const { core } = this;
    const wanted = new Set(places.map((place) => place.path));
    const left = [...core.attempts].filter(([path, attempt]) => !wanted.has(path) && !attempt.abandoned);
    if (left.length === 0) return;
    const reason = new Error('The run, or what this step is part of, has failed or was cancelled');
    const settle = machine.failedBy(core.state) !== null || !this.isFailing();
    if (!settle && this.workflow.definition.compensations.length === 0) {
      return core.giveUpAll(reason, (attempt) => !attempt.committing);
    }
    for (const [, attempt] of left) {
      attempt.abandoned = true;
      attempt.abort(reason);
    }
    this.grace.start(this.deps.abortGrace);
  }

  private endGrace(): void {
    const reason = new Error('The step did not settle after its signal was aborted');
    this.core.giveUpAll(reason, (attempt) => attempt.abandoned && !attempt.committing);
    this.proceed();
  }

  /** The run has failed and nothing of it runs: it ends, begins a further round, or is undone. */
  private fall(): void {
    const { core, workflow } = this;
    // What is to be undone is read from the journal: it must be whole.
    const undo = workflow.definition.compensations.length > 0 || core.state.hasChildren;
    if (undo && !core.outbox.isEmpty) return this.send(null);
    const cause = this.cause();
    if (cause === null) return this.loadCause();
    if (!undo) return this.flush(null, this.ending(cause, 'nothing'));
    this.beginRollback(cause);
  }

  /** Null: its record is to be read first. */
  private cause(): StoredError | null {
    const { core } = this;
    if (this.failure !== null) return this.failure;
    if (this.cancelError !== null) return storedErrorOf(this.cancelError);
    const seq = machine.failedBy(core.state) ?? 0;
    return core.values.has(seq) ? storedErrorOf(core.values.error(seq)) : null;
  }

  private loadCause(): void {
    const seq = machine.failedBy(this.core.state) ?? 0;
    this.core
      .load([seq])
      .then(() => this.proceed())
      .catch((error: unknown) => this.lose(error as Error));
  }

  private beginRollback(cause: StoredError | null): void {
    const { core } = this;
    this.deadline.clear();
    const outcome = this.cancelError !== null && this.failure === null ? 'cancelled' : 'failed';
    this.rollback = new Rollback(core, { flush: () => this.proceed() }, cause, outcome);
    this.rollback.stopping = this.stopping;
    this.rollback
      .run()
      .then((end) => {
        if (end === null || core.over) return;
        if (end.kind === 'ended') return this.flush(null, this.ending(end.cause, end.how, end.outcome));
        if (end.kind === 'paused') this.pausedBy ??= end.error;
        this.flush(null, this.park(end.kind === 'paused' ? 0 : end.delayMs));
      })
      .catch((error: unknown) => {
        if (!core.over) this.deps.onTrouble(`Run ${this.runId}: ${messageOf(error)}`);
        this.lose(error instanceof Error ? error : new Error(String(error)));
      });
  }

  /** What becomes of a round that has failed, with what was to be undone undone. */
  private ending(
    cause: StoredError,
    undone: 'nothing' | 'everything' | 'not everything',
    outcome: 'failed' | 'cancelled' = this.cancelError !== null && this.failure === null ? 'cancelled' : 'failed',
  ): Outcome {
    const { core, workflow } = this;
    const again = outcome === 'failed' && undone !== 'not everything' && !endsTheRun(cause);
    if (!core.book.isEmpty || core.state.rollback !== null) core.outbox.closeAll();
    if (again && core.state.round <= workflow.definition.maxRetries) {
      if (core.state.rollback !== null) core.outbox.compensating(false);
      const delay = Math.round(retryDelay(DEFAULT_RETRY, core.state.round));
      core.state = initialState(workflow.definition, core.state.round + 1);
      core.book.clear();
      return this.park(delay);
    }
    const status = { nothing: outcome, everything: 'compensated', 'not everything': 'compensation_failed' } as const;
    return { ...this.end(status[undone], encode(cause)), undone: true };
  }

  private end(status: EndOutcome['status'], error: string | null): EndOutcome {
    const dataSeq = machine.mainData(this.core.state);
    return { kind: 'end', status, dataSeq, error, dropSteps: this.core.handedAny, undone: false };
  }

  private park(delayMs: number | null): ParkOutcome {
    const { core } = this;
    return {
      kind: 'park',
      delayMs,
      pause: this.stopping === 'pause',
      snapshot: JSON.stringify(core.state),
      snapshotSeq: core.seq,
      dataSeq: machine.mainData(core.state),
      round: core.state.round,
      error: this.pausedBy === null ? null : encode(toStoredError(this.pausedBy)),
    };
  }

  /** What becomes of the run now; null: it goes on here. */
  private outcome(found: Survey): Outcome | null {
    const { core } = this;
    if (core.attempts.size > 0 || this.looking) return null;
    if (machine.isCompleted(core.state)) return this.end('completed', null);
    if (this.stopping === null && found.ready.length > 0) return null;
    const until = found.ready.length > 0 ? 0 : Math.min(Infinity, ...found.held.map((one) => one.until));
    const delay = until === Infinity ? null : Math.max(0, Math.ceil(until - this.deps.clock.now()));
    return this.park(delay);
  }

  /** Commits what there is to commit, with the run's end or suspension where it follows. */
  private flush(found: Survey | null, ending: Outcome | null = null): void {
    const { core } = this;
    if (core.over) return;
    if (core.outbox.isBusy) {
      if (ending !== null) void core.idle().then(() => this.flush(null, ending));
      return;
    }
    const outcome = ending ?? (found === null ? null : this.outcome(found));
    if (outcome === null && core.outbox.isEmpty) return this.arm(found);
    if (outcome === null && core.attempts.size > 0) return this.flushSoon();
    this.send(outcome);
  }

  /** After the present macrotask: arms that finish in it share the commit. */
  private flushSoon(): void {
    if (this.flushQueued) return;
    this.flushQueued = true;
    setImmediate(() => {
      this.flushQueued = false;
      const { core } = this;
      if (core.over || core.outbox.isBusy) return;
      if (core.attempts.size === 0) this.proceed();
      else if (!core.outbox.isEmpty) this.send(null);
    });
  }

  private send(outcome: Outcome | null): void {
    if (outcome !== null) this.deadline.clear();
    this.leaving = outcome !== null;
    this.core.outbox.send(outcome).then(
      ({ ack, records }) => this.committed(ack, records, outcome),
      (error: unknown) => this.refused(error),
    );
  }

  private committed(ack: Ack, records: readonly NewRecord[], outcome: Outcome | null): void {
    const { core } = this;
    core.confirm(records);
    if (!ack.taken) return this.lose(new Error(`Run ${this.runId} belongs to another worker`));
    if (core.over) return;
    if (ack.paused) this.stopping ??= 'pause';
    // What may have to be undone is not ended, nor anything started, until it is known why.
    this.leaving &&= !(outcome?.kind === 'end' && ack.cancel && !outcome.undone);
    const cancelling = ack.cancel && this.cancelError === null && core.state.rollback === null;
    if (outcome !== null && this.leaving) return this.left(ack, outcome);
    if (cancelling) {
      this.cancelling = true;
      return this.deps.onAttention();
    }
    if (ack.wake || this.lookAgain) void this.look();
    this.proceed();
  }

  private left(ack: Ack & { taken: true }, outcome: Outcome): void {
    const { core } = this;
    core.over = true;
    if (outcome.kind === 'end') {
      const data = core.values.has(outcome.dataSeq) ? core.values.get(outcome.dataSeq) : null;
      this.deps.onEnd(this.runId, { status: outcome.status, data, error: outcome.error }, ack.watched);
    } else if (ack.ready) this.deps.onDue(this.row.queue, 0);
    else if (!outcome.pause && outcome.delayMs !== null) this.deps.onDue(this.row.queue, outcome.delayMs);
    this.leave();
  }

  /** The server will not have it: nothing is guessed, a person is to look. */
  private refused(error: unknown): void {
    if (this.core.over) return;
    this.lose(error instanceof Error ? error : new Error(String(error)));
    void pauseAsItIs(this.deps, this.row, error);
  }

  /** Wakes the session when a part of the run is due before the others let it go. */
  private arm(found: Survey | null): void {
    const until = Math.min(Infinity, ...(found?.held ?? []).map((one) => one.until));
    if (until === Infinity) return;
    const now = this.deps.clock.now();
    this.alarm.start(Math.max(1, until - now, this.core.book.askAgainAt - now));
  }

  private isDue(): boolean {
    const { core } = this;
    return core.outbox.isEmpty && !core.outbox.isBusy && core.book.isDue(this.deps.clock.now());
  }

  /** Asks what the waits, and the steps on other queues, have come to. */
  private async look(): Promise<void> {
    const { core } = this;
    this.lookAgain = true;
    // The mark that a look would forget is what keeps a run that is being parked from falling asleep.
    if (this.looking || this.leaving || core.over) return;
    this.looking = true;
    try {
      while (this.lookAgain && !core.over) {
        this.lookAgain = false;
        core.book.mark();
        const taken = await core.takeWaits();
        if (taken === null) {
          this.lookAgain = true;
          await new Promise((resolve) => setTimeout(resolve, LOCKED_PAUSE));
          continue;
        }
        // A step that came back has left its waits in the same commit.
        const again = await core.takeHanded();
        const waits = again ? await core.takeWaits() : taken;
        if (waits === null) this.lookAgain = true;
        else if (!core.over) this.takeIn(waits);
      }
    } catch (error) {
      if (!core.over) this.deps.onTrouble(`Run ${this.runId}: its waits could not be read: ${messageOf(error)}`);
    } finally {
      this.looking = false;
    }
    this.proceed();
  }

  private takeIn(taken: readonly TakenWait[]): void {
    const { core } = this;
    core.book.replace(taken);
    core.book.asked(this.deps.clock.now());
    core.cancelTimedOut(taken, () => this.proceed());
    if (core.state.rollback !== null) return;
    for (const wait of taken) {
      const error = fatalTimeout(wait);
      // Of several waits that fail the run the first one does.
      if (error === null || !isAskedFor(this.workflow.definition, core.state, wait)) continue;
      const sequence = locate(this.workflow.definition, core.state, wait.path)?.sequence;
      if (sequence?.step) this.places.failAt(wait.path, sequence.step, sequence.data, error);
    }
  }
}
