import { encode } from '../../core/codec/codec.js';
import { findNode, stepNameOf } from '../../core/definition/definition-path.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { AttemptClosedError, WorkerCrashedError, WorkflowTimeoutError } from '../../core/errors/errors.js';
import type { RecordType } from '../../core/run/machine.js';
import type { StepState } from '../../core/run/run-state.js';
import type { Place } from '../../core/run/survey.js';
import { PlaceSpec } from '../step/attempt-kinds.js';
import { type AttemptResult, storedErrorOf } from '../step/attempt.js';
import { runAttempt } from '../step/attempt-pass.js';
import { childExtras, NO_EXTRAS } from '../step/child-start.js';
import type { Timer } from '../time/long-timer.js';
import { Abandonment } from './abandonment.js';
import { tellAttempt, tellRemoteStep } from './observed.js';
import { pauseAsItIs, refusalOf } from './pause-as-it-is.js';
import { isPassing, retryUntilAnswered } from '../journal/retry-until-answered.js';
import { neededFor, needsIntent } from './place-runner.js';
import { RemoteHost } from './remote-host.js';
import { RecordMaker, type SettledAttempt } from '../journal/record-maker.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import { attemptAt, RunningAttempt } from './running-attempt.js';
import type { RunValues } from '../step/run-values.js';
import type { Session, SessionDeps } from './session.js';
import type { InFlight } from '../../core/run/execution.js';
import { WaitBook } from '../step/wait-book.js';
import { hasThrown, type Suspension } from '../step/waits.js';
import {
  type ClaimedRow,
  type RemoteStepAck,
  type RemoteStepOp,
  type RemoteStep,
  type JournalRecord,
  type NewRecord,
  type OpExtras,
} from '../ports/store.js';
import type { SegmentTrace } from '../ports/telemetry.js';
import { beginSegment } from './traces.js';
import { runTransactional } from './transactional.js';

/**
 * Drives one remote step of another queue's run, under a lease of its own. Its record satisfies the
 * run's cursor and wakes the run in the same transaction. A step that waits goes back to its run with its waits, and
 * becomes a remote step again when they are over.
 */
export class RemoteStepSession implements Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly queue: string;
  private readonly step: RemoteStep;
  readonly make: RecordMaker;
  private readonly host: RemoteHost;
  private readonly deadline: Timer;
  private readonly timedOut: WorkflowTimeoutError;
  readonly trace: SegmentTrace | null;
  private attempt: RunningAttempt | null = null;
  /** Outcome of the row, for the trace. */
  private outcome = 'lost';
  private dropped = false;
  private lost = false;
  private expired = false;
  private readonly abandonment: Abandonment;
  /** The run was paused with the error that the step could not be recorded. */
  private paused = false;
  /** The last record of this lease: what the next one builds on. */
  private after: readonly number[] = [];

  constructor(
    private readonly deps: SessionDeps,
    private readonly workflow: RegisteredWorkflow,
    private readonly row: ClaimedRow,
    private readonly values: RunValues,
    records: readonly JournalRecord[],
  ) {
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
    this.queue = row.queue;
    this.step = JSON.parse(row.step ?? '') as RemoteStep;
    this.make = new RecordMaker(this.step.nextSeq - 1, this.step, deps.clock, this.step.end);
    this.trace = beginSegment(deps.telemetry, row, { ...this.step });
    this.host = new RemoteHost(deps, row, this.step, values, this);
    this.host.restore(records);
    this.abandonment = new Abandonment(deps.abortGrace);
    this.deadline = deps.clock.timer(() => this.timeOut());
    this.timedOut = new WorkflowTimeoutError(workflow.definition.name, workflow.definition.timeout ?? 0);
  }

  start(left: (session: Session) => void): void {
    void this.run().then(() => left(this));
  }

  private async run(): Promise<void> {
    try {
      const node = findNode(this.workflow.definition, this.step.path);
      const { recoveries, deadlineInMs, cancel } = this.row;
      if (this.host.isRecorded) {
        await this.commit([], { kind: 'done' });
      } else if (node?.kind !== 'step' && node?.kind !== 'decision') {
        // The run itself finds its place gone, and pauses.
        await this.goBack();
      } else if (cancel !== null) {
        // Its worker died before it had settled.
        await this.goBack();
      } else if (recoveries > this.workflow.definition.maxRecoveries) {
        const error = encode(toStoredError(new WorkerCrashedError(recoveries)));
        await this.conclude(node.kind, { status: 'failed', error, retryInMs: null, durationMs: 0 });
      } else {
        if (deadlineInMs !== null) this.deadline.start(deadlineInMs);
        const { data, item, results, main } = this.step;
        const state = this.stepState(node.kind);
        const { path } = this.step;
        await this.work({ path, node, work: 'attempt', data, state, at: 0, item, own: null, results, main });
      }
    } catch (error) {
      // The engine has failed by itself: another try would fail as this one did.
      if (!(error instanceof AttemptClosedError) && !this.lost) await this.pauseRun(error);
    } finally {
      this.deadline.clear();
      this.abandonment.clear();
      this.trace?.end(this.outcome, null);
    }
  }

  lose(reason: Error): void {
    this.dropped = true;
    this.lost = true;
    this.attempt?.giveUp(reason);
  }

  handBack(): void {
    // The attempt is all there is to finish; the row leaves with it.
  }

  handBackNow(reason: Error): void {
    if (this.attempt?.committing === true) return;
    this.dropped = true;
    this.attempt?.giveUp(reason);
  }

  abort(reason: Error): void {
    this.attempt?.abort(reason);
  }

  refresh(): void {
    // Its waits end at the run.
  }

  rowSaid(): void {
    // The attempt is all there is of it.
  }

  cancel(error: string): void {
    this.abandonment.begin(this.attempt, new Error(storedErrorOf(error).message));
  }

  inFlight(): InFlight[] {
    return this.attempt === null ? [] : [this.attempt.info];
  }

  heard(): null {
    return null;
  }

  private async work(place: Place): Promise<void> {
    const { node, path, state } = place;
    const now = { runId: this.runId, round: this.step.round, startedAt: this.deps.clock.now() };
    const attempt = new RunningAttempt(attemptAt(place, now), this.host);
    // Before it is read what it needs: it may be given up meanwhile.
    this.attempt = attempt;
    await this.retryUntilAnswered(async () => this.values.load(neededFor(place)));
    const waits = await this.retryUntilAnswered(() => this.deps.store.readWaits(this.runId));
    this.host.book = new WaitBook(waits.filter((wait) => wait.path === path && wait.visit === state.visit));
    if (needsIntent(place)) {
      await this.commit([this.make.record(this.step, 'intent')], null);
      this.host.intended = true;
    }
    tellAttempt(this.deps, this.row, attempt.info);
    const spec = new PlaceSpec(place, this.values, this.workflow.definition, this.deps.advice);
    if (node.settings.transactional) {
      const { result, committed } = await runTransactional(this.deps, this.workflow, spec, attempt, (made) => {
        const children = this.host.children ?? [];
        const started = children.map((child) => this.make.child(this.step, child));
        return {
          rowId: this.rowId,
          runId: this.runId,
          token: this.token,
          after: this.after,
          afterWait: null,
          records: [...started, this.attemptRecord(node.kind, made)],
          outcome: null,
          extras: childExtras(children),
        };
      });
      if (committed === null) await this.conclude(node.kind, result);
      else {
        this.after = committed.records.slice(-1).map(({ seq }) => seq);
        const { rowId, runId, token, after, records } = committed;
        tellRemoteStep(this.deps, this.row, { rowId, runId, token, after, records, outcome: null, extras: null });
        await this.commit([], { kind: 'done' });
      }
    } else {
      const { clock } = this.deps;
      const scope = attempt.open(null);
      const result = await runAttempt(this.workflow, spec, scope, attempt, clock, this.step.spent);
      await this.conclude(node.kind, result);
    }
    this.attempt = null;
  }

  private async conclude(type: RecordType, result: AttemptResult): Promise<void> {
    if (this.paused) return;
    // A failure around it does not wait for it, nor for what it waits for.
    const { isBegun, isLate } = this.abandonment;
    const isOut = isLate || (isBegun && (this.dropped || result.status === 'suspended'));
    if (isOut && !this.lost) return this.goBack(this.logRecords(false));
    if (this.dropped) return this.release();
    if (result.status === 'suspended') return this.suspend(result.how, result.durationMs, this.logRecords(true));
    const record = this.attemptRecord(type, result);
    const over = record.retryInMs === null;
    const closes = this.host.book
      .all()
      .filter((wait) => over || hasThrown(wait))
      .map((wait) => wait.id);
    const extras = closes.length === 0 ? null : { ...NO_EXTRAS, closes };
    if (over) return this.commit([record], { kind: 'done' }, extras);
    const next: RemoteStep = {
      ...this.step,
      attempt: this.step.attempt + 1,
      spent: 0,
      logged: undefined,
      threw: [...(this.step.threw ?? []), ...(record.facts?.threw ?? [])],
      intent: this.host.intended,
      once: this.host.once,
      calls: this.host.calls,
      refs: this.host.refs,
      nextSeq: this.make.last + 1,
    };
    const delayMs = record.retryInMs ?? 0;
    await this.commit([record], { kind: 'again', delayMs, step: JSON.stringify(next) }, extras);
    this.deps.onDue(this.row.queue, delayMs);
  }

  /** The step waits: it goes back to its run, which looks after its waits. */
  private async suspend(how: Suspension, spent: number, logs: readonly NewRecord[]): Promise<void> {
    if (how.kind === 'stuck') {
      const error = encode(toStoredError(how.error));
      // Once it is resumed it runs at once, whatever is over by then.
      const facts = { pass: { spent: this.step.spent, seen: -1 } };
      const records = [...logs, this.make.record(this.step, 'remote_back', { facts })];
      return this.commit(records, { kind: 'done' }, { ...NO_EXTRAS, pause: error });
    }
    const children = how.children.map((child) => this.make.child(this.step, child));
    const waits = [...how.waits];
    const extras: OpExtras = { ...(childExtras(how.children) ?? NO_EXTRAS), waits };
    const pass = { spent, seen: this.host.book.closed(this.step.path, this.step.visit) };
    const back = this.make.record(this.step, 'remote_back', { facts: { pass } });
    await this.commit([...logs, ...children, back], { kind: 'done' }, extras);
  }

  /** Leaves the step to its run as it is. */
  private goBack(logs: readonly NewRecord[] = []): Promise<void> {
    return this.commit([...logs, this.make.record(this.step, 'remote_back')], { kind: 'done' });
  }

  /** Handed back: the next worker makes the attempt again. */
  private async release(): Promise<void> {
    const logs = this.lost ? [] : this.logRecords(false);
    if (logs.length > 0) await this.commit(logs, null);
    const row = { rowId: this.rowId, token: this.token };
    await this.deps.store.release(this.deps.worker(), [row], false).catch(() => {});
  }

  async commit(records: NewRecord[], outcome: RemoteStepOp['outcome'], extras: OpExtras | null = null): Promise<void> {
    const { rowId, runId, token, after } = this;
    const op: RemoteStepOp = { rowId, runId, token, after, records, outcome, extras };
    let ack: RemoteStepAck | null = null;
    while (ack === null) ack = await this.write(op);
    if (!ack.taken) {
      this.deps.telemetry?.lost(1);
      throw new AttemptClosedError(stepNameOf(this.step.path));
    }
    const last = records.at(-1);
    if (last !== undefined) this.after = [last.seq];
    if (outcome !== null) this.outcome = outcome.kind === 'done' ? 'done' : 'waiting';
    tellRemoteStep(this.deps, this.row, op);
    if (ack.woken !== null) this.deps.onWoken([ack.woken]);
    for (const { queue } of extras?.children ?? []) this.deps.onDue(queue, 0);
  }

  /**
   * Writes until the database has answered; the write is idempotent by its record numbers. Refused, it pauses the run with the
   * error. Null: nor would the database have that at the moment, so that it is tried again.
   */
  private async write(op: RemoteStepOp): Promise<RemoteStepAck | null> {
    try {
      return await this.retryUntilAnswered(() => this.deps.store.commitRemoteStep(this.deps.worker(), op));
    } catch (error) {
      if (this.lost) throw error;
      const refusal = refusalOf(this.step.path, error);
      if (!(await this.pauseRun(refusal, isPassing(error) ? [this.make.note(this.step, refusal.message)] : [])))
        return null;
      const closed = new AttemptClosedError(stepNameOf(this.step.path), { cause: error });
      this.attempt?.giveUp(closed);
      throw closed;
    }
  }

  /** False: not at the moment. */
  private async pauseRun(error: unknown, notes: readonly NewRecord[] = []): Promise<boolean> {
    this.paused = await pauseAsItIs(this.deps, this.row, error, () => this.lost, notes);
    if (this.paused) this.outcome = 'waiting';
    return this.paused;
  }

  private stepState(kind: StepState['kind']): StepState {
    const { visit, attempt, spent } = this.step;
    return {
      kind,
      visit,
      attempt,
      retryAt: null,
      once: this.host.once,
      remote: null,
      intent: this.host.intended,
      spent,
      seen: 0,
      children: this.host.calls,
      fan: null,
    };
  }

  private attemptRecord(type: RecordType, result: SettledAttempt): NewRecord {
    const isLast = this.expired || this.abandonment.isBegun || this.make.isFull;
    const over = result.status === 'failed' && isLast ? { ...result, retryInMs: null } : result;
    return this.make.attempt(this.step, type, over, this.host.book.threw(this.step.path, this.step.visit));
  }

  private logRecords(goesOn: boolean): NewRecord[] {
    return this.make.log(this.step, this.attempt?.scope?.logged ?? null, goesOn);
  }

  private retryUntilAnswered<T>(work: () => Promise<T>): Promise<T> {
    return retryUntilAnswered(work, () => this.lost);
  }

  private timeOut(): void {
    this.expired = true;
    // What it has made by now may have to be undone.
    if (this.workflow.definition.compensations.length > 0) this.abandonment.begin(this.attempt, this.timedOut);
    else this.attempt?.giveUp(this.timedOut);
  }
}
