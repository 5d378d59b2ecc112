import type { WaitKind } from '../run/wait-spec.js';

/** Kind of a standing. */
export type StandingKind =
  | 'failed'
  | 'compensated'
  | 'compensation_failed'
  | 'cancelled'
  | 'completed'
  | 'paused'
  | 'compensating'
  | 'running'
  | 'retry'
  | WaitKind
  /** A step on another queue that no worker has. */
  | 'queued'
  | 'scheduled'
  | 'due';

/** Explanation of where a run stands: why it stands still, how it ended, or what comes next. */
export interface Standing {
  readonly kind: StandingKind;
  /** One sentence without its full stop; names in backticks. */
  readonly title: string;
  /** Further sentences; `''`: none. */
  readonly detail: string;
  /**
   * Time at which the wait that the sentence names ends or times out, of a rate that is used up: at which it has room again;
   * null: unknown.
   */
  readonly until: Date | null;
  /** Name of the step that it is about. */
  readonly step?: string;
  /** Open waits of its steps. */
  readonly waits: readonly StandingWait[];
  /** Time of the next attempt; null: no retry delay is running. */
  readonly nextAttemptAt: Date | null;
  /** Reason why no worker claims it though it is ready; null: none. */
  readonly blockedBy: BlockedBy | null;
}

/** An open wait of a step. */
export interface StandingWait {
  readonly step: string;
  readonly path: string;
  readonly kind: WaitKind;
  readonly names: readonly string[];
  readonly until: Date | null;
  readonly childId: string | null;
}

/** Reason why no worker claims a run that is ready. */
export interface BlockedBy {
  readonly why: 'paused' | 'full' | 'rate' | 'worker' | 'key' | 'version' | 'ahead';
  readonly queue?: string;
  /** Of its workflow's concurrency limit. */
  readonly key?: string;
  readonly limit?: number;
  /** Of a key: id of the run that has had a place of it the longest. */
  readonly run?: string;
  /** Actor that paused the queue, where known. */
  readonly by?: string;
}

/** One part of the explanation. */
export type Said = Pick<Standing, 'kind' | 'title'> &
  Partial<Pick<Standing, 'step' | 'until' | 'nextAttemptAt' | 'blockedBy'>> & {
    readonly detail: readonly (string | null)[];
  };
