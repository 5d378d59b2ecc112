import { decode, encode } from '../core/codec.js';
import { DEFAULT_RETRY } from '../core/definition.js';
import { encodeName } from '../core/definition-path.js';
import { toStoredError } from '../core/error-record.js';
import {
  AttemptClosedError,
  DefinitionChangedError,
  WorkerCrashedError,
  WorkflowTimeoutError,
} from '../core/errors.js';
import * as machine from '../core/machine.js';
import { retryDelay } from '../core/retry.js';
import type { StoredError } from '../core/stored-error.js';
import { uuidv7 } from '../core/uuid.js';
import { type AttemptEnd, type AttemptResult, endsTheRun, runAttempt } from './attempt.js';
import { messageOf } from './journal-writer.js';
import { LongTimer } from './long-timer.js';
import type { RegisteredWorkflow } from './registry.js';
import type { RestoredRun } from './restore.js';
import { RunningAttempt } from './running-attempt.js';
import type { InFlightAttempt, Session, SessionDeps } from './session.js';
import type { Ack, ClaimedRow, HandedStep, NewRecord, Outcome, ParkOutcome } from './store.js';
import { runTransactional } from './transactional.js';
import { pauseAsItIs } from './unreadable-session.js';

/** Record numbers kept free for a step on another queue: its attempts and its `once` calls. */
const HANDED_SPAN = 2 ** 20;

/**
 * Drives one run while this process holds its lease. Duties:
 * - asks the machine where the run stands and makes the attempts that are due;
 * - puts each finished attempt into the journal, with the run's end or suspension in the same commit where it follows;
 * - starts a step's successor only when its record is committed;
 * - ends the run's timeout, a pause, a hand-back or a lost lease in good order.
 */
export class RunSession implements Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  private readonly attempts = new Map<string, RunningAttempt>();
  private readonly deadline = new LongTimer(() => this.timeOut());
  private state: machine.RunState;
  private seq: number;
  /** Commits under way. */
  private pending = 0;
  private stopping: 'pause' | 'handBack' | null = null;
  private failure: StoredError | null = null;
  private over = false;
  private leave: () => void = () => {};

  constructor(
    private readonly deps: SessionDeps,
    private readonly workflow: RegisteredWorkflow,
    private readonly row: ClaimedRow,
    private readonly restored: RestoredRun,
  ) {
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
    this.state = restored.state;
    this.seq = restored.seq;
  }

  async run(): Promise<void> {
    const left = new Promise<void>((resolve) => (this.leave = resolve));
    try {
      if (!(await this.refuse())) this.proceed();
      await left;
    } catch (error) {
      this.lose(error instanceof Error ? error : new Error(String(error)));
      await pauseAsItIs(this.deps, this.row, error);
    } finally {
      this.deadline.clear();
    }
  }

  lose(reason: Error): void {
    this.over = true;
    for (const attempt of this.attempts.values()) attempt.giveUp(reason);
    this.attempts.clear();
    this.leave();
  }

  handBack(): void {
    this.stopping ??= 'handBack';
    this.proceed();
  }

  handBackNow(reason: Error): void {
    this.stopping ??= 'handBack';
    for (const [path, attempt] of this.attempts) {
      // Its record may be in the journal already: what is parked must know of it.
      if (attempt.committing) continue;
      attempt.giveUp(reason);
      this.attempts.delete(path);
    }
    this.proceed();
  }

  abort(reason: Error): void {
    for (const attempt of this.attempts.values()) attempt.scope.abort(reason);
  }

  inFlight(): InFlightAttempt[] {
    return [...this.attempts.values()].map((attempt) => attempt.info);
  }

  /** What stands against running at all. True: the run is not to proceed. */
  private async refuse(): Promise<boolean> {
    const { row, workflow, state } = this;
    const { definition } = workflow;
    const lost = machine.lostPlace(definition, state);
    if (lost !== null) {
      const error = new DefinitionChangedError(definition.name, lost.path, lost.why);
      this.commit([], { ...this.park(0), pause: true, error: encode(toStoredError(error)) });
      return true;
    }
    if (row.recoveries > definition.maxRecoveries) this.fail(new WorkerCrashedError(row.recoveries));
    if (row.deadlineInMs !== null) this.deadline.start(row.deadlineInMs);
    if (row.fresh && workflow.validateInput !== null) {
      await workflow.validateInput(decode(row.input)).catch((error: unknown) => this.fail(error));
    }
    return false;
  }

  private fail(error: unknown): void {
    this.failure ??= toStoredError(error);
  }

  private timeOut(): void {
    const error = new WorkflowTimeoutError(this.workflow.definition.name, this.workflow.definition.timeout ?? 0);
    this.failure = toStoredError(error);
    for (const attempt of this.attempts.values()) attempt.giveUp(error);
    this.proceed();
  }

  /** Starts what can start; when nothing runs and nothing can, leaves. */
  private proceed(): void {
    if (this.over || this.pending > 0) return;
    if (this.attempts.size === 0) {
      const outcome = this.outcome();
      if (outcome !== null) return this.commit([], outcome);
    }
    if (this.stopping !== null || this.failure !== null) return;
    for (const place of machine.places(this.workflow.definition, this.state)) {
      if (!this.attempts.has(place.path) && this.waitFor(place) === 0 && !this.isElsewhere(place)) this.begin(place);
    }
  }

  /** What becomes of the run now; null: it goes on here. */
  private outcome(): Outcome | null {
    const { state } = this;
    if (this.attempts.size > 0) return null;
    if (this.failure !== null) return this.failed(this.failure);
    if (machine.isCompleted(state)) {
      return { kind: 'end', status: 'completed', dataSeq: state.root.data, error: null, dropSteps: false };
    }
    const places = machine.places(this.workflow.definition, state);
    const away = places.find((place) => this.isElsewhere(place) && place.state.handedTo === null);
    const waits = places.filter((place) => place.state.handedTo === null).map((place) => this.waitFor(place));
    const delay = waits.length === 0 ? null : Math.min(...waits);
    if (this.stopping !== null) return { ...this.park(delay), pause: this.stopping === 'pause' };
    if (away !== undefined) return this.handOver(away);
    return delay === 0 ? null : this.park(delay);
  }

  private failed(error: StoredError): Outcome {
    const { state, workflow } = this;
    const text = encode(error);
    if (endsTheRun(error) || state.round > workflow.definition.maxRetries) {
      const dropSteps = (state.root.step?.handedTo ?? null) !== null;
      return { kind: 'end', status: 'failed', dataSeq: state.root.data, error: text, dropSteps };
    }
    const delay = Math.round(retryDelay(DEFAULT_RETRY, state.round));
    this.state = machine.initialState(workflow.definition, state.round + 1);
    return this.park(delay);
  }

  private park(delayMs: number | null): ParkOutcome {
    return {
      kind: 'park',
      delayMs,
      pause: false,
      snapshot: JSON.stringify(this.state),
      snapshotSeq: this.seq,
      dataSeq: this.state.root.data,
      round: this.state.round,
      error: null,
      handOver: null,
    };
  }

  private handOver(place: machine.Place): ParkOutcome {
    const step: HandedStep = {
      path: place.path,
      visit: place.state.visit,
      attempt: place.state.attempt,
      round: this.state.round,
      dataSeq: place.data,
      once: place.state.once,
      nextSeq: this.seq + 1,
    };
    const rowId = uuidv7();
    if (this.state.root.step !== null) this.state.root.step.handedTo = rowId;
    const parked = this.park(null);
    this.seq += HANDED_SPAN;
    return { ...parked, handOver: { rowId, queue: place.node.settings.queue ?? '', step: JSON.stringify(step) } };
  }

  private isElsewhere(place: machine.Place): boolean {
    const { queue } = place.node.settings;
    return queue !== null && queue !== this.row.queue;
  }

  /** ms until the place may go on. */
  private waitFor(place: machine.Place): number {
    const { retryAt } = place.state;
    return retryAt === null ? 0 : Math.max(0, Math.ceil(retryAt - this.deps.clock.now()));
  }

  private begin(place: machine.Place): void {
    const attempt = new RunningAttempt(
      {
        runId: this.runId,
        input: this.row.input,
        scheduledTime: this.row.scheduledTime,
        recordedOnce: (name) => this.recordedOnce(place, name),
        recordOnce: (name, value) => this.recordOnce(place, name, value),
      },
      place,
      this.restored.values.get(place.data),
      this.state.round,
      this.deps,
    );
    this.attempts.set(place.path, attempt);
    this.make(place, attempt)
      .then((made) => this.finish(place, attempt, made))
      .catch((error: unknown) => {
        if (!(error instanceof AttemptClosedError)) this.deps.onTrouble(`Run ${this.runId}: ${messageOf(error)}`);
        this.lose(error instanceof Error ? error : new Error(String(error)));
      });
  }

  private make(place: machine.Place, attempt: RunningAttempt): Promise<AttemptEnd> {
    if (!place.node.settings.transactional) {
      return runAttempt(this.workflow, place.node, attempt.scope, attempt.givenUp).then((result) => ({
        result,
        committed: null,
      }));
    }
    return runTransactional(this.deps, this.workflow, place.node, attempt, (result) => ({
      rowId: this.rowId,
      runId: this.runId,
      token: this.token,
      records: [this.record(place, result)],
      outcome: null,
    }));
  }

  private finish(place: machine.Place, attempt: RunningAttempt, { result, committed }: AttemptEnd): void {
    // Given up: by a lost lease, or by a hand-back, after which the attempt is made again.
    if (this.attempts.get(place.path) !== attempt) return;
    this.attempts.delete(place.path);
    const record = committed ?? this.record(place, result);
    this.take(record);
    if (result.status === 'failed' && record.retryInMs === null) {
      this.failure ??= decode(result.error) as StoredError;
    }
    if (committed !== null) this.proceed();
    else this.commit([record], this.outcome());
  }

  private record(place: machine.Place, result: AttemptResult): NewRecord {
    const failed = result.status === 'failed';
    return {
      seq: ++this.seq,
      inputSeq: place.data,
      round: this.state.round,
      path: place.path,
      visit: place.state.visit,
      attempt: place.state.attempt,
      type: 'step',
      status: result.status,
      output: failed ? null : result.output,
      error: failed ? result.error : null,
      // A run that is over (its timeout) tries nothing again.
      retryInMs: failed && this.failure === null ? result.retryInMs : null,
      durationMs: result.durationMs,
    };
  }

  private take(record: NewRecord): void {
    const { values } = this.restored;
    const retryAt = record.retryInMs === null ? null : this.deps.clock.now() + record.retryInMs;
    machine.applyRecord(this.workflow.definition, this.state, {
      ...record,
      hasOutput: record.output !== null,
      retryAt,
    });
    if (record.output !== null) values.set(record.seq, record.output);
    if (record.type === 'step') values.keep(machine.referencedRecords(this.state));
  }

  private commit(records: NewRecord[], outcome: Outcome | null): void {
    this.pending++;
    if (outcome !== null) this.deadline.clear();
    this.deps.writer
      .commit({ rowId: this.rowId, runId: this.runId, token: this.token, records, outcome })
      .then((ack) => this.committed(ack, outcome))
      .catch((error: unknown) => this.refused(error, records, outcome));
  }

  private committed(ack: Ack, outcome: Outcome | null): void {
    this.pending--;
    if (!ack.taken) return this.lose(new AttemptClosedError(this.workflow.definition.name));
    if (this.over) return;
    if (ack.paused) this.stopping ??= 'pause';
    if (outcome === null) return this.proceed();
    this.over = true;
    if (outcome.kind === 'end') {
      const data = this.restored.values.get(outcome.dataSeq);
      this.deps.onEnd(this.runId, { status: outcome.status, data, error: outcome.error }, ack.watched);
    } else if (ack.ready) this.deps.onDue(this.row.queue, 0);
    else if (!outcome.pause && outcome.delayMs !== null) this.deps.onDue(this.row.queue, outcome.delayMs);
    if (outcome.kind === 'park' && outcome.handOver !== null) this.deps.onDue(outcome.handOver.queue, 0);
    this.leave();
  }

  /** The server will not have it: the run fails with that error, unless that was the failure already. */
  private refused(error: unknown, records: readonly NewRecord[], outcome: Outcome | null): void {
    this.pending--;
    if (this.over) return;
    this.deps.onTrouble(`Run ${this.runId} could not be stored: ${messageOf(error)}`);
    if (outcome?.kind === 'end' && records.length === 0) {
      return this.lose(error instanceof Error ? error : new Error(String(error)));
    }
    this.failure = { ...toStoredError(error), code: 'FATAL' };
    this.state.root.data = this.state.root.data === records[0]?.seq ? records[0].inputSeq : this.state.root.data;
    this.proceed();
  }

  private recordedOnce(place: machine.Place, name: string): string | undefined {
    const seq = place.state.once[encodeName(name)];
    return seq === undefined ? undefined : this.restored.values.get(seq);
  }

  private async recordOnce(place: machine.Place, name: string, value: string): Promise<void> {
    const record: NewRecord = {
      ...this.record(place, { status: 'completed', output: value, durationMs: 0 }),
      path: machine.oncePath(place.path, name),
      type: 'once',
    };
    const ack = await this.deps.writer.commit({
      rowId: this.rowId,
      runId: this.runId,
      token: this.token,
      records: [record],
      outcome: null,
    });
    const closed = new AttemptClosedError(place.node.name);
    if (!ack.taken) {
      this.lose(closed);
      throw closed;
    }
    if (ack.paused) this.stopping ??= 'pause';
    if (!this.over) this.take(record);
  }
}
