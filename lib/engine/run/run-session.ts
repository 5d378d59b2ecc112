import { decode } from '../../core/codec/codec.js';
import { type DurableError, DefinitionChangedError, WorkerCrashedError } from '../../core/errors/errors.js';
import { lostPlace } from '../../core/run/lost-place.js';
import type { Look } from '../../core/run/survey.js';
import { errorOf } from '../../core/text-of.js';
import { AbandonedAttempts } from './abandoned-attempts.js';
import { AbandonedSteps } from './abandoned-steps.js';
import { Aftermath } from './aftermath.js';
import { Departure } from './departure.js';
import { FailureCause } from './failure-cause.js';
import type { Sent } from './outbox.js';
import { type Phase, tellPhase } from './phases.js';
import { PlaceRunner } from './place-runner.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import type { RestoredRun } from '../journal/restore.js';
import { RunDeadline } from './run-deadline.js';
import { RunFault } from './run-fault.js';
import type { InFlight } from '../../core/run/execution.js';
import type { Session, SessionDeps } from './session.js';
import { SessionCore } from './session-core.js';
import type { ClaimedRow, Outcome } from '../ports/store.js';
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
  readonly queue: string;
  /** The commit under way ends or parks the run. */
  isLeaving = false;
  private readonly core: SessionCore;
  private readonly places: PlaceRunner;
  private readonly watch: WaitWatch;
  private readonly why: FailureCause;
  private readonly abandoned: AbandonedAttempts;
  /** Null: it has no steps on other queues. */
  private remote: AbandonedSteps | null = null;
  private readonly fault: RunFault;
  private readonly departure: Departure;
  private readonly aftermath: Aftermath;
  /** Null: it has no timeout, or none any more. */
  private deadline: RunDeadline | null = null;
  /** A cancel was asked for, and its error is not known yet: nothing starts. */
  private cancelling = false;
  /** True: it will proceed after the present macrotask. */
  private isSoon = false;
  private lastPhase: Phase | null = null;
  /** Tells that it has left; null: it has not begun, or is about to tell. */
  private tellLeft: ((session: Session) => void) | null = null;

  constructor(
    deps: SessionDeps,
    workflow: RegisteredWorkflow,
    row: ClaimedRow,
    restored: RestoredRun,
    /** Waits of the run; null: not known yet. */
    book: WaitBook | null,
  ) {
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
    this.queue = row.queue;
    this.core = new SessionCore(deps, workflow, row, restored, book ?? new WaitBook());
    this.places = new PlaceRunner(this.core, this);
    this.watch = new WaitWatch(this.core, this.places, this);
    this.fault = new RunFault(this.core, this);
    this.why = new FailureCause(this.core, row.cancel);
    this.abandoned = new AbandonedAttempts(this.core, this);
    this.departure = new Departure(this.core, this.why);
    this.aftermath = new Aftermath(this.core, this.why, this.departure, this);
    if (book === null) this.watch.isAskedFor = true;
    else this.watch.begin();
  }

  start(left: (session: Session) => void): void {
    this.tellLeft = left;
    void this.begin();
  }

  private async begin(): Promise<void> {
    try {
      await this.prepare();
      if (this.watch.isAskedFor) void this.watch.look();
      else this.proceed();
    } catch (error) {
      this.broken(error);
    }
  }

  lose(reason: Error): void {
    this.core.over = true;
    this.core.giveUpAll(reason);
    this.core.outbox.drop();
    this.leave();
  }

  handBack(): void {
    this.departure.handBack();
    this.proceed();
  }

  handBackNow(reason: Error): void {
    // A record that may be in the journal already must be known to what is parked.
    this.core.giveUpAll(reason, (attempt) => !attempt.committing);
    this.handBack();
  }

  abort(reason: Error): void {
    for (const attempt of this.core.attempts) attempt.abort(reason);
  }

  refresh(): void {
    void this.watch.look();
  }

  rowSaid(paused: boolean, asked: number): void {
    const said = this.departure.rowSaid(paused, asked);
    if (said === 'news') this.proceed();
    else if (said === 'unsure') this.core.deps.onAttention();
  }

  cancel(error: string): void {
    if (this.why.cancel !== null || this.core.state.rollback !== null) return;
    this.why.cancel = error;
    this.cancelling = false;
    this.proceed();
  }

  inFlight(): InFlight[] {
    return [...this.core.attempts].map((attempt) => attempt.info);
  }

  heard(): number | null {
    const { core, watch } = this;
    const isTold = !core.over && !this.isLeaving && !watch.isLooking && !watch.isAskedFor;
    return isTold && core.book.hasOpen ? core.book.heard : null;
  }

  /** Begins the rollback, or collects the causes that forbid the run to go on, and starts its timeout. */
  private async prepare(): Promise<void> {
    const { core } = this;
    const { row, workflow } = core;
    const { definition } = workflow;
    if (core.state.rollback !== null) return this.aftermath.undo(null);
    if (row.recoveries > definition.maxRecoveries) this.why.add(new WorkerCrashedError(row.recoveries));
    // A run that is to be undone has no timeout any more.
    if (row.deadlineInMs !== null && row.cancel === null) {
      this.deadline = new RunDeadline(core, this.why, this.aftermath, this);
      this.deadline.start(row.deadlineInMs);
    }
    // One that goes no further ends, or is undone: that goes by the names of compensations, not by places.
    const lost = this.why.isFailing ? null : lostPlace(definition, core.state);
    if (lost !== null) return this.pause(new DefinitionChangedError(definition.name, lost.path, lost.why));
    // Of a claim that has left nothing behind, since its worker died or gave the run back, nobody knows what the check came to.
    if (!core.isBegun && workflow.validateInput !== null) {
      core.isChecking = true;
      await workflow.validateInput(decode(row.input)).catch((error: unknown) => this.why.add(error));
      core.isChecking = false;
    }
    // The place was found by the definition that had recorded it; what this one records is read by this one. So the place is stored
    // before anything is: the run goes on with its next claim.
    if (row.ranBy !== row.definitionId && !this.why.isFailing) this.departure.handBack();
  }

  pause(error: DurableError): void {
    this.departure.pauseBy(error);
    this.proceed();
  }

  settled(): void {
    if (this.core.attempts.size > 0) this.proceedSoon();
    else this.proceed();
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
  proceed(now = false): void {
    // Timers and promises have nobody to tell what it throws.
    try {
      this.goOn(now);
    } catch (error) {
      this.broken(error);
    }
  }

  /** Phase of the session, by the table of phases. */
  private get phase(): Phase {
    const { core } = this;
    if (core.over) return 'over';
    if (this.isLeaving) return 'leaving';
    if (core.outbox.isSalvaging) return 'salvaging';
    if (this.cancelling) return 'cancelling';
    if (this.fault.isSet) return 'draining';
    if (this.aftermath.isUndoing) return 'undoing';
    if (this.departure.isStopping) return 'stopping';
    return this.why.isFailing ? 'failing' : 'working';
  }

  private goOn(now: boolean): void {
    const { phase } = this;
    this.lastPhase = tellPhase(this.runId, this.lastPhase, phase);
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
    if (!this.departure.isPausedByEngine) core.closeUnasked(() => this.proceed());
    const settles = phase !== 'stopping' && this.settlesRemotely();
    let found = core.look();
    if (phase === 'working') {
      const begin = found.ready.filter((place) => this.places.mayBegin(place));
      for (const place of begin) {
        // What begins may fail the session.
        if (core.over) return;
        this.places.begin(place);
      }
      if (core.over) return;
      // A step on another queue does not keep the run here.
      if (begin.some((place) => place.state.remote !== null)) found = core.look();
    }
    if (core.attempts.size > 0) this.abandoned.settle(found, why);
    if (phase === 'failing' && core.attempts.size === 0 && !core.outbox.isBusy && !settles)
      return this.aftermath.begin();
    if (this.watch.isDue) void this.watch.look();
    this.flush(phase === 'failing' ? null : found, null, now, settles);
  }

  /** True: steps on other queues that it does not come back to have not settled. */
  private settlesRemotely(): boolean {
    if (!this.core.state.hasRemoteStep) return false;
    return (this.remote ??= new AbandonedSteps(this.core, this.why, this)).settle();
  }

  /** Commits what there is to commit, with the run's end or suspension where it follows. */
  private flush(found: Look | null, ending: Outcome | null = null, now = false, settles = false): void {
    const { core } = this;
    if (core.over) return;
    if (core.outbox.isBusy) {
      if (ending === null) return;
      const idle = core.idle().then(() => this.flush(null, ending));
      idle.catch((error: unknown) => this.broken(error));
      return;
    }
    const goesOn = found === null || settles || core.endsCalls || core.attempts.size > 0 || this.watch.isLooking;
    const outcome = ending ?? (goesOn ? null : this.departure.outcome(found));
    if (outcome === null && core.outbox.isEmpty) return this.watch.arm(found);
    if (outcome === null && core.attempts.size > 0 && !now) return this.proceedSoon();
    this.send(outcome);
  }

  /** Commits what there is with the outcome, once the commit under way is over. */
  end(outcome: Outcome): void {
    this.flush(null, outcome);
  }

  send(outcome: Outcome | null): void {
    if (outcome !== null) this.deadline?.clear();
    this.isLeaving = outcome !== null;
    this.core.outbox.send(outcome, this);
  }

  committed(sent: Sent): void {
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
      core.deps.telemetry?.lost(1);
      return this.lose(new Error(`Run ${this.runId} belongs to another worker`));
    }
    if (core.over) return;
    this.departure.rowSays(ack.paused);
    // A run that may have to be undone is not ended, and nothing is started, until the cause is known.
    if (outcome?.kind === 'end' && ack.cancel && !outcome.undone) {
      this.isLeaving = false;
      this.aftermath.reopen();
    }
    if (outcome !== null && this.isLeaving) {
      core.over = true;
      this.departure.tell(ack, outcome);
      return this.leave();
    }
    // A rollback that is beginning answers it; where it finds nothing to undo, its end is refused.
    const isAnswered = this.why.cancel !== null || core.state.rollback !== null || this.aftermath.isUndoing;
    if (ack.cancel && !isAnswered) {
      this.cancelling = true;
      return core.deps.onAttention();
    }
    if (ack.wake || this.watch.isAskedFor) void this.watch.look();
    this.proceed();
  }

  refused(): void {
    this.fault.salvage();
  }

  spoiled(): void {
    this.isLeaving = false;
    this.proceed();
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
  broken(error: unknown): void {
    if (this.core.over) return;
    this.fault.set(error);
    this.lose(errorOf(error));
  }

  /** Once, whatever else ends it meanwhile. */
  private leave(): void {
    const { tellLeft, fault } = this;
    if (tellLeft === null) return;
    this.tellLeft = null;
    const left = (): void => {
      for (const timer of [this.deadline, this.watch, this.abandoned, this.remote]) timer?.clear();
      this.core.outbox.drop();
      // Only a session that was lost has not ended it yet.
      this.core.trace?.end('lost', null);
      tellLeft(this);
    };
    if (fault.isSet) void fault.pause().finally(left);
    else left();
  }
}
