import type { Claimable, ClaimedRow, QueueLimits, QueueState } from './store.js';

/** The port between the engine and what is stored of queues: settings and limits. One implementation (storage/). */
export interface QueueStore {
  /** Queues that are paused, or whose claims must count (claimLimited). One that is not there is neither. */
  queueStates(): Promise<QueueState[]>;
  /** Those of the definitions that have something claimable in the queue. */
  readyDefinitions(queue: string, definitions: readonly number[]): Promise<number[]>;
  /** Takes rows as EngineStore.claim does, within all limits, one claim of a limited queue or workflow at a time. */
  claimLimited(claim: LimitedClaim): Promise<LimitedClaims>;
  /** Says what runs count under, where that is not known yet. */
  setLimitKeys(keys: readonly { readonly runId: string; readonly limitKey: string }[]): Promise<void>;
  /** Pauses a run that cannot be claimed since it has no key; `error` is an encoded StoredError. */
  refuseUnkeyed(runId: string, error: string): Promise<void>;
  /**
   * Looks through the keys whose rows were set aside by a claim, a page of them after `after`: those of these workflows that
   * have a place free, and the last one of the page; null: there is none behind it.
   */
  blockedKeys(
    workflows: readonly ({ readonly workflow: string } & KeyLimit)[],
    after: string,
  ): Promise<{ free: string[]; last: string | null }>;
  /** Gives set-aside rows back to their queues where their key has a place free; says which queues got work. */
  unblock(keys: readonly ({ readonly limitKey: string } & KeyLimit)[]): Promise<string[]>;
}

/** Settings of a process for a queue. */
export interface QueueSettings extends Omit<QueueLimits, 'queue'> {
  readonly concurrency: number;
  /** ms */
  readonly pollInterval: number;
}

/** Runs of one key that have a place at a time, over all processes; null: any number. */
export interface KeyLimit {
  readonly limit: number;
  /** A run keeps its place until it has ended, and not only while a worker has it. */
  readonly whole: boolean;
}

/** A definition that may be claimed, with the limit of its workflow. */
export interface LimitedClaimable extends Claimable {
  readonly workflow: string;
  readonly limit: KeyLimit | null;
}

export interface LimitedClaim {
  readonly worker: number;
  readonly queue: string;
  readonly count: number;
  readonly definitions: readonly LimitedClaimable[];
}

export interface LimitedClaims {
  readonly rows: readonly (ClaimedRow & { readonly limitKey: string | null })[];
  /** Rows that need a key first. They were not taken. */
  readonly unkeyed: readonly ClaimedRow[];
  /** Rows that were set aside since their key has no place: there may be others behind them. */
  readonly blocked: number;
  /** ms until the queue's rate lets more through; null: the rate does not limit it. */
  readonly nextInMs: number | null;
}
