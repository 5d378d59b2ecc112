import { encodeName } from '../../core/definition/definition-path.js';
import { AttemptClosedError } from '../../core/errors/errors.js';
import * as machine from '../../core/run/machine.js';
import { remoteSteps, type RunState } from '../../core/run/run-state.js';
import { survey, type Survey } from '../../core/run/survey.js';
import { textOf } from '../../core/text-of.js';
import { isAskedFor } from '../step/asked-waits.js';
import type { PreparedChild } from '../ports/children.js';
import { Attempts } from './attempts.js';
import { tellCommitted } from './observed.js';
import { Outbox } from './outbox.js';
import { appended, NOTHING } from '../journal/draft.js';
import { retryUntilAnswered } from '../journal/retry-until-answered.js';
import { RecordMaker } from '../journal/record-maker.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import type { RestoredRun } from '../journal/restore.js';
import type { RunningAttempt } from './running-attempt.js';
import type { RunValues } from '../step/run-values.js';
import type { SessionDeps } from './session.js';
import { type ClaimedRow, REMOTE_SPAN, type NewRecord, type RunOp, type TakenWait } from '../ports/store.js';
import type { SegmentTrace } from '../ports/telemetry.js';
import { beginSegment } from './traces.js';
import type { WaitBook } from '../step/wait-book.js';

const NONE: ReadonlySet<string> = new Set();

/** State shared by the parts of a run's session: cursors, values, waits, running attempts, and the outbox. */
export class SessionCore {
  readonly attempts = new Attempts();
  readonly outbox: Outbox;
  readonly values: RunValues;
  readonly make: RecordMaker;
  /** Null: it is not traced. */
  readonly trace: SegmentTrace | null;
  state: RunState;
  /** The session has left, or lost its lease: nothing it does counts any more. */
  over = false;
  /** Something has failed since the waits were looked through for those that nobody asks for any more. */
  hasFailed = true;
  /** Paths of steps on other queues that are at no place any more and have not settled. */
  settling: readonly string[] = NOTHING;
  /** Numbers of records that are not known to be committed, in order. */
  private pending: readonly number[] = NOTHING;
  /** Children of calls that timed out, by the path of the step: it goes on when they are cancelled. */
  private closing: Map<string, number> | null = null;
  private cancelledChildren: Set<string> | null = null;
  private idling: readonly (() => void)[] = NOTHING;

  constructor(
    readonly deps: SessionDeps,
    readonly workflow: RegisteredWorkflow,
    readonly row: ClaimedRow,
    restored: RestoredRun,
    readonly book: WaitBook,
  ) {
    this.state = restored.state;
    this.values = restored.values;
    this.make = new RecordMaker(restored.seq, this, deps.clock);
    this.trace = beginSegment(deps.telemetry, row, this.state);
    this.outbox = new Outbox(deps, row, row.parentId !== null, book);
  }

  get round(): number {
    return this.state.round;
  }

  get runId(): string {
    return this.row.runId;
  }

  /** Takes a record into the state. `committed`: it is in the journal already. */
  take(record: NewRecord, committed = false): void {
    const retryAt = record.retryInMs === null ? null : this.deps.clock.now() + record.retryInMs;
    if (record.output !== null) this.values.set(record.seq, record.output);
    if (record.error !== null) this.values.setError(record.seq, record.error);
    const { seq, path, type, visit, attempt, status, facts } = record;
    const hasOutput = record.output !== null;
    machine.applyRecord(this.workflow.definition, this.state, {
      seq,
      path,
      type,
      visit,
      attempt,
      status,
      facts,
      hasOutput,
      retryAt,
    });
    this.values.trim(() => machine.referencedRecords(this.state));
    this.hasFailed ||= record.status === 'failed' && record.retryInMs === null;
    if (!committed) this.pending = appended(this.pending, [record.seq]);
  }

  /** Takes in what a transaction of an attempt's own has committed. */
  takeCommitted({ records, after }: RunOp): void {
    for (const record of records) this.take(record, true);
    this.outbox.builtOn(records.at(-1)?.seq ?? 0, after);
    tellCommitted(this.deps, this.row, { records, outcome: null, extras: null });
  }

  /** Takes records in and puts them into the outbox. */
  write(records: readonly NewRecord[]): void {
    for (const record of records) {
      this.take(record);
      this.outbox.record(record);
    }
  }

  /** These are committed, or lost together with the lease. */
  confirm(records: readonly NewRecord[]): void {
    // As a rule all that is pending was in this commit.
    if (this.pending.length === records.length) this.pending = NOTHING;
    else {
      const gone = new Set(records.map((record) => record.seq));
      this.pending = this.pending.filter((seq) => !gone.has(seq));
    }
    const { idling } = this;
    this.idling = NOTHING;
    for (const resolve of idling) resolve();
  }

  /** True when that record, and all before it, are committed. */
  isCommitted(seq: number): boolean {
    return (this.pending[0] ?? Infinity) > seq;
  }

  /** Resolves when the commit under way is over. */
  idle(): Promise<void> {
    return this.outbox.isBusy
      ? new Promise((resolve) => (this.idling = appended(this.idling, [resolve])))
      : Promise.resolve();
  }

  runsBelow(path: string): boolean {
    for (const { info } of this.attempts) if (isBelow(info.path, path)) return true;
    return this.settling.some((one) => isBelow(one, path));
  }

  /** Where the run can go on. */
  survey(): Survey {
    return survey(this.workflow.definition, this.state, {
      now: this.deps.clock.now(),
      running: this.runningPrefixes(),
      waitsUntil: (path, { visit, seen }) => this.book.waitsUntil(path, visit, seen),
    });
  }

  /** The prefixes of all arms and items in which an attempt runs. */
  private runningPrefixes(): ReadonlySet<string> {
    if (this.attempts.size === 0) return NONE;
    const prefixes = new Set<string>();
    for (const { info } of this.attempts) {
      const { path } = info;
      for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
        prefixes.add(path.slice(0, at + 1));
        if (at === 0) break;
      }
    }
    return prefixes;
  }

  giveUpAll(reason: Error, which: (attempt: RunningAttempt) => boolean = () => true): void {
    for (const attempt of this.attempts) {
      if (!which(attempt)) continue;
      attempt.giveUp(reason);
      this.attempts.delete(attempt.info.path);
      if (!this.over) this.write(this.make.log(attempt.info, attempt.scope?.logged ?? null, false));
    }
  }

  /** Reads what is not at hand; tries until the database answers. */
  async load(seqs: readonly number[]): Promise<void> {
    await this.retryUntilAnswered(async () => this.values.load(seqs));
  }

  /** Does something that only reads, or that may be done twice, until the database has answered. */
  retryUntilAnswered<T>(work: () => Promise<T>): Promise<T> {
    return retryUntilAnswered(work, () => this.over);
  }

  /** Null: somebody has the run's row locked at the moment. */
  async takeWaits(): Promise<readonly TakenWait[] | null> {
    const { deps, runId } = this;
    const taken = await this.retryUntilAnswered(() => deps.store.takeWaits(deps.worker(), [runId]));
    return taken.get(runId) ?? null;
  }

  /** Takes in what steps on other queues have recorded. True: one came back, with waits that were not read yet. */
  async takeRemoteStep(): Promise<boolean> {
    const away = remoteSteps(this.state);
    if (away.length === 0) return false;
    const ranges = away.map(({ nextSeq }) => ({
      rowId: this.row.rowId,
      runId: this.runId,
      after: nextSeq - 1,
      upTo: nextSeq + REMOTE_SPAN - 1,
      also: [],
    }));
    const records = await this.retryUntilAnswered(() => this.deps.store.loadRecords(ranges));
    for (const record of records) {
      if (this.over || !remoteSteps(this.state).some((one) => isInSpan(record.seq, one.nextSeq))) continue;
      if (record.output !== null) this.values.set(record.seq, record.output);
      if (record.error !== null) this.values.setError(record.seq, record.error);
      machine.applyRecord(this.workflow.definition, this.state, record);
      this.outbox.builtOn(record.seq);
      this.hasFailed = true;
    }
    return records.some((record) => record.type === 'remote_back');
  }

  /** Waits at which nothing will come by again are closed: they take no events, and are not listed. */
  closeUnasked(): void {
    if (!this.hasFailed || this.book.isEmpty) return;
    this.hasFailed = false;
    // The end of the run, or its rollback, closes all.
    if (machine.failedBy(this.state) !== null) return;
    const gone = this.book.all().filter((wait) => !isAskedFor(this.workflow.definition, this.state, wait));
    if (gone.length === 0) return;
    this.book.remove(gone.map((wait) => wait.id));
    this.outbox.add({ closes: gone.map(({ id, path }) => ({ id, path })) });
  }

  isClosing(path: string): boolean {
    return this.closing?.has(path) === true;
  }

  /**
   * The child of a call that timed out goes with the wait. The step does not go on before that is done: it would close
   * the wait, and nobody would know of the child after a crash.
   */
  cancelTimedOut(taken: readonly TakenWait[], done: () => void): void {
    for (const { kind, state, childId, child, path } of taken) {
      if (kind !== 'child' || state !== 'timed_out' || childId === null || child?.status !== 'active') continue;
      const cancelled = (this.cancelledChildren ??= new Set());
      if (cancelled.has(childId)) continue;
      cancelled.add(childId);
      const closing = (this.closing ??= new Map());
      closing.set(path, (closing.get(path) ?? 0) + 1);
      this.retryUntilAnswered(() => this.deps.store.cancelRun(childId, `The call of run ${this.runId} timed out`))
        .then((tree) => this.deps.onCancelled(tree))
        .catch((error: unknown) => this.deps.onTrouble(`Child ${childId} was not cancelled: ${textOf(error)}`))
        .finally(() => {
          const left = (closing.get(path) ?? 1) - 1;
          if (left > 0) closing.set(path, left);
          else closing.delete(path);
          if (!this.over) done();
        });
    }
  }

  recordedOnce(once: Readonly<Record<string, number>>, name: string): string | undefined {
    const key = encodeName(name);
    const seq = Object.hasOwn(once, key) ? once[key] : undefined;
    return seq === undefined ? undefined : this.values.get(seq);
  }

  /** Commits a note of the engine; rejects when the lease is lost. */
  async note(
    step: string,
    records: readonly NewRecord[],
    children: readonly PreparedChild[],
    host: { proceed(): void },
  ) {
    for (const record of records) this.take(record);
    this.outbox.add({ records, children });
    const done = this.outbox.committed();
    host.proceed();
    if (!(await done)) throw new AttemptClosedError(step);
  }
}

function isBelow(path: string, above: string): boolean {
  return path.length > above.length && path.startsWith(above) && '.['.includes(path[above.length] ?? ' ');
}

function isInSpan(seq: number, nextSeq: number): boolean {
  return seq >= nextSeq && seq < nextSeq + REMOTE_SPAN;
}
