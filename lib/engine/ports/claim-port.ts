import type { ReadByTheWay } from './journal-rows.js';

/** Requests and results of claims (store.ts, queue-store.ts). */

/** A definition that may be claimed, and the one of this process that runs it. */
export interface Claimable {
  readonly id: number;
  readonly runAs: number;
  /** The workflow's timeout in ms, for the deadline set at the first claim. */
  readonly timeout: number | null;
}

/** Places that a worker has free: a transaction that makes runs ready claims for them what comes first then. */
export interface ClaimOffer {
  readonly worker: number;
  readonly places: readonly { readonly queue: string; readonly places: number }[];
  /** Definitions that it may claim. */
  readonly definitions: readonly Claimable[];
}

/** A row of the queue that this process has claimed. */
export interface ClaimedRow {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly workflow: string;
  /** Definition of this process that the row is now run by. */
  readonly definitionId: number;
  /** Definition by which its records since its last suspension were written; its own: there are none, or it has written them. */
  readonly ranBy: number;
  readonly queue: string;
  readonly input: string;
  readonly snapshot: string | null;
  readonly snapshotSeq: number;
  readonly round: number;
  /** True: the run's first claim, with no records to read. */
  readonly fresh: boolean;
  readonly recoveries: number;
  /** ms until the run's timeout; null: none. */
  readonly deadlineInMs: number | null;
  /** A RemoteStep as JSON where the row is a step on another queue. */
  readonly step: string | null;
  /** The due time of the schedule that started the run, ms; null: none did. */
  readonly scheduledTime: number | null;
  readonly priority: number;
  readonly parentId: string | null;
  /** Encoded error of a cancel that asks for compensation; null: none. */
  readonly cancel: string | null;
  /** W3C `traceparent` of whatever started the run. Default: that is not traced. */
  readonly traceparent?: string | null;
  /** ms for which it had been ready when it was claimed. Default: 0. */
  readonly lagMs?: number;
  /** ms since its first claim. Default: 0. */
  readonly ageMs?: number;
  /** What it needs to go on, where the claim has read that by the way. Default: it is to be read. */
  readonly read?: ReadByTheWay | undefined;
}
