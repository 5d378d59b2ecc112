import { encodeName } from '../../core/definition/definition-path.js';
import { AttemptClosedError } from '../../core/errors/errors.js';
import * as machine from '../../core/run/machine.js';
import type { Frame } from '../../core/run/cursor.js';
import { stepsIn } from '../../core/run/lost-steps.js';
import { pathOfOnce } from '../../core/run/once-path.js';
import { OpenLoops } from '../../core/run/open-items.js';
import { awaySteps, type RunState, type StepState } from '../../core/run/run-state.js';
import { type Look, lookAgain, type Running, survey, type Survey, type Surroundings } from '../../core/run/survey.js';
import { isAskedFor } from '../step/asked-waits.js';
import type { PreparedChild } from '../ports/children.js';
import { Attempts } from './attempts.js';
import { CalledChildren } from './called-children.js';
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

const NONE: Running = new Map();

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
  /** The run's input is being checked: nothing of it has begun. */
  isChecking = false;
  /** Something of the run was committed before this lease. */
  readonly isBegun: boolean;
  /** Paths of steps of whose waits it is to be seen whether anybody still asks for them; null: of all. */
  private suspects: Set<string> | null = null;
  /** There may be steps on other queues at places that the run does not come back to. */
  mayHaveLost = true;
  /** What is known of the items of its loops. */
  private readonly loops = new OpenLoops();
  /** Paths of steps on other queues that are at no place any more and have not settled. */
  settling: readonly string[] = NOTHING;
  /** Numbers of records that are not known to be committed, in order. */
  private pending: readonly number[] = NOTHING;
  readonly calls: CalledChildren;
  /** Calls of arms that were given up are being ended: the run does not leave before that. */
  endsCalls = false;
  private idling: readonly (() => void)[] = NOTHING;

  constructor(
    readonly deps: SessionDeps,
    readonly workflow: RegisteredWorkflow,
    readonly row: ClaimedRow,
    restored: RestoredRun,
    readonly book: WaitBook,
  ) {
    this.isBegun = row.snapshot !== null || restored.seq > 0;
    this.state = restored.state;
    this.values = restored.values;
    this.make = new RecordMaker(restored.seq, this, deps.clock);
    this.trace = beginSegment(deps.telemetry, row, this.state);
    this.outbox = new Outbox(deps, row, row.parentId !== null, book);
    this.calls = new CalledChildren(this);
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
    this.apply({
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
    if (!committed) this.pending = appended(this.pending, [record.seq]);
  }

  private apply(record: machine.MachineRecord): void {
    const { workflow, state } = this;
    const failed = machine.applyRecord(workflow.definition, state, record);
    this.changed(pathOfOnce(record.path));
    if (failed !== null) this.lose(failed);
  }

  /** The run does not come back to what is in a sequence that has failed. */
  private lose(failed: Frame): void {
    for (const { path, step } of stepsIn(failed)) {
      this.suspects?.add(path);
      if (step.remote !== null) this.mayHaveLost = true;
    }
  }

  /** Something has changed at a place. */
  changed(path: string): void {
    this.loops.changed(this.workflow.definition, this.state, path);
  }

  /** Takes in what a transaction of an attempt's own has committed. */
  takeCommitted({ records, after }: RunOp): void {
    for (const record of records) this.take(record, true);
    this.outbox.builtOn([records.at(-1)?.seq ?? 0], after);
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

  /** Where the run can go on. Costs what has changed since the last look. */
  look(): Look {
    for (const path of this.book.takeChanges()) this.changed(path);
    return lookAgain(this.workflow.definition, this.state, this.surroundings, this.loops);
  }

  /** The same, with all places that wait. */
  survey(): Survey {
    return survey(this.workflow.definition, this.state, this.surroundings);
  }

  private get surroundings(): Surroundings {
    return {
      now: this.deps.clock.now(),
      running: this.running(),
      waitsUntil: (path, { visit, seen }) => this.book.waitsUntil(path, visit, seen),
    };
  }

  /** The arms and items in which an attempt runs. */
  private running(): Running {
    if (this.attempts.size === 0) return NONE;
    const running = new Map<string, Set<string>>();
    for (const { info } of this.attempts) {
      const { path } = info;
      for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
        // Of the last segment the name of the node, and behind it the arm or index.
        const from = path.lastIndexOf('/', end - 1) + 1;
        const bracket = path.indexOf('[', from);
        const isItem = bracket > 0 && bracket < end;
        const at = isItem ? bracket : path.indexOf('.', from);
        const node = path.slice(0, at);
        const keys = running.get(node) ?? new Set();
        running.set(node, keys.add(path.slice(at + 1, isItem ? end - 1 : end)));
      }
    }
    return running;
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
    const ranges = this.away().map(({ from }) => ({
      rowId: this.row.rowId,
      runId: this.runId,
      after: from - 1,
      upTo: from + REMOTE_SPAN - 1,
      also: [],
    }));
    if (ranges.length === 0) return false;
    const records = await this.retryUntilAnswered(() => this.deps.store.loadRecords(ranges));
    if (this.over) return false;
    const away = this.away();
    const taken: number[] = [];
    // They come in the order of their numbers.
    let at = 0;
    for (const record of records) {
      while (record.seq >= (away[at]?.from ?? Infinity) + REMOTE_SPAN) at++;
      const { step, from = Infinity } = away[at] ?? {};
      if (record.seq < from || step?.remote?.nextSeq !== from) continue;
      if (record.output !== null) this.values.set(record.seq, record.output);
      if (record.error !== null) this.values.setError(record.seq, record.error);
      this.apply(record);
      this.suspect([pathOfOnce(record.path)]);
      taken.push(record.seq);
    }
    this.outbox.builtOn(taken);
    return records.some((record) => record.type === 'remote_back');
  }

  /** Steps on other queues, by the first numbers of their records. */
  private away(): { readonly step: StepState; readonly from: number }[] {
    const away = awaySteps(this.state).map((step) => ({ step, from: step.remote.nextSeq }));
    return away.sort((one, other) => one.from - other.from);
  }

  /** It is to be seen whether anybody still asks for the waits of steps at these paths. */
  suspect(paths: Iterable<string>): void {
    for (const path of paths) this.suspects?.add(path);
  }

  /** Waits at which nothing will come by again are closed: they take no events, and are not listed. `done`: there is more to close. */
  closeUnasked(done: () => void): void {
    this.endsCalls = false;
    if (this.suspects?.size === 0 || this.book.isEmpty) return;
    const { book, suspects } = this;
    this.suspects = new Set();
    // The end of the run, or its rollback, closes all, and cancels its children.
    if (machine.failedBy(this.state) !== null) return;
    const waits = suspects === null ? book.all() : book.at(suspects);
    const gone = waits.filter((wait) => !isAskedFor(this.workflow.definition, this.state, wait));
    if (gone.length === 0) return;
    const calls = new Set(gone.filter((wait) => this.calls.isOpen(wait)));
    // Their children first: once its wait is closed, nobody would know of a child after a crash.
    for (const wait of calls) if (book.isKnown(wait.id)) this.calls.cancelGivenUp(wait, done);
    this.suspect([...calls].map(({ path }) => path));
    this.endsCalls = calls.size > 0;
    const closes = gone.filter((wait) => !calls.has(wait));
    book.remove(closes);
    if (closes.length > 0) this.outbox.add({ closes: closes.map(({ id, path }) => ({ id, path })) });
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
