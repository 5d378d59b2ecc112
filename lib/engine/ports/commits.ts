import type { NewRun } from '../../core/run/new-run.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { FinishedStatus } from '../../core/run/status.js';
import type { ClaimedRow, ClaimOffer } from './claim-port.js';
import type { NewRecord, NewWait } from './journal-rows.js';

/** Commits of the engine, and their acknowledgements (store.ts). */

/** The end or suspension of a run, in the same commit as its last records. */
export type Outcome = EndOutcome | ParkOutcome;

export interface EndOutcome {
  readonly kind: 'end';
  readonly status: FinishedStatus;
  readonly dataSeq: number;
  /** Encoded StoredError. */
  readonly error: string | null;
  /** Name of the step whose record failed the run; null: no record did. */
  readonly failedStep: string | null;
  /** A step of the run is on another queue: its row goes too. */
  readonly dropSteps: boolean;
  /** The end of a rollback, or one that knows what was asked for: a cancel with compensation is answered by it. */
  readonly undone: boolean;
}

/**
 * The reason for a suspension, the first that fits a place of the run: a retry delay, a wait, the end of a child, a step on
 * another queue.
 */
export type Because = 'retry' | 'wait' | 'child' | 'step';

export interface ParkOutcome {
  readonly kind: 'park';
  /** ms until it is due; 0: at once; null: until something wakes it. */
  readonly delayMs: number | null;
  /** Shown to people. */
  readonly because: Because | null;
  /** Parks it as paused; also what happens where its row says that a pause was asked for. */
  readonly pause: boolean;
  /** Paused also where it is to be undone: that was tried, and a person is to look. */
  readonly holds: boolean;
  readonly snapshot: string | null;
  readonly snapshotSeq: number;
  /** The snapshot is that of its last suspension, and what was recorded since stands behind it. Default: it is of now. */
  readonly asItWas?: true;
  /** Records that whoever goes on needs besides: a claim reads them by the way. Null: it reads nothing. */
  readonly needs: readonly number[] | null;
  /** null: as it was. */
  readonly dataSeq: number | null;
  readonly round: number;
  /** The last end of a wait (`TakenWait.ended`) that is known here; 0: none. */
  readonly heard: number;
  /** Encoded StoredError: why it was paused. */
  readonly error: string | null;
}

/** Effects of a commit beside the journal and the run's own row: rare, so that most groups pay nothing for them. */
export interface OpExtras {
  readonly waits: readonly NewWait[];
  /** Ids of waits that no further pass asks for: the open ones are cancelled. */
  readonly closes: readonly string[];
  /** Remote steps, each with a row and a lease of its own. */
  readonly remoteStarts: readonly RemoteStart[];
  readonly children: readonly StartOp[];
  /** The run ends, and others may be waiting for it. */
  readonly awaited: boolean;
  /** True: the run is being undone from now on; null: no change. */
  readonly compensating: boolean | null;
  /** The run ends or begins anew: all its waits are over. */
  readonly closeAll: boolean;
  /** A further round begins: the events that its waits took are in the mailbox again. */
  readonly giveBack: boolean;
  /** The run has failed: its steps on other queues have no part in it any more, and their holders are refused. */
  readonly dropSteps: boolean;
  /** From a step on another queue: pauses the run, with this encoded error. */
  readonly pause: string | null;
}

/** A run that goes on, since something came that it has waited for; what its row in the queue says now. */
export interface WokenRun {
  readonly runId: string;
  readonly queue: string;
  readonly paused: boolean;
  /** Running: a worker has it, and its `wake` mark is set. */
  readonly state: 'ready' | 'running' | 'sleeping';
}

export interface RemoteStart {
  readonly rowId: string;
  readonly queue: string;
  /** A RemoteStep as JSON. */
  readonly step: string;
}

/** A commit of the worker of a remote step. `outcome` null: only a `once`. */
export interface RemoteStepOp {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  /** Numbers of records that it builds on; see RunOp. */
  readonly after: readonly number[];
  readonly records: readonly NewRecord[];
  readonly outcome:
    | null
    | { readonly kind: 'done' }
    | { readonly kind: 'again'; readonly delayMs: number; readonly step: string }
    /** The row stays as it is, paused with its run. */
    | { readonly kind: 'pause' };
  readonly extras: OpExtras | null;
}

export interface RemoteStepAck {
  readonly taken: boolean;
  readonly woken: WokenRun | null;
}

export interface StepTransaction {
  /** The application's transaction handle (a TypeORM EntityManager). */
  readonly manager: unknown;
  /** Told before the step's code begins how it is known: from `record` or the end on, whatever that code sends is refused. */
  codeIs(isCode: () => boolean): void;
  /** Writes the record under the run's fence; false: the lease is lost. */
  record(worker: number, op: RunOp): Promise<boolean>;
  /** True when the step's own code has committed it or rolled it back. */
  hasEnded(): boolean;
  /**
   * What has become of it where its code has thrown this: its connection is gone, or the server has refused a statement
   * for a reason that passes (a conflict with another transaction, a full disk, a server that takes no writes). Null: it can
   * still be committed.
   */
  lossBy(thrown: StoredError): Promise<'unavailable' | 'retry' | 'scarce' | 'readOnly' | null>;
}

/** One run's share of a group. */
export interface RunOp {
  /** The row in workflow_queue that carries the lease. */
  readonly rowId: string;
  /** The run whose journal is written (not the row's own for a remote step). */
  readonly runId: string;
  readonly token: number;
  /**
   * Numbers of the records, since its lease began, that it builds on, and a wait. It is taken only where all of them are
   * there, so that a journal which a failover has cut short gets no gap.
   */
  readonly after: readonly number[];
  readonly afterWait: string | null;
  readonly records: readonly NewRecord[];
  readonly outcome: Outcome | null;
  readonly extras: OpExtras | null;
}

/** A start that waits for its turn in a group commit. */
export type StartOp = Omit<NewRun, 'idempotencyKey' | 'scheduleTime' | 'scheduleName'>;

export interface CommitGroup {
  readonly ops: readonly RunOp[];
  readonly starts: readonly StartOp[];
  /** Places for what the starts make ready. */
  readonly offer: ClaimOffer | null;
}

export type Ack =
  | {
      readonly taken: true;
      /** A pause was asked for: start nothing further. */
      readonly paused: boolean;
      /** Another process waits for the end. */
      readonly watched: boolean;
      /** The run was parked claimable, since its wake mark was set. */
      readonly ready: boolean;
      /** True: still leased, and one of its waits is over. */
      readonly wake: boolean;
      /** True: a cancel with compensation is asked for; the end in this commit was refused. */
      readonly cancel: boolean;
    }
  | { readonly taken: false };

export interface GroupResult {
  /** By rowId; an op that is not here was not taken: its row is locked by somebody, or its lease is lost. */
  readonly acks: ReadonlyMap<string, Ack>;
  /** Rows that the worker's offer has claimed. */
  readonly claimed: readonly ClaimedRow[];
  /** Other runs that got what they wait for. */
  readonly woken: readonly WokenRun[];
}
