import type { WorkflowRef } from '../core/durable-workflow.js';
import type { RunFilters, RunListFilters } from '../core/run/execution.js';
import type { PendingInputFilters } from '../core/input/pending.js';

export type {
  CompensationResult,
  Execution,
  ExecutionCounts,
  SentEvent,
  OnceValue,
  StepRecord,
  WorkflowSummary,
  WorkflowVersion,
} from '../core/run/execution.js';
export type { RestartPoint } from '../core/run/restart.js';
export type { LogEntry, LogLevel } from '../core/run/log-entry.js';
export type { PendingEvent, PendingEventFilters, PendingInput, PendingStatus } from '../core/input/pending.js';
export type { CatchUp, Overlap, StoredSchedule } from '../core/time/schedule.js';
export type { BlockedBy, Standing, StandingKind, StandingWait } from '../core/standing/standing.js';
export type { ExecutionStatus, FinishedStatus } from '../core/run/status.js';

/** Filters of runs; all that is given must fit. */
export interface ExecutionFilters extends Omit<RunFilters, 'workflow'> {
  /** Class or name. */
  readonly workflow?: WorkflowRef;
}

/** Filters and page of `listExecutions()`; all that is given must fit. */
export interface ExecutionListFilters extends Omit<RunListFilters, 'workflow'> {
  /** Class or name. */
  readonly workflow?: WorkflowRef;
}

/** Options of `getExecution()`. */
export interface GetExecutionOptions {
  /** Fills in `steps`. Default: false. */
  readonly includeSteps?: boolean;
  /** Fills in `steps`, each with its `logs`. Default: false. */
  readonly includeLogs?: boolean;
}

/** Page of `getSteps()`. */
export interface GetStepsOptions {
  /** Most attempts. Default: all. */
  readonly limit?: number;
  /** Attempts that are passed over first. Default: 0. */
  readonly offset?: number;
  /** False: `input` and `output` are not read and left `undefined`. Default: true. */
  readonly includeData?: boolean;
}

/** Filters and page of `listEvents()`. */
export interface EventFilters {
  /** Only those that no wait has taken. Default: false. */
  readonly unmatched?: boolean;
  /** Id of an event: only those sent after it. Default: from the first on. */
  readonly after?: string;
  /** Most events, at most 1000. Default: 1000. */
  readonly limit?: number;
}

/** Filters and page of `listPendingInputs()`; all that is given must fit. */
export interface PendingInputListFilters extends Omit<PendingInputFilters, 'workflow'> {
  /** Class or name. */
  readonly workflow?: WorkflowRef;
}
