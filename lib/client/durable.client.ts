import { ExecutionNotFoundError, WorkflowNotFoundError } from '../core/errors/errors.js';
import { checkText, NAME, refused, UUID } from '../core/limits.js';
import { listOf, readOptions } from '../core/option-reader.js';
import type { PendingEvent, PendingEventFilters, PendingInput } from '../core/input/pending.js';
import type { Standing } from '../core/standing/standing.js';
import type { InputOf, ResultOf, WorkflowRef } from '../core/durable-workflow.js';
import { cleanup, type CleanupOptions, readCleanup } from '../options/cleanup.js';
import { tellSwitched } from './event-sources.js';
import { type HandleClient, WorkflowHandle } from './handle.js';
import type { ClientHost, ClientRuntime } from '../lifecycle/host.js';
import type { InstanceStorage } from '../lifecycle/storage.js';
import { type BulkOptions, type CancelManyOptions, type ReadBulk, readBulk, readCancelMany } from '../options/bulk.js';
import { actOnMany, type BulkAct, type BulkResult } from './bulk.js';
import type { RunListFilters } from '../core/run/execution.js';
import {
  readBulkFilters,
  readChildFilters,
  readEventPage,
  readFilters,
  readListFilters,
  readStepPage,
} from '../options/lists.js';
import { RunResults } from './results.js';
import type { CreateScheduleOptions, ScheduleChanges, ScheduleFilters } from '../options/schedules.js';
import { DurableSchedules } from './schedules.js';
import type { SharedStartOptions, StartManyItem, StartOptions } from '../options/start.js';
import { StartsClient, takeStart, takeStarts } from './starts.js';
import type {
  Execution,
  ExecutionCounts,
  ExecutionFilters,
  ExecutionListFilters,
  GetExecutionOptions,
  GetStepsOptions,
  LogEntry,
  PendingInputListFilters,
  RestartPoint,
  SentEvent,
  EventFilters,
  StepRecord,
  StoredSchedule,
  WorkflowSummary,
  WorkflowVersion,
} from './filters.js';
import {
  type CancelOptions,
  type CancelWaitOptions,
  readCancel,
  readCancelWait,
  readPendingEvents,
  readPendingInputs,
  type SendEventOptions,
} from '../options/waits.js';
import { takeAnswer, takeEvent, WaitsClient } from './waits.js';
import { whileReachable } from './while-reachable.js';
import { withWorkflowName, workflowName } from '../workflows/find-workflow.js';

interface Parts extends ClientRuntime, Pick<InstanceStorage, 'control' | 'reads'> {
  readonly starts: StartsClient;
  readonly waits: WaitsClient;
}

/**
 * Starts runs, waits for them, looks at them and tells them what to do. Injectable; every method waits for the module
 * to have booted, and rejects with `DatabaseUnavailableError` after it was shut down. An id that is no UUID is an
 * `InvalidInputError`; one that no run has is an `ExecutionNotFoundError`, or null where one thing is read.
 */
export class DurableClient {
  /** The methods that handles call. */
  private readonly actions: HandleClient;
  private readonly schedules: DurableSchedules;
  private parts: Parts | null = null;

  /** @internal The module makes it. */
  constructor(private readonly host: ClientHost) {
    const results = new RunResults(host, async () => (await this.ready()).control);
    this.schedules = new DurableSchedules(() => this.ready(), host.options.maxPayloadBytes);
    this.actions = {
      waitFor: (id, timeout) => results.result(id, timeout),
      getExecution: (id, options) => this.getExecution(id, options),
      getSteps: (id, options) => this.getSteps(id, options),
      explain: (id) => this.explain(id),
      listEvents: (id, options) => this.listEvents(id, options),
      retryNow: (id) => this.retryNow(id),
      restartPoints: (id) => this.restartPoints(id),
      getLogs: (id, step) => this.getLogs(id, step),
      listChildren: (id, filters) => this.listChildren(id, filters),
      cancelWait: (id, options) => this.cancelWait(id, options),
      retry: (id) => this.retry(id),
      restartFrom: (id, step) => this.restartFrom(id, step),
      sendEvent: (id, name, payload, options) => this.sendEvent(id, name, payload, options),
      provideInput: (id, name, data) => this.provideInput(id, name, data),
      cancel: (id, reason, options) => this.cancel(id, reason, options),
      pause: (id) => this.pause(id),
      resume: (id) => this.resume(id),
    };
  }

  /**
   * Starts a run of the workflow, given as class or name, and returns once it is stored.
   *
   * @param input an object; `@Workflow({ input })` says what else it must be
   * @throws InvalidInputError, SerializationError, WorkflowNotFoundError, DatabaseUnavailableError
   * @throws ExecutionExistsError with `id`, IdempotencyConflictError with `idempotencyKey`
   * @throws ConfigurationError with a `manager` of another database or outside a transaction, TransactionFailedError where
   * its transaction is to be begun anew
   * @example
   * ```ts
   * const order = { id: 'A-17', total: 40 };
   * const handle = await client.start(OrderWorkflow, order, { idempotencyKey: order.id });
   * const { chargeId } = await handle.result({ timeout: minutes(5) });
   * ```
   */
  async start<W extends WorkflowRef>(
    workflow: W,
    input: InputOf<W>,
    options: StartOptions = {},
  ): Promise<WorkflowHandle<ResultOf<W>>> {
    const taken = takeStart(input, options, this.host.options.maxPayloadBytes);
    const { starts } = await this.ready();
    return this.handle(await starts.start(workflow, taken));
  }

  /**
   * Starts many runs of a workflow: all of them or none, in one transaction. `shared` holds for all items that don't
   * say otherwise.
   *
   * @returns their handles, in order; an item whose `idempotencyKey` was used before gives the run it belongs to
   * @throws as `start()`
   */
  async startMany<W extends WorkflowRef>(
    workflow: W,
    items: readonly StartManyItem<InputOf<W>>[],
    shared: SharedStartOptions = {},
  ): Promise<WorkflowHandle<ResultOf<W>>[]> {
    const taken = takeStarts(items, shared, this.host.options.maxPayloadBytes);
    const { starts } = await this.ready();
    return (await starts.startMany(workflow, taken)).map((id) => this.handle(id));
  }

  /** The handle of a run, whether or not there is one of that id. @throws InvalidInputError */
  handle<R = unknown>(id: string): WorkflowHandle<R> {
    return new WorkflowHandle<R>(checkId(id), this.actions);
  }

  /** A run with its input and data; null: there is none of that id. */
  async getExecution(id: string, options: GetExecutionOptions = {}): Promise<Execution | null> {
    const run = checkId(id);
    const { includeSteps, includeLogs } = readOptions('The options of getExecution()', options, (read) => ({
      includeSteps: read.boolean('includeSteps', false),
      includeLogs: read.boolean('includeLogs', false),
    }));
    const { reads } = await this.ready();
    const execution = await reads.getExecution(run);
    if (execution === null || !(includeSteps || includeLogs)) return execution;
    const steps = (await reads.getSteps(run)) ?? [];
    if (!includeLogs) return { ...execution, steps };
    const logs = await reads.getLogs(run);
    return { ...execution, steps: steps.map((step) => ({ ...step, logs: logs?.of(step) ?? [] })) };
  }

  /**
   * The log lines of a run's steps, or of those of one name, in order: all that went to Nest's `Logger` and to `console`
   * while their code ran (option `logs`). Lines are there once their attempt has ended, waits, or was handed back.
   * @throws ExecutionNotFoundError
   */
  async getLogs(id: string, step?: string): Promise<LogEntry[]> {
    const run = checkId(id);
    if (step !== undefined) checkText('getLogs()', 'step', step, NAME);
    const logs = await (await this.ready()).reads.getLogs(run);
    if (logs === null) throw new ExecutionNotFoundError(run);
    return logs.all(step);
  }

  /**
   * The attempts of a run's steps in the order in which they ended, then those that run now, which other processes
   * publish with a delay of up to one heartbeat. All of them with their data, or as `options` say.
   * @throws ExecutionNotFoundError
   */
  async getSteps(id: string, options: GetStepsOptions = {}): Promise<StepRecord[]> {
    const run = checkId(id);
    const page = readStepPage(options);
    const steps = await (await this.ready()).reads.getSteps(run, page);
    if (steps === null) throw new ExecutionNotFoundError(run);
    return steps;
  }

  /**
   * Runs that fit, newest first, 50 unless `limit` says otherwise. `input` and `data` are left `undefined`, but with
   * `includeData`. The next page is that `before` the last run of this one.
   * @throws ExecutionNotFoundError when there is no run that `before` or `after` names
   */
  async listExecutions(filters: ExecutionListFilters = {}): Promise<Execution[]> {
    const read = readListFilters(filters);
    const parts = await this.ready();
    return parts.reads.listExecutions(withWorkflowName(parts, read));
  }

  /**
   * Explains in a sentence and as data where a run stands: why it stands still, how it ended, or what comes next. Null: no
   * run has that id.
   */
  async explain(id: string): Promise<Standing | null> {
    const run = checkId(id);
    return (await this.ready()).storage.standing.explain(run);
  }

  /** Counts the runs that fit. */
  async countExecutions(filters: ExecutionFilters = {}): Promise<number> {
    const read = readFilters(filters);
    const parts = await this.ready();
    return parts.reads.countExecutions(withWorkflowName(parts, read));
  }

  /**
   * Counts the runs in each status, with a number for every status. Of more than 100 000 runs those that have ended are counted
   * once a minute.
   */
  async executionCounts(): Promise<ExecutionCounts> {
    return (await this.ready()).reads.executionCounts();
  }

  /**
   * Ends a run and all that it has started, directly or not, as cancelled: the signals of running steps are aborted, what
   * they return is not recorded, nothing further runs, waits are closed, a parent that waits for it is told. With
   * `compensate` they are told to undo what they did, and end as `compensated` when that is done.
   * @returns false when it had ended before, or was being undone
   * @throws ExecutionNotFoundError
   */
  async cancel(id: string, reason?: string, options: CancelOptions = {}): Promise<boolean> {
    const run = checkId(id);
    const read = readCancel(reason, options);
    const { control, engine } = await this.ready();
    const { cancelled, ...done } = await control.cancel(run, read.reason, read.compensate);
    await engine.endedTree(done);
    return cancelled;
  }

  /**
   * Starts a finished run anew, with the same workflow, queue, priority, tags and input, and for the same due time of a
   * schedule; `retryOf` of the new run is the old one.
   * @throws ExecutionNotFoundError, ExecutionNotFinishedError
   */
  async retry<R = unknown>(id: string): Promise<WorkflowHandle<R>> {
    const run = checkId(id);
    return this.handle(await (await this.ready()).starts.retry(run));
  }

  /**
   * Starts a run that takes over what a finished run recorded before `step` (its last visit), and goes on from there; the
   * duty to undo what was taken over goes along. `retryOf` of the new run is the old one.
   * @param step name of a step of the main sequence, or of a branch's arm in it
   * @throws ExecutionNotFoundError, ExecutionNotFinishedError
   * @throws InvalidInputError for a step that was not reached or stands in a parallel or a loop, and for a run that was
   * undone
   */
  async restartFrom<R = unknown>(id: string, step: string): Promise<WorkflowHandle<R>> {
    const run = checkId(id);
    return this.handle(await (await this.ready()).starts.restartFrom(run, step));
  }

  /**
   * The steps of a run's definition, in order, and whether `restartFrom()` takes each; where it does not, why.
   * @throws ExecutionNotFoundError
   */
  async restartPoints(id: string): Promise<RestartPoint[]> {
    const run = checkId(id);
    return (await this.ready()).control.restartPoints(run);
  }

  /**
   * Ends a retry delay: what waits to be tried again, steps on other queues and the run's next round too, is tried as soon
   * as a worker has room. An attempt counts as it would have. A paused run stays paused.
   * @returns false when nothing of the run waits to be tried again, or a worker runs another part of it
   * @throws ExecutionNotFoundError, ExecutionFinishedError
   */
  async retryNow(id: string): Promise<boolean> {
    const run = checkId(id);
    const { control, engine } = await this.ready();
    const { changed, queues } = await control.retryNow(run);
    engine.notifyWork(queues);
    return changed;
  }

  /**
   * Lets nothing further start: an attempt that runs now is finished and recorded (meanwhile the run is `running` with
   * `pauseRequested`). The run's timeout runs on.
   * @returns false when it was paused already
   * @throws ExecutionNotFoundError, ExecutionFinishedError
   */
  async pause(id: string): Promise<boolean> {
    const run = checkId(id);
    const parts = await this.ready();
    const { changed, idle } = await parts.control.pause(run);
    if (changed && idle) tellSwitched(parts, run, 'workflow_paused');
    else if (changed) await parts.engine.runSwitched(run);
    return changed;
  }

  /**
   * Lets a paused run go on.
   * @returns false when it was not paused
   * @throws ExecutionNotFoundError, ExecutionFinishedError
   */
  async resume(id: string): Promise<boolean> {
    const run = checkId(id);
    const parts = await this.ready();
    const { changed, queues, waits, leased } = await parts.control.resume(run);
    parts.engine.notifyWork(queues);
    if (leased) await parts.engine.runSwitched(run);
    // One that can go on is told of by its claim.
    if (waits) tellSwitched(parts, run, 'workflow_resumed');
    return changed;
  }

  /**
   * Sends an event to a run. It is kept until a step waits for its name, and given to the first wait that does; events of
   * one name are taken in the order in which they were sent. In a transactional step it joins the step's transaction.
   * @throws ExecutionNotFoundError, ExecutionFinishedError, MailboxFullError (10 000 untaken events), SerializationError
   * @throws ConfigurationError with a `manager` of another database or outside a transaction, TransactionFailedError where
   * its transaction is to be begun anew
   */
  async sendEvent(id: string, name: string, payload?: unknown, options: SendEventOptions = {}): Promise<void> {
    const run = checkId(id);
    const taken = takeEvent(name, payload, options, this.host.options.maxPayloadBytes);
    return (await this.ready()).waits.sendEvent(run, taken);
  }

  /**
   * Answers an input that a step waits for, given by its name or as `{ inputId }`. Of several answers one wins.
   * @throws InvalidInputError when the data is not what the input asks for; it stays open
   * @throws InputNotPendingError, AmbiguousInputError, ExecutionNotFoundError, SerializationError
   */
  async provideInput(id: string, name: string | { readonly inputId: string }, data: unknown): Promise<void> {
    const run = checkId(id);
    const taken = takeAnswer(name, data, this.host.options.maxPayloadBytes);
    return (await this.ready()).waits.provideInput(run, taken);
  }

  /**
   * Ends the waiting of a run: its open waits, or those of one `name`, throw `WaitCancelledError` in their steps. A child
   * that is waited for is cancelled.
   * @returns how many waits
   * @throws ExecutionNotFoundError
   */
  async cancelWait(id: string, options: CancelWaitOptions = {}): Promise<number> {
    const run = checkId(id);
    const read = readCancelWait(options);
    return (await this.ready()).waits.cancelWait(run, read);
  }

  /**
   * The events that were sent to a run, in the order sent, and which step has taken each: a thousand, or as `options` say.
   * @throws ExecutionNotFoundError
   */
  async listEvents(id: string, options: EventFilters = {}): Promise<SentEvent[]> {
    const run = checkId(id);
    const page = readEventPage(options);
    return (await this.ready()).reads.listEvents(run, page);
  }

  /**
   * `retry()` for all runs that fit, the oldest first; without `status` those that failed or were undone. One that was
   * retried before is refused, so that a call that was broken off is gone on with by another.
   * @returns how many, and those that fit and were not retried, each with the reason
   * @throws InvalidInputError, DatabaseUnavailableError
   */
  async retryMany(filters: ExecutionFilters, options: BulkOptions = {}): Promise<BulkResult> {
    return this.many('retry', filters, readBulk('retryMany', options), async (id) => {
      const { starts } = await this.ready();
      return (await starts.retryOnce(id)) !== null;
    });
  }

  /** `cancel()` for all runs that fit; without `status` the unfinished ones. See `retryMany()`. */
  async cancelMany(filters: ExecutionFilters, options: CancelManyOptions = {}): Promise<BulkResult> {
    const read = readCancelMany(options);
    const { reason, compensate } = read.cancel;
    return this.many('cancel', filters, read, (id) => this.cancel(id, reason ?? undefined, { compensate }));
  }

  /** `pause()` for all runs that fit; without `status` the unfinished ones. See `retryMany()`. */
  async pauseMany(filters: ExecutionFilters, options: BulkOptions = {}): Promise<BulkResult> {
    return this.many('pause', filters, readBulk('pauseMany', options), (id) => this.pause(id));
  }

  /** `resume()` for all runs that fit; without `status` those that are paused, or are to be. See `retryMany()`. */
  async resumeMany(filters: ExecutionFilters, options: BulkOptions = {}): Promise<BulkResult> {
    return this.many('resume', filters, readBulk('resumeMany', options), (id) => this.resume(id));
  }

  /** Inputs that steps wait for, those that were asked first first; of other statuses the newest first. */
  async listPendingInputs(filters: PendingInputListFilters = {}): Promise<PendingInput[]> {
    const read = readPendingInputs(filters);
    const parts = await this.ready();
    return parts.storage.waitReads.pendingInputs(withWorkflowName(parts, read));
  }

  /** Events that steps wait for, those that were asked for first first; of other statuses the newest first. */
  async listPendingEvents(filters: PendingEventFilters = {}): Promise<PendingEvent[]> {
    const read = readPendingEvents(filters);
    return (await this.ready()).storage.waitReads.pendingEvents(read);
  }

  /**
   * The runs that a run has started, in the order of their starts: all of them, or with `limit` (at most 1000) the first
   * that were started after the run that `after` names. `input` and `data` are left `undefined`.
   * @throws ExecutionNotFoundError
   */
  async listChildren(
    id: string,
    filters: Pick<ExecutionListFilters, 'status' | 'limit' | 'after'> = {},
  ): Promise<Execution[]> {
    const parent = checkId(id);
    const read = readChildFilters(filters);
    return (await this.ready()).reads.listChildren(parent, read);
  }

  /** Counts the children of each of these runs, by id; 0 also where no run has that id. */
  async childCounts(ids: readonly string[]): Promise<Record<string, number>> {
    const runs = listOf(ids)?.map((given) => ({ id: checkId(given), given: given as string }));
    if (runs === undefined) throw refused('childCounts()', 'ids', 'a list of the ids of runs', ids);
    const { waitReads } = (await this.ready()).storage;
    const counts =
      runs.length === 0 ? new Map<string, number>() : await waitReads.childCounts(runs.map(({ id }) => id));
    return Object.fromEntries(runs.map(({ id, given }) => [given, counts.get(id) ?? 0]));
  }

  /**
   * Every workflow that some process has or had: definition, how many runs in which status (see `executionCounts`), the last run.
   */
  async listWorkflows(): Promise<WorkflowSummary[]> {
    return (await this.ready()).reads.listWorkflows();
  }

  /**
   * The definitions of a workflow that processes have or had, the newest version first.
   * @throws WorkflowNotFoundError
   */
  async listVersions(workflow: WorkflowRef): Promise<WorkflowVersion[]> {
    const parts = await this.ready();
    const name = workflowName(parts, workflow);
    const versions = await parts.reads.listVersions(name);
    if (versions.length === 0) throw new WorkflowNotFoundError(name, await parts.control.workflowNames());
    return versions;
  }

  /**
   * Makes a schedule: a run of the workflow is started at each due time of the cron expression. See `@Schedule()`.
   * @throws InvalidCronError for `cron` and `timezone`, ScheduleExistsError
   * @throws InvalidInputError, SerializationError, WorkflowNotFoundError
   */
  schedule<W extends WorkflowRef>(
    workflow: W,
    cron: string,
    options: CreateScheduleOptions<InputOf<W>> = {},
  ): Promise<StoredSchedule> {
    return this.schedules.create(workflow, cron, options);
  }

  /** A schedule; null: there is none of that name. */
  getSchedule(name: string): Promise<StoredSchedule | null> {
    return this.schedules.get(name);
  }

  /** Schedules that fit, by name, 100 unless `limit` says otherwise. */
  listSchedules(filters: ScheduleFilters = {}): Promise<StoredSchedule[]> {
    return this.schedules.list(filters);
  }

  /**
   * Changes a schedule at once, on all nodes; with another cron expression or time zone its next time is counted anew.
   * What is set here stays, also when the code says otherwise, until `{ reset: true }`.
   * @throws ScheduleNotFoundError, InvalidCronError, InvalidInputError, SerializationError
   */
  updateSchedule(name: string, changes: ScheduleChanges): Promise<StoredSchedule> {
    return this.schedules.update(name, changes);
  }

  /**
   * Enables a schedule, its failures back to 0; times missed while disabled are not caught up.
   * @throws ScheduleNotFoundError
   */
  enableSchedule(name: string): Promise<StoredSchedule> {
    return this.schedules.enable(name);
  }

  /** Disables a schedule; its runs go on. @throws ScheduleNotFoundError */
  disableSchedule(name: string): Promise<StoredSchedule> {
    return this.schedules.disable(name);
  }

  /** Deletes a schedule, not its runs. One of the code's comes back at the next boot. @throws ScheduleNotFoundError */
  deleteSchedule(name: string): Promise<void> {
    return this.schedules.delete(name);
  }

  /**
   * Starts a run of a schedule now, whether it is enabled or not, with its own input or another. It counts for
   * `overlap`; in its steps `scheduledTime()` is null.
   * @throws ScheduleNotFoundError, InvalidInputError, SerializationError
   */
  async triggerSchedule<R = unknown>(name: string, options: { input?: object } = {}): Promise<WorkflowHandle<R>> {
    return this.handle(await this.schedules.trigger(name, options));
  }

  /**
   * The next `count` (1 to 1000) due times of a schedule from now on, as if it were enabled.
   * @throws ScheduleNotFoundError, InvalidInputError
   */
  nextRuns(name: string, count: number): Promise<Date[]> {
    return this.schedules.nextRuns(name, count);
  }

  /**
   * Deletes finished runs, with their children and all that belongs to them, in small transactions. One with an
   * unfinished descendant stays, and so does one whose parent is unfinished.
   * @returns how many runs went, children included; with `dryRun` how many would go
   * @throws InvalidInputError
   */
  async cleanup(options: CleanupOptions): Promise<number> {
    const read = readCleanup(options);
    const { storage } = await this.ready();
    return cleanup(storage.retention, read);
  }

  /**
   * Runs every safety net now, in place of waiting for its interval: dead workers, due runs, queues, retention. Nothing, in
   * a process without workers.
   * @throws DatabaseUnavailableError
   */
  async sweep(): Promise<void> {
    const { engine, reads } = await this.ready();
    await whileReachable(
      () => reads.now(),
      () => engine.sweep(),
    );
  }

  private async many(
    act: BulkAct,
    filters: ExecutionFilters,
    options: ReadBulk,
    one: (id: string) => Promise<boolean>,
  ): Promise<BulkResult> {
    const read = readBulkFilters(`${act}Many`, filters);
    const parts = await this.ready();
    const wanted = withWorkflowName(parts, read);
    const { reads } = parts;
    const client = {
      now: () => reads.now(),
      ids: (page: RunListFilters) => reads.listIds(page),
      byIds: (ids: readonly string[]) => reads.byIds(ids),
      retried: (ids: readonly string[]) => reads.retried(ids),
      act: one,
    };
    return actOnMany(client, act, wanted, options);
  }

  private async ready(): Promise<Parts> {
    const runtime = await this.host.ready();
    if (this.parts?.engine === runtime.engine) return this.parts;
    const { control, reads } = runtime.storage;
    this.parts = {
      ...runtime,
      control,
      reads,
      starts: new StartsClient(runtime),
      waits: new WaitsClient(runtime, this.host.options.redact),
    };
    return this.parts;
  }
}

/** Ids are compared as PostgreSQL writes them. */
function checkId(id: unknown): string {
  return checkText('The id of a run', 'id', id, UUID).toLowerCase();
}
