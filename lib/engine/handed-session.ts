import { encode } from '../core/codec.js';
import { encodeName, findNode, stepNameOf } from '../core/definition-path.js';
import { toStoredError } from '../core/error-record.js';
import { AttemptClosedError, WorkerCrashedError, WorkflowTimeoutError } from '../core/errors.js';
import { oncePath, type Place } from '../core/machine.js';
import { type AttemptResult, runAttempt } from './attempt.js';
import { messageOf } from './journal-writer.js';
import { LongTimer } from './long-timer.js';
import type { RegisteredWorkflow } from './registry.js';
import { RunningAttempt } from './running-attempt.js';
import type { RunValues } from './run-values.js';
import type { InFlightAttempt, Session, SessionDeps } from './session.js';
import type { ClaimedRow, HandedAck, HandedOp, HandedStep, JournalRecord, NewRecord } from './store.js';
import { StoreError } from './store.js';
import { runTransactional } from './transactional.js';

const WRITE_AGAIN = 200;

/**
 * Drives one step that another queue's run handed to this queue, under a lease of its own. Its record satisfies the
 * run's cursor and wakes the run in the same transaction.
 */
export class HandedSession implements Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  private readonly step: HandedStep;
  private readonly once: Record<string, number>;
  private readonly deadline = new LongTimer(() => this.timeOut());
  private readonly timedOut: WorkflowTimeoutError;
  private seq: number;
  private attempt: RunningAttempt | null = null;
  private dropped = false;
  private expired = false;

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
    this.step = JSON.parse(row.step ?? '') as HandedStep;
    this.once = { ...this.step.once };
    this.seq = this.step.nextSeq;
    // What an attempt that died with its worker had recorded.
    const prefix = oncePath(this.step.path, '');
    for (const { seq, path, type } of records) {
      if (type !== 'once' || seq < this.step.nextSeq || !path.startsWith(prefix)) continue;
      this.once[path.slice(prefix.length)] = seq;
      this.seq = Math.max(this.seq, seq + 1);
    }
    this.timedOut = new WorkflowTimeoutError(workflow.definition.name, workflow.definition.timeout ?? 0);
  }

  async run(): Promise<void> {
    try {
      const node = findNode(this.workflow.definition, this.step.path);
      const { recoveries, deadlineInMs } = this.row;
      if (node?.kind !== 'step') {
        // The run itself finds its place gone, and pauses.
        await this.commit([], { kind: 'done' });
      } else if (recoveries > this.workflow.definition.maxRecoveries) {
        await this.conclude(this.failed(new WorkerCrashedError(recoveries)));
      } else {
        if (deadlineInMs !== null) this.deadline.start(deadlineInMs);
        await this.make({ path: this.step.path, node, data: this.step.dataSeq, state: this.stepState() });
      }
    } catch (error) {
      if (!(error instanceof AttemptClosedError) && !this.dropped) {
        this.deps.onTrouble(`Step ${stepNameOf(this.step.path)} of run ${this.runId}: ${messageOf(error)}`);
      }
    } finally {
      this.deadline.clear();
    }
  }

  lose(reason: Error): void {
    this.dropped = true;
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
    this.attempt?.scope.abort(reason);
  }

  inFlight(): InFlightAttempt[] {
    return this.attempt === null ? [] : [this.attempt.info];
  }

  private async make(place: Place): Promise<void> {
    const host = {
      runId: this.runId,
      input: this.row.input,
      scheduledTime: this.row.scheduledTime,
      recordedOnce: (name: string) => this.recordedOnce(name),
      recordOnce: (name: string, value: string) => this.recordOnce(name, value),
    };
    const attempt = new RunningAttempt(host, place, this.values.get(place.data), this.step.round, this.deps);
    this.attempt = attempt;
    if (place.node.settings.transactional) {
      const { result, committed } = await runTransactional(this.deps, this.workflow, place.node, attempt, (made) => ({
        rowId: this.rowId,
        runId: this.runId,
        token: this.token,
        records: [this.record(made)],
        outcome: null,
      }));
      await (committed === null ? this.conclude(result) : this.commit([], { kind: 'done' }));
    } else {
      const result = await runAttempt(this.workflow, place.node, attempt.scope, attempt.givenUp);
      await this.conclude(result);
    }
    this.attempt = null;
  }

  private async conclude(result: AttemptResult): Promise<void> {
    if (this.dropped) return this.release();
    const record = this.record(result);
    if (record.retryInMs === null) return this.commit([record], { kind: 'done' });
    const next: HandedStep = {
      ...this.step,
      attempt: this.step.attempt + 1,
      once: this.once,
      nextSeq: this.seq,
    };
    await this.commit([record], { kind: 'again', delayMs: record.retryInMs, step: JSON.stringify(next) });
    this.deps.onDue(this.row.queue, record.retryInMs);
  }

  /** Handed back: whoever takes it makes the attempt again. */
  private async release(): Promise<void> {
    const row = { rowId: this.rowId, token: this.token };
    await this.deps.store.release(this.deps.worker(), [row]).catch(() => {});
  }

  private async commit(records: NewRecord[], outcome: HandedOp['outcome']): Promise<void> {
    const ack = await this.write({ rowId: this.rowId, runId: this.runId, token: this.token, records, outcome });
    if (!ack.taken) throw new AttemptClosedError(stepNameOf(this.step.path));
    if (ack.wokeQueue !== null) this.deps.onDue(ack.wokeQueue, 0);
  }

  /** Writes until the database has answered; the write is idempotent by its record numbers. */
  private async write(op: HandedOp): Promise<HandedAck> {
    for (;;) {
      try {
        return await this.deps.store.commitHanded(this.deps.worker(), op);
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind === 'rejected') throw error;
        await new Promise((resolve) => setTimeout(resolve, WRITE_AGAIN));
      }
    }
  }

  private stepState(): Place['state'] {
    const { visit, attempt } = this.step;
    return { visit, attempt, kind: 'step', retryAt: null, once: this.once, handedTo: null };
  }

  private failed(error: Error): AttemptResult {
    return { status: 'failed', error: encode(toStoredError(error)), retryInMs: null, durationMs: 0 };
  }

  private record(result: AttemptResult): NewRecord {
    const failed = result.status === 'failed';
    return {
      seq: this.seq++,
      inputSeq: this.step.dataSeq,
      round: this.step.round,
      path: this.step.path,
      visit: this.step.visit,
      attempt: this.step.attempt,
      type: 'step',
      status: result.status,
      output: failed ? null : result.output,
      error: failed ? result.error : null,
      retryInMs: failed && !this.expired ? result.retryInMs : null,
      durationMs: result.durationMs,
    };
  }

  private timeOut(): void {
    this.expired = true;
    this.attempt?.giveUp(this.timedOut);
  }

  private recordedOnce(name: string): string | undefined {
    const seq = this.once[encodeName(name)];
    return seq === undefined ? undefined : this.values.get(seq);
  }

  private async recordOnce(name: string, value: string): Promise<void> {
    const done: AttemptResult = { status: 'completed', output: value, durationMs: 0 };
    const record: NewRecord = { ...this.record(done), path: oncePath(this.step.path, name), type: 'once' };
    await this.commit([record], null);
    this.once[encodeName(name)] = record.seq;
    this.values.set(record.seq, value);
  }
}
