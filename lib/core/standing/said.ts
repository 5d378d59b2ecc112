import type { WaitKind } from '../run/wait-spec.js';

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

/** Why a run stands still, how it ended, or what comes next. */
export interface Standing {
  readonly kind: StandingKind;
  /** One sentence without its full stop; names in backticks. */
  readonly title: string;
  /** Further sentences; `''`: none. */
  readonly detail: string;
  /** What the sentence waits for comes then, or times out; null: nobody knows when. */
  readonly until: Date | null;
  /** Name of the step that it is about. */
  readonly step?: string;
  /** All that its steps wait for. */
  readonly waits: readonly StandingWait[];
  /** The attempt that is made next; null: none is waited for. */
  readonly nextAttemptAt: Date | null;
  /** Why no worker takes what is ready; null: nothing is in its way. */
  readonly blockedBy: BlockedBy | null;
}

export interface StandingWait {
  readonly step: string;
  readonly path: string;
  readonly kind: WaitKind;
  readonly names: readonly string[];
  readonly until: Date | null;
  readonly childId: string | null;
}

export interface BlockedBy {
  readonly why: 'paused' | 'full' | 'rate' | 'worker' | 'key' | 'version' | 'ahead';
  readonly queue?: string;
  /** Of its workflow's concurrency limit. */
  readonly key?: string;
  readonly limit?: number;
  /** Who has paused the queue, where that is known. */
  readonly by?: string;
}

/** What a part of the sentence says. */
export type Said = Pick<Standing, 'kind' | 'title'> &
  Partial<Pick<Standing, 'step' | 'until' | 'nextAttemptAt' | 'blockedBy'>> & {
    readonly detail: readonly (string | null)[];
  };
