import { AsyncLocalStorage } from 'node:async_hooks';
import { decode } from '../core/codec.js';
import { AttemptClosedError, NotInStepError } from '../core/errors.js';
import { StepContext } from './step-context.js';

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
}

/**
 * One attempt, as the code inside it sees it. Closed when the attempt is over or given up: from then on every function
 * of the step throws, so that code which runs on by itself cannot touch the run.
 */
export class StepScope {
  readonly context: StepContext;
  /** Names used by `once` in this pass. */
  readonly onceNames = new Set<string>();
  private readonly aborter = new AbortController();
  private closed = false;
  private decodedInput: { value: unknown } | undefined;

  constructor(
    readonly host: ScopeHost,
    readonly step: string,
    readonly attempt: number,
    /** Encoded data, as the attempt got it. */
    readonly data: string,
    /** The application's transaction handle, in a transactional step. */
    readonly manager: unknown,
    readonly maxPayloadBytes: number,
  ) {
    this.context = new StepContext(data, maxPayloadBytes);
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

const storage = new AsyncLocalStorage<StepScope>();

export function runInScope<T>(scope: StepScope, work: () => T): T {
  return storage.run(scope, work);
}

/** The attempt that the calling code belongs to; `caller` names the function for the error. */
export function currentScope(caller: string): StepScope {
  const scope = storage.getStore();
  if (scope === undefined) throw new NotInStepError(caller);
  if (scope.isClosed) throw new AttemptClosedError(scope.step);
  return scope;
}
