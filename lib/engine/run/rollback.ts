import type { Departure } from './departure.js';
import { decode, encode } from '../../core/codec/codec.js';
import { compensationPath } from '../../core/definition/definition-path.js';
import { type DurableError, DefinitionChangedError, WorkerCrashedError } from '../../core/errors/errors.js';
import { mainData } from '../../core/run/machine.js';
import { oncePath } from '../../core/run/once-path.js';
import { type CompensationState, seqOf } from '../../core/run/run-state.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { hasLostSteps, type UndoEntry, undoList } from '../../core/run/undo-list.js';
import { type AttemptEnd, type AttemptSpec, failedAttempt, storedErrorOf } from '../step/attempt.js';
import { runAttempt } from '../step/attempt-pass.js';
import { tellAttempt } from './observed.js';
import { mayUndo } from '../ports/registry.js';
import type { SettledAttempt } from '../journal/record-maker.js';
import { RunningAttempt } from './running-attempt.js';
import type { InFlight } from '../../core/run/execution.js';
import type { SessionCore } from './session-core.js';
import { StepLog } from '../step/log.js';
import { StepScope } from '../step/scope.js';
import { beginAttempt } from './traces.js';
import type { NewRecord, RunOp } from '../ports/store.js';
import { runTransactional } from './transactional.js';

/** An attempt to undo that has come to its end; `committed`: what of it is in the journal already. */
interface Settled {
  readonly result: SettledAttempt;
  readonly committed: RunOp | null;
}

export type RollbackEnd =
  | {
      readonly kind: 'ended';
      readonly how: 'nothing' | 'everything' | 'not everything';
      readonly cause: StoredError;
      readonly outcome: 'failed' | 'cancelled';
    }
  /** A backoff, a pause or a hand-back: it goes on later where it was. */
  | { readonly kind: 'suspended'; readonly delayMs: number }
  | { readonly kind: 'paused'; readonly error: DurableError };

/**
 * Undoes a round: cancels the run's children, then calls the compensations of the steps that completed (or, with
 * `compensateWhen: 'started'`, began), the last one first, one at a time. What is to be undone is read from the
 * journal, and what was undone is recorded there, so a crash in the middle goes on where it was.
 */
export class Rollback {
  constructor(
    private readonly core: SessionCore,
    private readonly host: { proceed(): void },
    /** Whether it is to stop before the next compensation. */
    private readonly departure: Pick<Departure, 'isStopping'>,
    /** Error that caused it; null: the record that began it has it. */
    private cause: StoredError | null,
    private outcome: 'failed' | 'cancelled',
  ) {}

  /** Null: the lease is lost. */
  async run(): Promise<RollbackEnd | null> {
    const { core } = this;
    const cause = await this.begin();
    if (core.state.rollback === null && core.state.hasRemoteStep) {
      // From here on, steps on other queues start no child and register no wait.
      core.outbox.dropSteps();
      if (!(await this.commit([]))) return null;
    }
    if (core.state.hasChildren || core.state.hasRemoteStep) await this.cancelChildren(cause);
    let entries = await this.entries();
    if ('kind' in entries) return entries;
    if (core.state.rollback === null) {
      if (entries.length === 0) return { kind: 'ended', how: 'nothing', cause, outcome: this.outcome };
      const place = { path: '', visit: 1, attempt: 1, data: mainData(core.state) };
      const facts = { outcome: this.outcome };
      const record = core.make.record(place, 'rollback', { status: 'failed', error: encode(cause), facts });
      core.outbox.compensating(true);
      core.outbox.closeAll();
      if (!(await this.commit([record]))) return null;
      core.book.clear();
      // A step on another queue may have been recorded until its row went with this commit.
      if (core.state.hasRemoteStep) entries = await this.entries();
      if ('kind' in entries) return entries;
    }
    for (const entry of entries) {
      const end = await this.undo(entry, cause);
      if (end !== 'done') return end;
    }
    const how = core.state.rollback?.broken === true ? 'not everything' : 'everything';
    return { kind: 'ended', how, cause, outcome: this.outcome };
  }

  private async begin(): Promise<StoredError> {
    const { rollback } = this.core.state;
    if (rollback === null) {
      if (this.cause === null) throw new Error('A rollback without a cause');
      return this.cause;
    }
    await this.core.load([rollback.by]);
    this.outcome = rollback.outcome;
    this.cause = storedErrorOf(this.core.values.error(rollback.by));
    return this.cause;
  }

  private async cancelChildren(cause: StoredError): Promise<void> {
    const { core } = this;
    const reason = `The parent run was ${this.outcome}: ${cause.message}`.slice(0, 1_000);
    const tree = await core.retryUntilAnswered(() => core.deps.store.cancelChildren(core.runId, reason));
    core.deps.onCancelled(tree);
  }

  /** The compensations left to run, the last completed step first. */
  private async entries(): Promise<UndoEntry[] | (RollbackEnd & { kind: 'paused' })> {
    const { core } = this;
    const { definition } = core.workflow;
    if (!mayUndo(core.workflow)) return [];
    const { store } = core.deps;
    const records = await core.retryUntilAnswered(() => store.loadUndo(core.runId, core.state.round));
    const stored = hasLostSteps(definition, records)
      ? await core.retryUntilAnswered(() => store.undoingDefinitions(definition.name))
      : [];
    const entries = undoList(definition, records, stored);
    return entries instanceof DefinitionChangedError ? { kind: 'paused', error: entries } : entries;
  }

  private async undo(entry: UndoEntry, cause: StoredError): Promise<'done' | RollbackEnd | null> {
    const { core } = this;
    for (;;) {
      if (core.over) return null;
      const state = this.stateOf(entry);
      const wait = state.retryAt === null ? 0 : Math.max(0, Math.ceil(state.retryAt - core.deps.clock.now()));
      if (this.departure.isStopping || wait > 0) return { kind: 'suspended', delayMs: wait };
      await core.load([seqOf(entry.data), mainData(core.state), ...Object.values(state.once)].filter((seq) => seq > 0));
      const end = await this.attempt(entry, state, cause);
      // Handed back: it is made again elsewhere.
      if (end === null) return core.over ? null : { kind: 'suspended', delayMs: 0 };
      const { result, committed } = end;
      if (committed !== null) {
        core.takeCommitted(committed);
        return 'done';
      }
      const record = this.record(entry, state, result);
      if (!(await this.commit([record]))) return null;
      if (record.retryInMs === null) return 'done';
    }
  }

  private stateOf({ path, visit, compensation }: UndoEntry): CompensationState {
    const at = compensationPath(path, compensation.name);
    const current = this.core.state.rollback?.current ?? null;
    if (current !== null && current.path === at && current.visit === visit) return current;
    return { path: at, visit, attempt: 1, retryAt: null, once: {} };
  }

  private async attempt(entry: UndoEntry, state: CompensationState, cause: StoredError): Promise<Settled | null> {
    const { core } = this;
    const { recoveries } = core.row;
    const spec = this.specOf(entry, cause);
    if (recoveries > core.workflow.definition.maxRecoveries && !this.crashCounted) {
      this.crashCounted = true;
      const result = failedAttempt(core.workflow, spec, state.attempt, new WorkerCrashedError(recoveries), 0);
      return { result, committed: null };
    }
    const info = {
      runId: core.runId,
      step: entry.compensation.name,
      path: state.path,
      type: 'compensate',
      round: core.state.round,
      visit: state.visit,
      attempt: state.attempt,
      input: entry.data,
      startedAt: core.deps.clock.now(),
    };
    const attempt = new RunningAttempt(info, { open: (_, manager) => this.scope(entry, state, info, manager) });
    core.attempts.add(attempt);
    tellAttempt(core.deps, core.row, info);
    const { result, committed } = await this.make(entry, state, spec, attempt);
    if (core.attempts.get(state.path) !== attempt) return null;
    core.attempts.delete(state.path);
    return result.status === 'suspended' ? null : { result, committed };
  }

  private async make(
    entry: UndoEntry,
    state: CompensationState,
    spec: AttemptSpec,
    attempt: RunningAttempt,
  ): Promise<AttemptEnd> {
    const { deps, workflow, row, runId, outbox } = this.core;
    if (entry.compensation.transactional) {
      return runTransactional(deps, workflow, spec, attempt, (result) => {
        const records = [this.record(entry, state, result)];
        const { after, afterWait } = outbox;
        return { rowId: row.rowId, runId, token: row.token, after, afterWait, records, outcome: null, extras: null };
      });
    }
    const result = await runAttempt(workflow, spec, attempt.open(null), attempt, deps.clock);
    return { result, committed: null };
  }

  private record(entry: UndoEntry, state: CompensationState, result: SettledAttempt): NewRecord {
    return this.core.make.attempt({ ...state, data: entry.data }, 'compensate', result);
  }

  private crashCounted = false;

  private specOf(entry: UndoEntry, cause: StoredError): AttemptSpec {
    const { core } = this;
    const { compensation, step, outcome } = entry;
    return {
      name: compensation.name,
      member: compensation.member,
      timeout: compensation.timeout,
      retry: compensation.retry,
      args: () => [
        decode(core.values.get(entry.data)),
        { step, outcome, error: cause, current: decode(core.values.get(mainData(core.state))) },
      ],
      settle: () => ({ output: null, facts: null }),
    };
  }

  private scope(entry: UndoEntry, state: CompensationState, info: InFlight, manager: unknown): StepScope {
    const { core } = this;
    const place = { ...state, data: entry.data };
    const refuse = (): never => {
      throw new Error('A compensation starts no children');
    };
    return new StepScope(
      {
        context: core.deps.context,
        maxPayloadBytes: core.deps.maxPayloadBytes,
        runId: core.runId,
        input: core.row.input,
        scheduledTime: core.row.scheduledTime,
        recordedOnce: (name) => core.recordedOnce(state.once, name),
        recordOnce: (name, value) => {
          const record = core.make.record({ ...place, path: oncePath(state.path, name) }, 'once', { output: value });
          return core.note(entry.compensation.name, [record], [], this.host);
        },
        nameOf: (workflow) => core.deps.targets.nameOf(workflow),
        prepareChild: refuse,
        startedChild: refuse,
        startChild: refuse,
        results: () => null,
        newLog: () => (core.deps.logs === null ? null : new StepLog(core.deps.logs, core.deps.clock, null)),
      },
      {
        step: entry.compensation.name,
        attempt: state.attempt,
        data: core.values.get(entry.data),
        manager,
        waits: null,
        trace: beginAttempt(core.trace, info),
      },
    );
  }

  private async commit(records: Parameters<SessionCore['write']>[0]): Promise<boolean> {
    this.core.write(records);
    const done = this.core.outbox.committed();
    this.host.proceed();
    return done;
  }
}
