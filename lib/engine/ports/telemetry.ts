import type { AttemptPlace } from '../../core/run/execution.js';

/**
 * Sink of metrics and traces. Optional everywhere: without one nothing is paid. Times in ms.
 */
export interface Telemetry {
  /** The W3C `traceparent` of whatever the calling code is part of; null: of nothing that is traced. */
  active(): string | null;
  /** Called with a row that is leased from now on; null: it is not traced. */
  segment(of: SegmentInfo): SegmentTrace | null;
  /** Runs were started by this process. */
  started(workflow: string, count: number): void;
  /** A run has ended by a commit of this process. */
  ended(workflow: string, status: string): void;
  /** An attempt is in the journal. */
  attempted(attempt: AttemptFigures): void;
  /** Rows were claimed from a queue: how long it took, and how long each had been ready. */
  claimed(queue: string, tookMs: number, lagsMs: readonly number[]): void;
  /** A group was committed, of so many runs and starts. */
  committed(size: number): void;
  /** Called with the number of rows whose lease this process has lost. */
  lost(rows: number): void;
  /** Rows of dead workers were made claimable. */
  recovered(rows: number): void;
  /** Runs were woken that nothing else would have woken; `what` says why they should have been. */
  reconciled(what: string, runs: number): void;
}

export interface SegmentInfo {
  readonly runId: string;
  readonly workflow: string;
  readonly queue: string;
  /** `traceparent` of the beginning of the run's trace; null: it begins here. */
  readonly parent: string | null;
  /** The segment before this one. */
  readonly previous: string | null;
  /** Workers that died with the run since its last record. */
  readonly recoveries: number;
}

export interface AttemptFigures {
  readonly workflow: string;
  readonly step: string;
  readonly type: string;
  readonly status: 'completed' | 'failed';
  readonly durationMs: number;
}

/** The time of a worker's lease of a run or a remote step. */
export interface SegmentTrace {
  /** W3C `traceparent` of its span. */
  readonly traceparent: string;
  /** An attempt begins. `links`: traceparents of what made it go on, such as who sent the event that it waited for. */
  attempt(of: AttemptPlace, links: readonly string[]): AttemptTrace;
  /** `outcome`: what becomes of the run; `error`: why it failed. The first one counts. */
  end(outcome: string, error: { readonly name: string; readonly message: string } | null): void;
}

export interface AttemptTrace {
  /** Calls the step's code as part of the attempt's span. */
  run<T>(work: () => T): T;
  /** The W3C `traceparent` of whatever the calling code is part of in it; null: of nothing that is traced. */
  active(): string | null;
  end(status: 'completed' | 'failed' | 'waiting', error?: unknown): void;
}
