import type { WorkflowDefinition } from '../definition/definition.js';
import type { ExecutionStatus } from '../run/status.js';
import type { StoredError } from '../errors/stored-error.js';
import type { WaitKind } from '../run/wait-spec.js';

/** The facts of a run that its standing is made of (standing.ts). Times are the database's. */
export interface StandingFacts {
  readonly now: Date;
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly pauseRequested: boolean;
  readonly round: number;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  /** Due time: it became ready then or, asleep, will be; null: something else wakes it, or it has ended. */
  readonly dueAt: Date | null;
  /** Time of the run's own timeout. */
  readonly deadlineAt: Date | null;
  /** True: suspended, until `dueAt` or until something wakes it. */
  readonly asleep: boolean;
  readonly error: StoredError | null;
  readonly scheduleName: string | null;
  /** Definition that it runs; null: it is stored no more. */
  readonly definition: WorkflowDefinition | null;
  /** Act that paused it or, once it has ended, cancelled it, where known. */
  readonly act: ActFacts | null;
  /** It was cancelled, and what it did is to be undone: nobody has begun with that. */
  readonly toBeUndone: boolean;
  /** Of a run that is being undone, or is to be: the act that cancelled it, where known. */
  readonly cancel: ActFacts | null;
  /** Of a run that is being undone: the last act that was to cancel it, and changed nothing. */
  readonly inVain: (ActFacts & { readonly at: Date }) | null;
  /** Attempts that run now, the oldest first. */
  readonly attempts: readonly AttemptFacts[];
  /** Attempts that have failed and are made again, the next one first. */
  readonly retries: readonly RetryFacts[];
  /** Open waits, those that end first first; a thousand at most. */
  readonly waits: readonly WaitFacts[];
  /** Open waits beside these. */
  readonly moreWaits: number;
  /** Steps on other queues that no worker has. */
  readonly away: readonly AwayFacts[];
  /** Loops that it is in. */
  readonly loops: readonly LoopFacts[];
  /** Of a run that is ready. */
  readonly queue: QueueFacts | null;
  /** Of a run that a worker has. */
  readonly worker: WorkerFacts | null;
  /** Of a run that is being undone, or was. */
  readonly undo: UndoFacts | null;
  /** Of a run that has failed, was cancelled or undone. */
  readonly failure: FailureFacts | null;
  /** Of a completed run. */
  readonly work: WorkFacts | null;
}

export interface ActFacts {
  readonly actor: string | null;
  readonly reason: string | null;
}

export interface AttemptFacts {
  readonly step: string;
  readonly path: string;
  readonly attempt: number;
  /** Null: its worker has not said yet. */
  readonly startedAt: Date | null;
}

export interface RetryFacts {
  readonly step: string;
  readonly path: string;
  /** Number of the next attempt, from 1. */
  readonly attempt: number;
  readonly at: Date;
  /** Of the last one. */
  readonly error: StoredError | null;
}

export interface WaitFacts {
  readonly step: string;
  readonly path: string;
  readonly kind: WaitKind;
  readonly names: readonly string[];
  /** Of these the events that have come. */
  readonly came: readonly string[];
  readonly createdAt: Date;
  /** Time at which it ends or times out; null: never. */
  readonly dueAt: Date | null;
  readonly onTimeout: 'throws' | 'fails' | 'value';
  readonly childId: string | null;
  readonly childWorkflow: string | null;
  /** Standing of the child; one level. */
  readonly child: StandingFacts | null;
}

export interface AwayFacts {
  readonly step: string;
  readonly path: string;
  readonly dueAt: Date;
  readonly queue: QueueFacts;
}

export interface LoopFacts {
  /** Of the loop's selector. */
  readonly path: string;
  readonly items: number;
  /** Its items were known and could begin. */
  readonly beganAt: Date | null;
  /** Items that have ended, failed ones among them. */
  readonly through: number;
  readonly failed: number;
  /** How `through` and `failed` are meant: its records may be too many to be looked at, or even to be counted. */
  readonly counted: 'all' | 'about' | 'at least';
  /** Items that have ended in the last minute; null: too many to be looked at. */
  readonly lastMinute: number | null;
}

/** A queue, as one row in it sees it. */
export interface QueueFacts {
  readonly name: string;
  readonly paused: ActFacts | null;
  /** Leased rows. */
  readonly leased: number;
  /** `globalConcurrency`, else the places of its living workers. */
  readonly places: number;
  readonly workers: number;
  /** Null also where the row is one that the rate does not count. */
  readonly rate: RateFacts | null;
  /** Of its workflow's concurrency limit; null also where the row has its place already. */
  readonly key: KeyFacts | null;
  /** The version of its definition, and those that living workers of the queue have of the workflow. */
  readonly version: number;
  readonly versions: readonly number[];
  /** One of them may claim it. */
  readonly claimable: boolean;
  /** Rows that come first. */
  readonly ahead: number;
}

export interface RateFacts {
  readonly limit: number;
  /** ms */
  readonly period: number;
  readonly used: number;
  /** Time at which it lets one more through; null: now, or never. */
  readonly freeAt: Date | null;
}

export interface KeyFacts {
  /** Null: all runs of the workflow count together. */
  readonly key: string | null;
  readonly limit: number;
  readonly taken: number;
  /** The run that has had a place the longest; null: none has one any more. */
  readonly first: {
    readonly run: string;
    readonly does: 'works' | 'waits' | 'paused' | 'ready';
    /** It keeps the place until it has ended; else as long as a worker has it. */
    readonly untilEnded: boolean;
  } | null;
}

export interface WorkerFacts {
  readonly seenAt: Date;
  readonly expiresAt: Date;
}

export interface UndoFacts {
  /** Its records are too many to be looked at: there is more than is said here. */
  readonly cut: boolean;
  /** Names of the steps whose compensation has ended well, has failed, and is still to come. */
  readonly done: readonly string[];
  readonly failed: readonly string[];
  readonly left: readonly string[];
}

export interface FailureFacts {
  /** Null: no record of a step failed it. */
  readonly step: string | null;
  /** Null: the one that failed was not found among the last records. */
  readonly attempts: number | null;
  /** Other runs of the workflow that failed in that step with that error; `more`: that many at least. */
  readonly others: { readonly n: number; readonly more: boolean; readonly since: Date } | null;
  readonly retriedAs: string | null;
}

export interface WorkFacts {
  /** ms that its attempts took. */
  readonly ms: number;
  /** Null: there was none, or its waits are too many to be looked at. */
  readonly longestWait: { readonly step: string; readonly ms: number } | null;
  readonly failedAttempts: number;
  /** Items of loops that failed for good. */
  readonly failedItems: number;
  /** Its records are too many to be looked at: all these are more. */
  readonly more: boolean;
}
