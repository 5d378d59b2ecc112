import { decode } from '../../core/codec/codec.js';
import {
  AttemptClosedError,
  type DurableError,
  DefinitionChangedError,
  WorkerCrashedError,
  WorkflowTimeoutError,
} from '../../core/errors/errors.js';
import * as machine from '../../core/run/machine.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { type Place, survey, type Survey } from '../../core/run/survey.js';
import { errorOf } from '../../core/text-of.js';
import { AbandonedAttempts } from './abandoned-attempts.js';
import { FailureCause } from './failure-cause.js';
import type { Timer } from '../time/long-timer.js';
import type { CommitListener, Sent } from './outbox.js';
import { mayFollow, type Phase, phaseChanges } from './phases.js';
import { PlaceRunner } from './place-runner.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import type { RestoredRun } from '../journal/restore.js';
import { Rollback } from './rollback.js';
import { RunFault } from './run-fault.js';
import { afterFailure, becauseOf, endOf, parkOf, type Undone } from './run-outcomes.js';
import type { InFlight } from '../../core/run/execution.js';
import type { Session, SessionDeps } from './session.js';
import { SessionCore } from './session-core.js';
import type { Ack, Because, ClaimedRow, Outcome, ParkOutcome } from '../ports/store.js';
import { endSegment } from './traces.js';
import { WaitBook } from '../step/wait-book.js';
import { WaitWatch } from './wait-watch.js';

/**
 * Drives one run while this process has its lease. Duties:
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
  private readonly watch: WaitWatch;
  private readonly why: FailureCause;
  private readonly abandoned: AbandonedAttempts;
  private readonly fault: RunFault;
  private readonly onSent: CommitListener;
  private readonly deadline: Timer;
  /** Wakes a part of the run while others keep the session here. */
  private readonly alarm: Timer;
  private stopping: 'pause' | 'handBack' | null = null;
  /** Error by which the engine pauses it; null: it does not. */
  private pausedBy: DurableError | null = null;
  /** A cancel was asked for, and its error is not known yet: nothing starts. */
  private cancelling = false;
  private rollback: Rollback | null = null;
  /** Error by which the present round has failed; null: it has not. */
  private failedWith: { readonly cause: StoredError; readonly round: number } | null = null;
  /** The commit under way ends or parks the run. */
  private leaving = false;
  private readonly claimedAt: number;
  /** True: it will proceed after the present macrotask. */
  private isSoon = false;
  private leave: () => void = () => {};
  private lastPhase: Phase | null = null;

  constructor(
    private readonly deps: SessionDeps,
    private readonly workflow: RegisteredWorkflow,
    private readonly row: ClaimedRow,
    restored: RestoredRun,
    /** Waits of the run; null: not known yet. */
    book: WaitBook | null,
  ) {
    this.claimedAt = deps.clock.now();
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
    this.deadline = deps.clock.timer(() => this.timeOut());
    this.core = new SessionCore(deps, workflow, row, restored, book ?? new WaitBook());
    // One for all parts: there are as many as there are runs in flight.
    const host = {
      settled: () => (this.core.attempts.size > 0 ? this.proceedSoon() : this.proceed()),
      proceed: () => this.proceed(),
      pause: (error: DurableError) => this.pauseBy(error),
      lose: (reason: Error) => this.lose(reason),
      broken: (error: unknown) => this.broken(error),
      isLeaving: () => this.leaving,
      committed: (sent: Sent) => this.committed(sent),
      refused: () => this.fault.salvage(),
      spoiled: () => {
        this.leaving = false;
        this.proceed();
      },
    };
    this.alarm = deps.clock.timer(host.proceed);
    this.onSent = host;
    this.places = new PlaceRunner(this.core, host);
    this.watch = new WaitWatch(this.core, this.places, host);
    this.fault = new RunFault(this.core, host);
    this.why = new FailureCause(this.core, row.cancel);
    this.abandoned = new AbandonedAttempts(this.core, host.proceed);
    if (book === null) this.watch.isAskedFor = true;
    else this.watch.begin();
  }

  async run(): Promise<void> {
    const left = new Promise<void>((resolve) => (this.leave = resolve));
    try {
      await this.prepare();
      if (this.watch.isAskedFor) void this.watch.look();
      else this.proceed();
    } catch (error) {
      this.broken(error);
    }
    try {
      await left;
      if (this.fault.isSet) await this.fault.pause();
    } finally {
      for (const timer of [this.deadline, this.alarm, this.abandoned]) timer.clear();
      this.core.outbox.drop();
      // Only a session that was lost has not ended it yet.
      this.core.trace?.end('lost', null);
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
    void this.watch.look();
  }

  cancel(error: string): void {
    if (this.why.cancel !== null || this.core.state.rollback !== null) return;
    this.why.cancel = error;
    this.cancelling = false;
    this.proceed();
  }

  inFlight(): InFlight[] {
    return [...this.core.attempts.values()].map((attempt) => attempt.info);
  }

  heard(): number | null {
    const { core, watch } = this;
    const isTold = !core.over && !this.leaving && !watch.isLooking && !watch.isAskedFor;
    return isTold && core.book.hasOpen ? core.book.heard : null;
  }

  /** Begins the rollback, or collects the causes that forbid the run to go on, and starts its timeout. */
  private async prepare(): Promise<void> {
    const { row, workflow, core } = this;
    const { definition } = workflow;
    if (core.state.rollback !== null) return this.beginRollback(null);
    if (row.recoveries > definition.maxRecoveries) this.why.add(new WorkerCrashedError(row.recoveries));
    // A run that is to be undone has no timeout any more.
    if (row.deadlineInMs !== null && row.cancel === null) {
      // Not left to the timer: a run that still has to wait would be parked before it fires, and woken again for ever.
      if (row.deadlineInMs <= 0) this.why.add(this.timeoutError());
      else this.deadline.start(row.deadlineInMs);
    }
    // One that goes no further ends, or is undone: that goes by the names of compensations, not by places.
    const lost = this.why.isFailing ? null : machine.lostPlace(definition, core.state);
    if (lost !== null) return this.pauseBy(new DefinitionChangedError(definition.name, lost.path, lost.why));
    if (row.fresh && workflow.validateInput !== null) {
      await workflow.validateInput(decode(row.input)).catch((error: unknown) => this.why.add(error));
    }
  }

  private timeOut(): void {
    if (this.rollback !== null || this.why.cancel !== null) return;
    this.why.add(this.timeoutError());
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

  /** After the present macrotask: arms and items that settle in it are looked at once, and share the commit. */
  private proceedSoon(): void {
    if (this.isSoon) return;
    this.isSoon = true;
    setImmediate(() => {
      this.isSoon = false;
      this.proceed(true);
    });
  }

  /** Starts what can start; when nothing runs and nothing can, leaves. `now`: what there is to commit is all there is. */
  private proceed(now = false): void {
    // Timers and promises have nobody to tell what it throws.
    try {
      this.goOn(now);
    } catch (error) {
      this.broken(error);
    }
  }

  private tellPhase(to: Phase): void {
    if (!phaseChanges.hasSubscribers || to === this.lastPhase) return;
    const isMeant = this.lastPhase === null || mayFollow(this.lastPhase, to);
    phaseChanges.publish({ runId: this.runId, from: this.lastPhase, to, isMeant });
    this.lastPhase = to;
  }

  /** Phase of the session, by the table of phases. */
  private get phase(): Phase {
    const { core } = this;
    if (core.over) return 'over';
    if (this.leaving) return 'leaving';
    if (core.outbox.isSalvaging) return 'salvaging';
    if (this.cancelling) return 'cancelling';
    if (this.fault.isSet) return 'draining';
    if (this.rollback !== null) return 'undoing';
    if (this.stopping !== null) return 'stopping';
    return this.why.isFailing ? 'failing' : 'working';
  }

  private goOn(now: boolean): void {
    const { phase } = this;
    this.tellPhase(phase);
    switch (phase) {
      case 'over':
      // A retry that falls due now is made by the run's next owner; begun here, it would be made twice.
      case 'leaving':
      case 'salvaging':
      case 'cancelling':
        return;
      case 'draining':
        return this.drain();
      case 'undoing':
        if (this.rollback !== null) this.rollback.stopping = this.stopping;
        return this.flush(null, null, now);
      case 'stopping':
      case 'failing':
      case 'working':
        return this.settle(phase, now);
    }
  }

  private settle(phase: 'stopping' | 'failing' | 'working', now: boolean): void {
    const { core, why } = this;
    if (phase === 'working' && core.outbox.isFull && !core.outbox.isBusy) this.send(null);
    // A place that the code has lost may come back, and with it what its waits were given.
    if (this.pausedBy === null) core.closeUnasked();
    let found = this.survey();
    if (phase === 'working') {
      const begin = found.ready.filter((place) => this.mayBegin(place));
      for (const place of begin) {
        // What begins may fail the session.
        if (core.over) return;
        this.places.begin(place);
      }
      if (core.over) return;
      // A step on another queue does not keep the run here.
      if (begin.some((place) => place.state.remote !== null)) found = this.survey();
    }
    if (core.attempts.size > 0) {
      const { ready, waiting } = found;
      const places = waiting.length === 0 ? ready : [...ready, ...waiting.map(({ place }) => place)];
      this.abandoned.settle(why.isFailing ? [] : places, why);
    }
    if (phase === 'failing' && core.attempts.size === 0 && !core.outbox.isBusy) return this.onRunFailed();
    if (this.watch.isDue) void this.watch.look();
    this.flush(phase === 'failing' ? null : found, null, now);
  }

  private survey(): Survey {
    const { core } = this;
    return survey(this.workflow.definition, core.state, {
      now: this.deps.clock.now(),
      running: core.runningPrefixes(),
      waitsUntil: (path, { visit, seen }) => core.book.waitsUntil(path, visit, seen),
    });
  }

  private mayBegin(place: Place): boolean {
    const { core } = this;
    // User code starts only when the record before it is committed, a collector when nothing below it runs any more. What
    // the engine does by itself goes into the same commit.
    if (core.attempts.has(place.path) || core.isClosing(place.path) || core.runsBelow(place.path)) return false;
    if (this.places.isOwn(place)) return true;
    return core.isCommitted(place.at) && !core.outbox.isFull;
  }

  /** The run has failed and nothing of it runs: it ends, begins a further round, or is undone. */
  private onRunFailed(): void {
    const { core, workflow } = this;
    // The rollback reads the journal, which must be whole.
    const undo = workflow.definition.compensations.length > 0 || core.state.hasChildren || core.state.hasRemoteStep;
    if (undo && !core.outbox.isEmpty) return this.send(null);
    const cause = this.why.known();
    if (cause === null) return this.loadCause();
    if (!undo) return this.flush(null, this.ending(cause, 'nothing'));
    this.beginRollback(cause);
  }

  private loadCause(): void {
    this.why
      .load()
      .then(() => this.proceed())
      .catch((error: unknown) => this.broken(error));
  }

  private beginRollback(cause: StoredError | null): void {
    const { core } = this;
    this.deadline.clear();
    this.rollback = new Rollback(core, { flush: () => this.proceed() }, cause, this.why.outcome);
    this.rollback.stopping = this.stopping;
    this.rollback
      .run()
      .then((end) => {
        if (end === null || core.over) return;
        if (end.kind === 'ended') return this.flush(null, this.ending(end.cause, end.how, end.outcome));
        if (end.kind === 'paused') this.pausedBy ??= end.error;
        this.flush(null, end.kind === 'paused' ? this.park(0, null) : this.park(end.delayMs, 'retry'));
      })
      .catch((error: unknown) => {
        if (error instanceof AttemptClosedError) this.lose(error);
        else this.broken(error);
      });
  }

  private ending(cause: StoredError, undone: Undone, outcome = this.why.outcome): Outcome {
    this.failedWith = { cause, round: this.core.state.round };
    return afterFailure(this.core, cause, undone, outcome, this.why.cancel !== null);
  }

  private park(delayMs: number | null, because: Because | null): Outcome {
    const { pausedBy: error, why, rollback } = this;
    // The fault that stopped the run may not stop its rollback.
    const asked = why.cancel !== null && rollback !== null;
    return parkOf(this.core, delayMs, because, { error, asked });
  }

  /** Outcome of the run; null: it goes on here. */
  private outcome(found: Survey): Outcome | null {
    const { core } = this;
    if (core.attempts.size > 0 || this.watch.isLooking) return null;
    if (machine.isCompleted(core.state)) return endOf(core, 'completed', null);
    if (this.stopping === null && found.ready.length > 0) return null;
    const until =
      found.ready.length > 0 || this.pausedBy !== null
        ? 0
        : Math.min(Infinity, ...found.waiting.map((one) => one.until));
    const delay = until === Infinity ? null : Math.max(0, Math.ceil(until - this.deps.clock.now()));
    return this.park(delay, delay === 0 ? null : becauseOf(found, core.book, this.deps.clock.now()));
  }

  /** Commits what there is to commit, with the run's end or suspension where it follows. */
  private flush(found: Survey | null, ending: Outcome | null = null, now = false): void {
    const { core } = this;
    if (core.over) return;
    if (core.outbox.isBusy) {
      if (ending === null) return;
      const idle = core.idle().then(() => this.flush(null, ending));
      idle.catch((error: unknown) => this.broken(error));
      return;
    }
    const outcome = ending ?? (found === null ? null : this.outcome(found));
    if (outcome === null && core.outbox.isEmpty) return this.arm(found);
    if (outcome === null && core.attempts.size > 0 && !now) return this.proceedSoon();
    this.send(outcome);
  }

  private send(outcome: Outcome | null): void {
    if (outcome !== null) this.deadline.clear();
    this.leaving = outcome !== null;
    this.core.outbox.send(outcome, this.onSent);
  }

  private committed(sent: Sent): void {
    try {
      this.takeAck(sent);
    } catch (error) {
      this.broken(error);
    }
  }

  private takeAck({ ack, records, outcome }: Sent): void {
    const { core } = this;
    core.confirm(records);
    if (!ack.taken) {
      this.deps.telemetry?.lost(1);
      return this.lose(new Error(`Run ${this.runId} belongs to another worker`));
    }
    if (core.over) return;
    if (ack.paused) this.stopping ??= 'pause';
    // It was resumed while something of it still ran.
    else if (this.stopping === 'pause' && this.pausedBy === null) this.stopping = null;
    // A run that may have to be undone is not ended, and nothing is started, until the cause is known.
    this.leaving &&= !(outcome?.kind === 'end' && ack.cancel && !outcome.undone);
    const cancelling = ack.cancel && this.why.cancel === null && core.state.rollback === null;
    if (outcome !== null && this.leaving) return this.left(ack, outcome);
    if (cancelling) {
      this.cancelling = true;
      return this.deps.onAttention();
    }
    if (ack.wake || this.watch.isAskedFor) void this.watch.look();
    this.proceed();
  }

  private left(ack: Ack & { taken: true }, outcome: Outcome): void {
    const { core } = this;
    core.over = true;
    if (core.trace !== null) endSegment(core.trace, outcome, ack.paused);
    if (outcome.kind === 'end') {
      this.deps.stats?.ended(this.deps.clock.now(), this.row.workflow, outcome.status, outcome.error, this.age());
      const data = core.values.has(outcome.dataSeq) ? core.values.get(outcome.dataSeq) : null;
      this.deps.onEnd(this.runId, { status: outcome.status, data, error: outcome.error }, ack.watched);
    } else {
      this.reportRound(outcome);
      this.parked(ack, outcome);
    }
    this.leave();
  }

  private parked(ack: Ack & { taken: true }, outcome: ParkOutcome): void {
    if (ack.ready) this.deps.onDue(this.row.queue, 0);
    else if (!outcome.pause && outcome.delayMs !== null) this.deps.onDue(this.row.queue, outcome.delayMs);
  }

  /** A round that has failed, upon which the next one begins. */
  private reportRound({ round, delayMs }: ParkOutcome): void {
    const { failedWith } = this;
    if (failedWith === null || round <= failedWith.round) return;
    const { maxRetries } = this.workflow.definition;
    this.deps.report?.roundFailed(this.row, failedWith.cause, { next: round, most: maxRetries, delayMs: delayMs ?? 0 });
  }

  /** ms since the run's first claim. */
  private age(): number {
    return (this.row.ageMs ?? 0) + this.deps.clock.now() - this.claimedAt;
  }

  /** Lets what runs finish and be recorded, and leaves. */
  private drain(): void {
    const { core } = this;
    if (core.outbox.isBusy) return;
    if (!core.outbox.isEmpty) return this.send(null);
    if (core.attempts.size > 0) return;
    core.over = true;
    core.outbox.drop();
    this.leave();
  }

  /** The engine has failed by itself: another try would fail as this one did. The run is paused for a person to look at. */
  private broken(error: unknown): void {
    if (this.core.over) return;
    this.fault.set(error);
    this.lose(errorOf(error));
  }

  /** Wakes the session when a part of the run is due before the others let it go. */
  private arm(found: Survey | null): void {
    if (found === null || found.waiting.length === 0) return;
    const until = Math.min(...found.waiting.map((one) => one.until));
    if (until === Infinity) return;
    const now = this.deps.clock.now();
    this.alarm.start(Math.max(1, until - now, this.core.book.askAgainAt - now));
  }
}
