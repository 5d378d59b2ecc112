import { decode } from '../core/codec.js';
import { AttemptClosedError, NotInStepError } from '../core/errors.js';
import { StepUsageError } from '../core/errors-usage.js';
import type { SettledResult } from '../core/results.js';
import type { ChildRequest, PreparedChild } from './children.js';
import { StepContext } from './step-context.js';
import type { StepLog } from './step-log.js';
import { isInOtherVersion, stepStorage } from './step-storage.js';
import type { PassWaits } from './step-waits.js';
import type { AttemptTrace } from './telemetry.js';

/** What a running attempt may ask of the session that runs it. */
export interface ScopeHost {
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
  prepareChild(request: ChildRequest, call: string, ref: string | null): Promise<PreparedChild>;
  /** The child that this call or ref has started before. */
  startedChild(call: string, ref: string | null): { id: string; workflow: string; input: string } | undefined;
  /** Starts a child and records it, in one commit; rejects when the lease is lost. */
  startChild(child: PreparedChild): Promise<void>;
}

export interface ScopeInit {
  readonly step: string;
  readonly attempt: number;
  /** Encoded data, as the attempt got it. */
  readonly data: string;
  /** The application's transaction handle, in a transactional step. */
  readonly manager: unknown;
  readonly maxPayloadBytes: number;
  /** Takes what the attempt logs; null: that is not kept. */
  readonly log: StepLog | null;
  /** The waits of this pass; null where there can be none: in a compensation. */
  readonly waits: PassWaits | null;
  /** Default: it is not traced. */
  readonly trace?: AttemptTrace | null;
  /** The results of the last fan-out around the step. */
  readonly results: () => FanResults | null;
}

export type FanResults = Readonly<Record<string, SettledResult>> | readonly SettledResult[];

/**
 * One attempt, as the code inside it sees it. Closed when the attempt is over or given up: from then on every function
 * of the step throws, so that code which runs on by itself cannot touch the run.
 */
export class StepScope {
  readonly context: StepContext;
  /** Children that this pass is about to start, by ref. */
  readonly pendingRefs = new Map<string, PreparedChild>();
  /** Names used by `once` in this pass. */
  readonly onceNames = new Set<string>();
  private readonly aborter = new AbortController();
  private readonly counts = new Map<string, number>();
  private closed = false;
  private decodedInput: { value: unknown } | undefined;

  constructor(
    readonly host: ScopeHost,
    private readonly init: ScopeInit,
  ) {
    this.context = new StepContext(init.data, init.maxPayloadBytes);
  }

  get step(): string {
    return this.init.step;
  }

  get attempt(): number {
    return this.init.attempt;
  }

  get data(): string {
    return this.init.data;
  }

  get manager(): unknown {
    return this.init.manager;
  }

  get maxPayloadBytes(): number {
    return this.init.maxPayloadBytes;
  }

  get log(): StepLog | null {
    return this.init.log;
  }

  get waits(): PassWaits | null {
    return this.init.waits;
  }

  get trace(): AttemptTrace | null {
    return this.init.trace ?? null;
  }

  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  input(): unknown {
    this.decodedInput ??= { value: decode(this.host.input) };
    return this.decodedInput.value;
  }

  /** The number of this call among those of its kind and name in this pass, from 1. */
  count(kind: string, name: string): number {
    const key = `${kind}:${name}`;
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return count;
  }

  results(): FanResults | null {
    return this.init.results();
  }

  /** Ends the attempt for the code inside it; `reason` also aborts its signal. */
  close(reason?: Error): void {
    this.closed = true;
    if (reason !== undefined && !this.aborter.signal.aborted) this.aborter.abort(reason);
  }

  /** Aborts the signal and lets the attempt go on: it may still return. */
  abort(reason: Error): void {
    if (!this.aborter.signal.aborted) this.aborter.abort(reason);
  }
}

const storage = stepStorage<StepScope>();

/** Where what is logged at this moment is kept; null: nowhere, outside of steps and in an attempt that was given up. */
export function currentLog(): StepLog | null {
  const scope = storage.getStore();
  return scope === undefined || scope.isClosed ? null : scope.log;
}

/** Does the engine's own work, which a step's code may have set going, apart from the step. */
export function outsideSteps<T>(work: () => T): T {
  return storage.exit(work);
}

export function runInScope<T>(scope: StepScope, work: () => T): T {
  return storage.run(scope, work);
}

/** The attempt that the calling code belongs to; `caller` names the function for the error. */
export function currentScope(caller: string): StepScope {
  const scope = storage.getStore();
  if (scope === undefined) throw isInOtherVersion() ? otherVersion(caller) : new NotInStepError(caller);
  if (scope.isClosed) throw new AttemptClosedError(scope.step);
  return scope;
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
 * @throws AttemptClosedError where the attempt was given up, and its transaction with it
 */
export function currentTransaction(): unknown {
  const scope = storage.getStore();
  if (scope === undefined || scope.manager === null) return null;
  if (scope.isClosed) throw new AttemptClosedError(scope.step);
  return scope.manager;
}
