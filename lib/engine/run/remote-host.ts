import { encodeName } from '../../core/definition/definition-path.js';
import type { InFlight } from '../../core/run/execution.js';
import { oncePath } from '../../core/run/once-path.js';
import { type ChildRef, define, type LogMark, own } from '../../core/run/run-state.js';
import { type RecordMaker, tooManyRecords } from '../journal/record-maker.js';
import type { BootContext } from '../ports/boot-context.js';
import type { PreparedChild } from '../ports/children.js';
import type { ClaimedRow, JournalRecord, NewRecord, OpExtras, RemoteStep } from '../ports/store.js';
import type { SegmentTrace } from '../ports/telemetry.js';
import { childExtras, prepareChild } from '../step/child-start.js';
import { settledResults } from '../step/fan-results.js';
import { StepLog } from '../step/log.js';
import type { RunValues } from '../step/run-values.js';
import { type FanResults, type ScopeHost, StepScope } from '../step/scope.js';
import { WaitBook } from '../step/wait-book.js';
import type { RunningAttempt } from './running-attempt.js';
import type { SessionDeps } from './session.js';
import { beginAttempt } from './traces.js';

/** What an attempt needs of the session that makes it. */
interface Links {
  readonly make: RecordMaker;
  readonly trace: SegmentTrace | null;
  /** Commits notes of the engine; rejects when the lease is lost. */
  commit(records: NewRecord[], outcome: null, extras: OpExtras | null): Promise<void>;
}

/** The session of a remote step, as its attempt uses it, with what the step has recorded so far. */
export class RemoteHost implements ScopeHost {
  /** Waits of the step. */
  book = new WaitBook();
  /** Children that the open transaction of the step will start; null: it has none. */
  children: PreparedChild[] | null = null;
  /**
   * The step is over: a transactional one, whose transaction was committed with its record by a worker that lost the lease before
   * the row was gone.
   */
  isRecorded = false;
  /** The intent to run it is recorded (`compensateWhen: 'started'`). */
  intended: boolean;
  readonly once: Record<string, number>;
  readonly calls: Record<string, ChildRef>;
  readonly refs: Record<string, ChildRef>;
  private logged: LogMark | null;

  constructor(
    private readonly deps: SessionDeps,
    private readonly row: ClaimedRow,
    private readonly step: RemoteStep,
    private readonly values: RunValues,
    private readonly links: Links,
  ) {
    this.intended = step.intent;
    this.once = { ...step.once };
    this.calls = { ...step.calls };
    this.refs = { ...step.refs };
    this.logged = step.logged ?? null;
  }

  /** Takes in what was recorded by an attempt that died with its worker. */
  restore(records: readonly JournalRecord[]): void {
    this.isRecorded = records.some((record) => this.isEnd(record));
    const { make } = this.links;
    const prefix = oncePath(this.step.path, '');
    for (const { seq, path, type, facts } of records) {
      const isIntent = type === 'intent' && path === this.step.path;
      if (seq < this.step.nextSeq || (!isIntent && !path.startsWith(prefix))) continue;
      if (isIntent) this.intended = true;
      if (type === 'once') define(this.once, path.slice(prefix.length), seq);
      if (type === 'log') this.logged = facts?.logged ?? null;
      if (type === 'child' && facts?.child !== undefined) this.noteChild(facts.child, facts.child);
      make.last = Math.max(make.last, seq);
    }
  }

  private isEnd({ type, status, path, round, visit, attempt }: JournalRecord): boolean {
    const { step } = this;
    const isOwn = path === step.path && round === step.round && visit === step.visit && attempt === step.attempt;
    return isOwn && status === 'completed' && (type === 'step' || type === 'decision');
  }

  open(attempt: RunningAttempt, manager: unknown): StepScope {
    const { deps, book } = this;
    const { info } = attempt;
    // A transaction that was lost is retried.
    if (manager !== null) this.children = [];
    return new StepScope(this, {
      step: info.step,
      attempt: info.attempt,
      data: this.values.get(this.step.data),
      manager,
      waits: book.pass(info, deps.clock, deps.maxPayloadBytes, this.step.threw),
      trace: this.traceOf(info),
    });
  }

  get context(): BootContext {
    return this.deps.context;
  }

  get maxPayloadBytes(): number {
    return this.deps.maxPayloadBytes;
  }

  get runId(): string {
    return this.row.runId;
  }

  get input(): string {
    return this.row.input;
  }

  get scheduledTime(): number | null {
    return this.row.scheduledTime;
  }

  recordedOnce(name: string): string | undefined {
    const seq = own(this.once, encodeName(name));
    return seq === undefined ? undefined : this.values.get(seq);
  }

  async recordOnce(name: string, value: string): Promise<void> {
    this.checkRoom();
    const place = { ...this.step, path: oncePath(this.step.path, name) };
    const record = this.links.make.record(place, 'once', { output: value });
    await this.links.commit([record], null, null);
    define(this.once, encodeName(name), record.seq);
    this.values.set(record.seq, value);
  }

  nameOf(workflow: unknown): string {
    return this.deps.targets.nameOf(workflow);
  }

  async prepareChild(...asked: Parameters<ScopeHost['prepareChild']>): Promise<PreparedChild> {
    this.checkRoom();
    return prepareChild(this.deps, this.row, ...asked);
  }

  startedChild(call: string, ref: string | null): ChildRef | undefined {
    return ref === null ? own(this.calls, call) : own(this.refs, ref);
  }

  async startChild(child: PreparedChild): Promise<void> {
    if (this.children !== null) return void this.children.push(child);
    await this.links.commit([this.links.make.child(this.step, child)], null, childExtras([child]));
    const { id, workflow } = child.start;
    this.noteChild(child.ref === null ? child : { ref: child.ref }, { id, workflow, input: child.input });
  }

  /** @throws Error where the records of the step would run into those of its run */
  private checkRoom(): void {
    if (this.links.make.isFull) throw tooManyRecords(this.step.path);
  }

  results(): FanResults | null {
    const { results } = this.step;
    return results === null ? null : settledResults(results, this.values);
  }

  newLog(): StepLog | null {
    const { logs, clock } = this.deps;
    return logs === null ? null : new StepLog(logs, clock, this.logged);
  }

  private traceOf(info: InFlight) {
    return beginAttempt(this.links.trace, info, this.book.senders(info.path, info.visit));
  }

  private noteChild(by: { readonly ref: string } | { readonly call: string }, { id, workflow, input }: ChildRef): void {
    if ('ref' in by) define(this.refs, by.ref, { id, workflow, input });
    else define(this.calls, by.call, { id, workflow, input });
  }
}
