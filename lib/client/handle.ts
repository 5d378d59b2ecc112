import { readOptions } from '../core/option-reader.js';
import type { Standing } from '../core/standing/standing.js';
import type {
  Execution,
  ExecutionListFilters,
  GetExecutionOptions,
  GetStepsOptions,
  LogEntry,
  EventFilters,
  SentEvent,
  RestartPoint,
  StepRecord,
} from './filters.js';
import type { CancelOptions, CancelWaitOptions, SendEventOptions } from '../options/waits.js';

/** Options of `result()`. */
export interface ResultOptions {
  /** ms to wait for the end; 0: look once. Default: no limit. */
  timeout?: number;
}

type ChildFilters = Pick<ExecutionListFilters, 'status' | 'limit' | 'after'>;

/** The methods of the client that handles call. */
export interface HandleClient {
  waitFor(id: string, timeout: number | undefined): Promise<unknown>;
  getExecution(id: string, options?: GetExecutionOptions): Promise<Execution | null>;
  getSteps(id: string, options?: GetStepsOptions): Promise<StepRecord[]>;
  explain(id: string): Promise<Standing | null>;
  listEvents(id: string, options?: EventFilters): Promise<SentEvent[]>;
  retryNow(id: string): Promise<boolean>;
  restartPoints(id: string): Promise<RestartPoint[]>;
  getLogs(id: string, step?: string): Promise<LogEntry[]>;
  listChildren(id: string, filters?: ChildFilters): Promise<Execution[]>;
  cancelWait(id: string, options?: CancelWaitOptions): Promise<number>;
  retry<R = unknown>(id: string): Promise<WorkflowHandle<R>>;
  restartFrom<R = unknown>(id: string, step: string): Promise<WorkflowHandle<R>>;
  sendEvent(id: string, name: string, payload?: unknown, options?: SendEventOptions): Promise<void>;
  provideInput(id: string, name: string | { readonly inputId: string }, data: unknown): Promise<void>;
  cancel(id: string, reason?: string, options?: CancelOptions): Promise<boolean>;
  pause(id: string): Promise<boolean>;
  resume(id: string): Promise<boolean>;
}

/** One run, by its id. Making a handle asks nothing of the database. */
export class WorkflowHandle<R = unknown> {
  constructor(
    /** The run's id. */
    readonly id: string,
    private readonly client: HandleClient,
  ) {}

  /**
   * Waits for the run to end and gives its final data.
   * @throws WorkflowFailedError when it failed or was compensated
   * @throws WorkflowCancelledError
   * @throws ResultTimeoutError after `timeout` ms; the run goes on
   * @throws ExecutionNotFoundError, InvalidInputError
   * @throws DatabaseUnavailableError when the module is shut down meanwhile
   */
  async result(options: ResultOptions = {}): Promise<R> {
    const timeout = readOptions('The options of result()', options, (read) => read.take('timeout'));
    return (await this.client.waitFor(this.id, timeout as number | undefined)) as R;
  }

  /** The run as it is now; null: there is none of this id. */
  execution(options?: GetExecutionOptions): Promise<Execution | null> {
    return this.client.getExecution(this.id, options);
  }

  /** See `DurableClient.getSteps`. */
  steps(options?: GetStepsOptions): Promise<StepRecord[]> {
    return this.client.getSteps(this.id, options);
  }

  /** See `DurableClient.explain`. */
  explain(): Promise<Standing | null> {
    return this.client.explain(this.id);
  }

  /** See `DurableClient.listEvents`. */
  events(options?: EventFilters): Promise<SentEvent[]> {
    return this.client.listEvents(this.id, options);
  }

  /** See `DurableClient.getLogs`. */
  logs(step?: string): Promise<LogEntry[]> {
    return this.client.getLogs(this.id, step);
  }

  /** See `DurableClient.listChildren`. */
  children(filters?: ChildFilters): Promise<Execution[]> {
    return this.client.listChildren(this.id, filters);
  }

  /** See `DurableClient.sendEvent`. */
  sendEvent(name: string, payload?: unknown, options?: SendEventOptions): Promise<void> {
    return this.client.sendEvent(this.id, name, payload, options);
  }

  /** See `DurableClient.provideInput`. */
  provideInput(name: string | { readonly inputId: string }, data: unknown): Promise<void> {
    return this.client.provideInput(this.id, name, data);
  }

  /** See `DurableClient.cancel`. */
  cancel(reason?: string, options?: CancelOptions): Promise<boolean> {
    return this.client.cancel(this.id, reason, options);
  }

  /** See `DurableClient.pause`. */
  pause(): Promise<boolean> {
    return this.client.pause(this.id);
  }

  /** See `DurableClient.resume`. */
  resume(): Promise<boolean> {
    return this.client.resume(this.id);
  }

  /** See `DurableClient.cancelWait`. */
  cancelWait(options?: CancelWaitOptions): Promise<number> {
    return this.client.cancelWait(this.id, options);
  }

  /** See `DurableClient.retry`. */
  retry(): Promise<WorkflowHandle<R>> {
    return this.client.retry<R>(this.id);
  }

  /** See `DurableClient.retryNow`. */
  retryNow(): Promise<boolean> {
    return this.client.retryNow(this.id);
  }

  /** See `DurableClient.restartPoints`. */
  restartPoints(): Promise<RestartPoint[]> {
    return this.client.restartPoints(this.id);
  }

  /** See `DurableClient.restartFrom`. */
  restartFrom(step: string): Promise<WorkflowHandle<R>> {
    return this.client.restartFrom<R>(this.id, step);
  }
}
