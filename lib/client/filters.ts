import type { WorkflowRef } from '../core/durable-workflow.js';
import type { RunFilters, RunListFilters } from '../core/run/execution.js';
import type { PendingInputFilters } from '../core/input/pending.js';

export type {
  CompensationResult,
  Execution,
  ExecutionCounts,
  SentEvent,
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

/** Which runs are counted; all that is given must fit. */
export interface ExecutionFilters extends Omit<RunFilters, 'workflow'> {
  /** Class or name. */
  readonly workflow?: WorkflowRef;
}

/** Which runs are listed, and how many. */
export interface ExecutionListFilters extends Omit<RunListFilters, 'workflow'> {
  /** Class or name. */
  readonly workflow?: WorkflowRef;
}

export interface GetExecutionOptions {
  /** Whether `steps` is filled in. Default: false. */
  readonly includeSteps?: boolean;
  /** Whether `steps` is filled in, each with its `logs`. Default: false. */
  readonly includeLogs?: boolean;
}

/** Which of a run's attempts are read, and what of them. */
export interface GetStepsOptions {
  /** At most so many. Default: all. */
  readonly limit?: number;
  /** Attempts that are passed over first. Default: 0. */
  readonly offset?: number;
  /** False: `input` and `output` are not read and left `undefined`. Default: true. */
  readonly includeData?: boolean;
}

/** Which events of a run's mailbox are listed. */
export interface EventFilters {
  /** Only those that no wait has taken. Default: false. */
  readonly unmatched?: boolean;
  /** Id of an event: only those sent after it. */
  readonly after?: string;
  /** At most 1000. Default: 1000. */
  readonly limit?: number;
}

/** Which inputs are listed, and how many. */
export interface PendingInputListFilters extends Omit<PendingInputFilters, 'workflow'> {
  /** Class or name. */
  readonly workflow?: WorkflowRef;
}
