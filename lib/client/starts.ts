import { newRun, type NewRun } from '../core/run/new-run.js';
import { uuidv7 } from '../core/uuid.js';
import type { ClientRuntime } from '../lifecycle/host.js';
import { checkText, NAME } from '../core/limits.js';
import { readStartMany, readStartOptions, type ReadStartOptions } from '../options/start.js';
import { findWorkflow, runOf, storedInput, takeInput, type TakenInput } from '../workflows/find-workflow.js';
import { isDelayed, type StartedRun } from '../storage/client/control.js';

/** A start as it was when it was asked for. */
interface TakenStart {
  readonly input: TakenInput;
  readonly options: ReadStartOptions;
}

/** The arguments of `start()`; to be called before anything is waited for. @throws InvalidInputError */
export function takeStart(input: unknown, options: unknown, maxBytes: number): TakenStart {
  return { options: readStartOptions(options), input: takeInput(input, maxBytes) };
}

/** The same of `startMany()`. @throws InvalidInputError */
export function takeStarts(items: unknown, shared: unknown, maxBytes: number): TakenStart[] {
  return readStartMany(items, shared).map(({ input, options }) => ({ options, input: takeInput(input, maxBytes) }));
}

/** The ways in which clients start runs; ids come checked. Each gives the ids of the runs. */
export class StartsClient {
  constructor(private readonly runtime: ClientRuntime) {}

  async start(workflow: unknown, { input, options: read }: TakenStart): Promise<string> {
    const { runtime } = this;
    const { control } = runtime.storage;
    const target = await findWorkflow(runtime, control, workflow);
    const run = runOf(target, await storedInput(target, input), read, this.traceparent);
    if (read.manager === null && read.id === null && read.idempotencyKey === null) {
      await runtime.engine.startRun(run);
      return run.id;
    }
    const [started = { id: run.id, created: false }] =
      read.manager === null
        ? [await control.startUnique(run, read.id !== null)]
        : await control.startWithin(read.manager, [run]);
    this.measure(run.workflow, [started]);
    if (read.manager === null) this.tellWorkers([run], [started]);
    return started.id;
  }

  async startMany(workflow: unknown, starts: readonly TakenStart[]): Promise<string[]> {
    const { runtime } = this;
    const { control } = runtime.storage;
    const target = await findWorkflow(runtime, control, workflow);
    const runs: NewRun[] = [];
    for (const { input, options } of starts) {
      runs.push(runOf(target, await storedInput(target, input), options, this.traceparent));
    }
    if (runs.length === 0) return [];
    const manager = starts[0]?.options.manager ?? null;
    const hasOwnIds = starts.some(({ options }) => options.id !== null);
    const started = await (manager === null ? control.startMany(runs, hasOwnIds) : control.startWithin(manager, runs));
    this.measure(target.definition.name, started);
    if (manager === null) this.tellWorkers(runs, started);
    return runs.map((run, at) => started[at]?.id ?? run.id);
  }

  async retry(runId: string): Promise<string> {
    const { engine, storage } = this.runtime;
    const run = await this.retryOf(runId);
    if (run.scheduleTime === null) {
      await engine.startRun(run);
      return run.id;
    }
    // Its due time is no part of what a group commit starts.
    const started = await storage.control.startMany([run], false);
    this.measure(run.workflow, started);
    this.tellWorkers([run], started);
    return run.id;
  }

  /** The same, unless it was started anew before: null. Of several calls at a time one retries it. */
  async retryOnce(runId: string): Promise<string | null> {
    const run = await this.retryOf(runId);
    if (!(await this.runtime.storage.control.startRetry(run, runId))) return null;
    const started = [{ id: run.id, created: true }];
    this.measure(run.workflow, started);
    this.tellWorkers([run], started);
    return run.id;
  }

  private async retryOf(runId: string): Promise<NewRun> {
    const { runtime, traceparent } = this;
    const { control } = runtime.storage;
    const { scheduleTime, ...source } = await control.retrySource(runId);
    const { definitionId } = await findWorkflow(runtime, control, source.workflow);
    const { workflow, queue, priority, tags, input } = source;
    const of = { workflow, definitionId, queue, priority, input, tags };
    return newRun({ ...of, retryOf: runId, traceparent, scheduleTime: scheduleTime?.toISOString() });
  }

  async restartFrom(runId: string, step: unknown): Promise<string> {
    const newId = uuidv7();
    await this.restart(newId, runId, step, false);
    return newId;
  }

  /** The same, unless it was started anew before: null. Of several calls at a time one restarts it. */
  async restartOnce(runId: string, step: unknown): Promise<string | null> {
    const newId = uuidv7();
    return (await this.restart(newId, runId, step, true)) ? newId : null;
  }

  private async restart(newId: string, runId: string, step: unknown, once: boolean): Promise<boolean> {
    const from = checkText('restartFrom()', 'step', step, NAME);
    const { storage, engine, deps } = this.runtime;
    const restart = { newId, runId, step: from, traceparent: this.traceparent, once };
    const started = await storage.control.restartFrom(restart);
    if (started === null) return false;
    deps.telemetry?.started(started.workflow, 1);
    engine.notifyWork([started.queue]);
    return true;
  }

  /** Of the calling code, where that is traced. */
  private get traceparent(): string | null {
    return this.runtime.deps.telemetry?.active() ?? null;
  }

  private measure(workflow: string, started: readonly StartedRun[]): void {
    const created = started.filter((run) => run.created).length;
    if (created > 0) this.runtime.deps.telemetry?.started(workflow, created);
  }

  /** Of runs that no group commit has started. */
  private tellWorkers(runs: readonly NewRun[], started: readonly StartedRun[]): void {
    const { engine } = this.runtime;
    const created = runs.filter((_, at) => started[at]?.created === true);
    // Whether a time has come is the database's to say: both are told of those that have one.
    const ready = created.filter((run) => run.delayMs === 0);
    if (ready.length > 0) engine.notifyWork([...new Set(ready.map((run) => run.queue))]);
    const delayed = created.filter(isDelayed);
    if (delayed.length > 0) engine.workLater([...new Set(delayed.map((run) => run.queue))]);
  }
}
