import type { WorkflowDefinition } from '../definition/definition.js';
import type { LogEntry } from './log-entry.js';
import type { DataRef } from './run-state.js';
import type { ExecutionStatus } from './status.js';
import type { StoredError } from '../errors/stored-error.js';

/** A run as clients see it. */
export interface Execution {
  readonly id: string;
  /** Name of the workflow. */
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly queue: string;
  readonly priority: number;
  /** Input of the run; `undefined` in lists, which read no payloads but with `includeData`. */
  readonly input: unknown;
  /** The result of a completed run; else the data as the last completed step left it. In lists as `input`. */
  readonly data: unknown;
  /** Error by which it failed, was cancelled, or was paused by the engine. */
  readonly error: StoredError | null;
  /** Names of the steps that run now, or that the run stands at. Known with a delay of up to one heartbeat. */
  readonly currentSteps: readonly string[];
  readonly parentId: string | null;
  /** The run that this one is a `retry()` of. */
  readonly retryOf: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** From 1; counts the rounds of `maxRetries`. */
  readonly round: number;
  /** Of the definition that it runs, or ran last: see `listVersions()`. Null: that is stored no more. */
  readonly version: number | null;
  /** True: a pause is asked for, and a worker still has the run leased. */
  readonly pauseRequested: boolean;
  /** Due time of its first claim, where it was started with `scheduledAt` or `delay`, or by a schedule. */
  readonly scheduledAt: Date | null;
  /** First claim. */
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly compensatedAt: Date | null;
  readonly compensationResults: readonly CompensationResult[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** With `includeSteps`. */
  readonly steps?: readonly StepRecord[];
}

/** Outcome of one compensation. */
export interface CompensationResult {
  readonly step: string;
  readonly compensation: string;
  readonly status: 'completed' | 'failed';
  readonly error?: StoredError;
}

/** Which attempt of a run it is. */
export type AttemptPlace = Pick<StepRecord, 'step' | 'path' | 'type' | 'round' | 'visit' | 'attempt'>;

/** One attempt of a step. */
export interface StepRecord {
  /** Name of the step. */
  readonly step: string;
  /** Its place in the workflow, such as `charge`. */
  readonly path: string;
  readonly type: string;
  readonly round: number;
  readonly visit: number;
  /** From 1. */
  readonly attempt: number;
  readonly status: 'running' | 'waiting' | 'completed' | 'failed';
  /** The data it was called with. */
  readonly input: unknown;
  /** Data that it returned; `null`: nothing, so that the data stayed as it was. */
  readonly output: unknown;
  readonly error: StoredError | null;
  /** With `includeLogs`: what its code has logged, in order. Of an attempt that runs now, what earlier passes of it have. */
  readonly logs?: readonly LogEntry[];
  readonly startedAt: Date;
  readonly completedAt: Date | null;
  readonly durationMs: number | null;
  readonly isCompensation: boolean;
  /** The step that a compensation undoes. */
  readonly compensationFor: string | null;
  readonly childId: string | null;
  /** Time at which the next attempt may begin, of one that failed. Undefined: there is no next attempt. */
  readonly retryAt?: Date;
  /** Values that this attempt has recorded with `once()`, in order; later attempts get the same. Undefined: none. */
  readonly once?: readonly OnceValue[];
}

/** Result of a function that `once()` has called. */
export interface OnceValue {
  readonly name: string;
  /** Undefined, as `input` and `output`, where payloads are not read. */
  readonly value: unknown;
}

/** Filters of runs; all that is given must fit. */
export interface RunFilters {
  /** Name of the workflow. */
  readonly workflow?: string;
  /** One of these. */
  readonly status?: ExecutionStatus | readonly ExecutionStatus[];
  readonly queue?: string;
  readonly parentId?: string;
  /** Runs that have at least these tags. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Started then or later. */
  readonly since?: Date;
  /** Started before. */
  readonly until?: Date;
}

/** Further filters of a list, which no index covers: runs are checked one by one. Times in ms. */
export interface RunMatch {
  /** One of the values, or none of them. */
  readonly texts?: readonly {
    readonly field: 'workflow' | 'queue' | 'error' | 'schedule' | 'version' | 'id';
    readonly not: boolean;
    readonly values: readonly string[];
  }[];
  readonly tags?: readonly { readonly name: string; readonly not: boolean; readonly values: readonly string[] }[];
  /** Ids from this one to that one. */
  readonly idFrom?: string;
  readonly idTo?: string;
  readonly tookAtLeast?: number;
  readonly tookAtMost?: number;
  /** Stands still until the next attempt of a step. */
  readonly retrying?: boolean;
  /** Has no parent. */
  readonly root?: boolean;
}

/** Place of a run in lists. Pages go on behind it though the run is deleted meanwhile. */
export interface RunMark {
  readonly id: string;
  /** Its start, in microseconds since 1970. */
  readonly at: string;
}

/** Filters and page of a list of runs. */
export interface RunListFilters extends RunFilters {
  /** @internal */
  readonly match?: RunMatch;
  /** @internal Only those that come after this place in `order`. */
  readonly behind?: RunMark;
  /** At most 1000. Default: 50. */
  readonly limit?: number;
  /** Runs that are passed over first; each costs some time, so pages go by `before` and `after`. Default: 0. */
  readonly offset?: number;
  /** Id of a run: only those that were started before it. */
  readonly before?: string;
  /** Id of a run: only those that were started after it; with `order: 'desc'` the newest of these. */
  readonly after?: string;
  /** By the time of the start, then by id. Default: `'desc'`, the newest first. */
  readonly order?: 'asc' | 'desc';
  /** Reads `input` and `data` too. Default: false, they are left `undefined`. */
  readonly includeData?: boolean;
}

/** An event that was sent to a run. */
export interface SentEvent {
  readonly id: string;
  readonly name: string;
  readonly sentAt: Date;
  readonly dedupeKey: string | null;
  /** The step that has taken it; null: it waits in the mailbox. */
  readonly wait: { readonly step: string; readonly path: string } | null;
}

/** A stored definition of a workflow. */
export interface WorkflowVersion {
  /** Order of first appearance, from 1. */
  readonly version: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Runs that have it and have not ended. */
  readonly unfinished: number;
  /** Living processes whose code it is. */
  readonly workers: number;
}

/** Counts of runs by status, with a number for every status. */
export type ExecutionCounts = Record<ExecutionStatus, number>;

/** A workflow that some process has or had. */
export interface WorkflowSummary {
  readonly name: string;
  readonly description: string | null;
  readonly queue: string;
  /** Order of first appearance of its present definition, from 1. */
  readonly version: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Its present definition, from which the graph is drawn. */
  readonly graph: WorkflowDefinition;
  /** JSON Schema (2020-12) of its input, as far as its input class says; null: it has none. */
  readonly inputSchema: object | null;
  /** Mermaid flowchart of `graph`. */
  readonly mermaid: string;
  readonly totals: ExecutionCounts;
  /** The run that was started last, without its payloads. */
  readonly lastRun: Execution | null;
}

/** An attempt that runs now, as the processes publish it. */
export interface InFlight extends AttemptPlace {
  readonly runId: string;
  /** The step's data, as core/run/run-state.ts names it. */
  readonly input: DataRef;
  /** ms of database time */
  readonly startedAt: number;
}
