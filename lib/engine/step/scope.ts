import type { AsyncResource } from 'node:async_hooks';
import { decode } from '../../core/codec/codec.js';
import { AttemptClosedError, NotInStepError } from '../../core/errors/errors.js';
import { StepUsageError } from '../../core/errors/errors-usage.js';
import type { SettledResult } from '../../core/run/results.js';
import type { BootContext } from '../ports/boot-context.js';
import type { ChildRequest, PreparedChild } from '../ports/children.js';
import { StepContext } from './context.js';
import type { StepLog } from './log.js';
import { isInOtherVersion, stepStorage } from './scope-storage.js';
import type { PassWaits } from './waits.js';
import type { AttemptTrace } from '../ports/telemetry.js';

/** The session of a running attempt, as the attempt uses it. */
export interface ScopeHost {
  /** The engine's own, from which the attempt's begins. */
  readonly context: BootContext;
  readonly maxPayloadBytes: number;
  readonly runId: string;
  /** Encoded. */
  readonly input: string;
  /** The due time of the schedule that started the run, ms; null: none did. */
  readonly scheduledTime: number | null;
  /** The recorded value of `once(name)`, encoded; undefined: not recorded. */
  recordedOnce(name: string): string | undefined;
  /** Records a `once`; rejects when the lease is lost. */
  recordOnce(name: string, value: string): Promise<void>;
  /** Name of a workflow given as a class or a name. @throws WorkflowNotFoundError */
  nameOf(workflow: unknown): string;
  /** Finds the workflow, checks the input and brings it into its stored form. */
  prepareChild(
    request: ChildRequest,
    call: string,
    ref: string | null,
    /** Of the calling code; null: it is not traced. */
    traceparent: string | null,
  ): Promise<PreparedChild>;
  /** The child that this call or ref has started before. */
  startedChild(call: string, ref: string | null): { id: string; workflow: string; input: string } | undefined;
  /** Starts a child and records it, in one commit; rejects when the lease is lost. */
  startChild(child: PreparedChild): Promise<void>;
  /** The results of the last fan-out around the step. */
  results(): FanResults | null;
  /** Takes what the attempt logs; null: that is not kept. */
  newLog(): StepLog | null;
}

export interface ScopeInit {
  readonly step: string;
  readonly attempt: number;
  /** Encoded data, as the attempt got it. */
  readonly data: string;
  /** The application's transaction handle, in a transactional step. */
  readonly manager: unknown;
  /** The waits of this pass; null where there can be none: in a compensation. */
  readonly waits: PassWaits | null;
  /** Default: it is not traced. */
  readonly trace?: AttemptTrace | null;
}

export type FanResults = Readonly<Record<string, SettledResult>> | readonly SettledResult[];

/**
 * Life of an attempt. `dropped`: its pass was suspended, or it is over; its code may do nothing, and no call throws.
 * `given up`: its time is up, or the run's lease is lost; every function of the step throws.
 */
type Life = 'open' | 'dropped' | 'given up';

/** The attempt that code runs in, and the `once` in it. */
interface Here {
  readonly scope: StepScope;
  readonly once: string | null;
}

const storage = stepStorage<Here>();

/**
 * One attempt, as the code inside it sees it, in an async context of its own. What runs on by itself after the attempt
 * cannot touch the run.
 */
export class StepScope implements Here {
  readonly scope = this;
  readonly once = null;
  readonly step: string;
  readonly attempt: number;
  readonly data: string;
  readonly manager: unknown;
  readonly waits: PassWaits | null;
  readonly trace: AttemptTrace | null;
  // Made by the first call that needs one: most steps make none.
  private written: StepContext | null = null;
  private said: StepLog | null = null;
  private refs: Map<string, PreparedChild> | null = null;
  private names: Set<string> | null = null;
  private waitCalls: Set<{ readonly call: string }> | null = null;
  private counts: Map<string, number> | null = null;
  private life: Life = 'open';
  private aborter: AbortController | null = null;
  private aborted: Error | null = null;
  private own: AsyncResource | null = null;
  private decodedInput: { value: unknown } | undefined;

  constructor(
    private readonly host: ScopeHost,
    { step, attempt, data, manager, waits, trace = null }: ScopeInit,
  ) {
    this.step = step;
    this.attempt = attempt;
    this.data = data;
    this.manager = manager;
    this.waits = waits;
    this.trace = trace;
  }

  /** True where the code of this attempt asks. */
  get isHere(): boolean {
    return storage.getStore()?.scope === this;
  }

  /** Children that this pass is about to start, by ref. */
  get pendingRefs(): Map<string, PreparedChild> {
    return (this.refs ??= new Map());
  }

  /** Names used by `once` in this pass. */
  get onceNames(): Set<string> {
    return (this.names ??= new Set());
  }

  /** Waits that were asked for and that nobody has looked at. */
  get unawaited(): Set<{ readonly call: string }> {
    return (this.waitCalls ??= new Set());
  }

  get hasUnawaited(): boolean {
    return this.waitCalls !== null && this.waitCalls.size > 0;
  }

  /** The run's data, as this attempt reads and writes it. */
  get context(): StepContext {
    return (this.written ??= new StepContext(this.data, this.maxPayloadBytes));
  }

  /** The data that the attempt leaves behind, see StepContext. */
  resolve(returned: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
    return this.written === null ? returned : this.written.resolve(returned);
  }

  get maxPayloadBytes(): number {
    return this.host.maxPayloadBytes;
  }

  /** Takes what it logs; null: that is not kept. */
  get log(): StepLog | null {
    return (this.said ??= this.host.newLog());
  }

  /** What it has logged; null: nothing. */
  get logged(): StepLog | null {
    return this.said?.isEmpty === false ? this.said : null;
  }

  get runId(): string {
    return this.host.runId;
  }

  get scheduledTime(): number | null {
    return this.host.scheduledTime;
  }

  /** Aborted when the attempt is given up, or is to settle. */
  get signal(): AbortSignal {
    if (this.aborter === null) {
      this.aborter = new AbortController();
      if (this.aborted !== null) this.aborter.abort(this.aborted);
    }
    return this.aborter.signal;
  }

  get isOpen(): boolean {
    return this.life === 'open';
  }

  get isGivenUp(): boolean {
    return this.life === 'given up';
  }

  input(): unknown {
    this.decodedInput ??= { value: decode(this.host.input) };
    return this.decodedInput.value;
  }

  /** The number of this call among those of its kind and name in this pass, from 1. */
  count(kind: string, name: string): number {
    this.counts ??= new Map();
    const key = `${kind}:${name}`;
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return count;
  }

  results(): FanResults | null {
    return this.host.results();
  }

  /** See ScopeHost. What it does is the engine's: none of it is in the attempt's context. */
  recordedOnce(name: string): string | undefined {
    return this.host.recordedOnce(name);
  }

  recordOnce(name: string, value: string): Promise<void> {
    return this.host.context.run(() => this.host.recordOnce(name, value));
  }

  nameOf(workflow: unknown): string {
    return this.host.nameOf(workflow);
  }

  prepareChild(request: ChildRequest, call: string, ref: string | null): Promise<PreparedChild> {
    const traceparent = this.trace?.active() ?? null;
    return this.host.context.run(() => this.host.prepareChild(request, call, ref, traceparent));
  }

  startedChild(call: string, ref: string | null): ReturnType<ScopeHost['startedChild']> {
    return this.host.startedChild(call, ref);
  }

  startChild(child: PreparedChild): Promise<void> {
    return this.host.context.run(() => this.host.startChild(child));
  }

  /** The one way into the attempt's code: a context that begins as the boot's, with this attempt and its trace in it. */
  run<T>(work: () => T): T {
    const { trace } = this;
    this.own ??= this.host.context.fork((make) => storage.run(this, trace ? () => trace.run(make) : make));
    return this.own.runInAsyncScope(work);
  }

  /** The same within a `once`. */
  runOnce<T>(name: string, work: () => T): T {
    return storage.run({ scope: this, once: name }, work);
  }

  /** The attempt is over, or this pass of it. */
  drop(): void {
    if (this.life === 'open') this.life = 'dropped';
    this.waits?.stop();
  }

  /** The attempt does not count any more. What listens to the signal still finds it dropped: it throws nothing there. */
  giveUp(reason: Error): void {
    this.drop();
    this.abort(reason);
    this.life = 'given up';
  }

  /** Aborts the signal and lets the attempt go on: it may still return. */
  abort(reason: Error): void {
    if (this.aborted !== null) return;
    this.aborted = reason;
    const { aborter } = this;
    if (aborter !== null) this.run(() => aborter.abort(reason));
  }
}

/** The log of the attempt that the calling code belongs to; null: outside of steps, and in an attempt that is over. */
export function currentLog(): StepLog | null {
  const scope = storage.getStore()?.scope;
  return scope === undefined || !scope.isOpen ? null : scope.log;
}

/** Does the engine's own work, which a step's code may have set going, apart from the step. */
export function outsideSteps<T>(work: () => T): T {
  return storage.exit(work);
}

/**
 * The attempt that the calling code belongs to, which may be dropped; `caller` names the function for the error.
 * @throws NotInStepError, AttemptClosedError
 */
export function currentScope(caller: string): StepScope {
  const scope = storage.getStore()?.scope;
  if (scope === undefined) throw isInOtherVersion() ? otherVersion(caller) : new NotInStepError(caller);
  if (scope.isGivenUp) throw new AttemptClosedError(scope.step);
  return scope;
}

/** The name of the `once` that the calling code is part of; null: of none. */
export function currentOnce(): string | null {
  return storage.getStore()?.once ?? null;
}

function otherVersion(caller: string): StepUsageError {
  return new StepUsageError(
    'OTHER_VERSION',
    `${caller}() is of another version of nest-durable than the one that runs this step: the process has loaded two copies ` +
      'of the package. npm ls nest-durable says where they come from; have one.',
  );
}

/**
 * The application's transaction that the calling code is part of: that of the transactional step that it runs in; null
 * elsewhere.
 * @throws AttemptClosedError where the attempt is over, and its transaction with it
 */
export function currentTransaction(): unknown {
  const scope = storage.getStore()?.scope;
  if (scope === undefined || scope.manager === null) return null;
  if (!scope.isOpen) throw new AttemptClosedError(scope.step);
  return scope.manager;
}
