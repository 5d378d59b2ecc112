import { knownByAllCopies } from '../../core/errors/durable-error.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import type { CommitGroup, GroupResult, RemoteStepAck, RemoteStepOp, RunOp, StepTransaction } from './commits.js';
import type { Claimable, ClaimedRow } from './claim-port.js';
import type { LeasedRows, ReadRecord, RecordRange, TakenWait } from './journal-rows.js';
import type {
  DueRows,
  EndedTree,
  LeasedRow,
  LateRuns,
  MatchedEvents,
  PulseFindings,
  PulseQuestion,
  Reconciled,
  Unsound,
  UndoRecord,
  WorkerRegistration,
  WorkerSighting,
} from './rows.js';

export type * from './claim-port.js';
export type * from './commits.js';
export type * from './declaration-store.js';
export type * from './journal-rows.js';
export type * from './schedule-store.js';
export type * from './rows.js';
export { REMOTE_RESERVE, REMOTE_SPAN } from './rows.js';

/**
 * The port between the engine and its storage: what the engine asks of PostgreSQL, one sentence a verb. Verbs are
 * coarse and transactional. There is one implementation (storage/); tests of the engine use a small fake.
 */
export interface EngineStore {
  /** Commits a group in one round trip; never waits for a row: rows locked by others are left out. */
  commitGroup(worker: number, group: CommitGroup): Promise<GroupResult>;
  /** True: a group can be committed beside another. Asked when there is much to do, which may be the reason that it soon can. */
  canCommitBeside(): boolean;
  /**
   * Commits a group whose outcome is unknown: locks the rows, looks what of it has landed, and writes the rest. Starts that are
   * there already are not made again; none is leased.
   */
  commitAgain(worker: number, group: CommitGroup): Promise<GroupResult>;
  /** Commits what a step on another queue did: its row, the run's journal and the run's wake-up in one transaction. */
  commitRemoteStep(worker: number, op: RemoteStepOp): Promise<RemoteStepAck>;
  /**
   * Ends steps of a run on other queues that it does not come back to: those that nobody works on go, and with `late` the others
   * too; else their workers are told the (encoded) error that they are to abort them with. Gives the rows that are left.
   */
  abandonSteps(runId: string, rows: readonly string[], error: string, late: boolean): Promise<string[]>;
  /** Runs `work` in a transaction of the application's own database handle, which also takes the step's record. */
  transaction<T>(work: (transaction: StepTransaction) => Promise<T>): Promise<T>;
  /** After a transaction of unknown outcome: whether its record is in the journal. Waits for the run's row. */
  landed(worker: number, op: RunOp): Promise<boolean>;
  /** The rows that the worker has leased, with their tokens and the pauses, cancels and wakes asked of them. */
  leasedRows(worker: number): Promise<Map<string, LeasedRow>>;
  /**
   * Gives rows back to the queue. `counts`: as a recovery, since no session has their leases: their sessions came to a
   * bad end, or the answer to their claim was lost.
   */
  release(
    worker: number,
    rows: readonly { rowId: string; token: number }[],
    counts: boolean,
  ): Promise<{ queues: string[] }>;
  /** Takes up to `limit` ready rows of the queue for the worker, by rank. */
  claim(worker: number, queue: string, limit: number, definitions: readonly Claimable[]): Promise<ClaimedRow[]>;
  /** A stored definition, for a run that an earlier or later version of the code left behind. */
  loadDefinition(id: number): Promise<WorkflowDefinition>;
  /** The stored definitions of a workflow that have compensations. */
  undoingDefinitions(workflow: string): Promise<WorkflowDefinition[]>;
  /**
   * Takes the ended waits of leased runs: ends those whose time is over and clears the wake marks. A run whose row is locked
   * is left out of the answer.
   */
  takeWaits(worker: number, runs: readonly string[]): Promise<Map<string, TakenWait[]>>;
  /** The same without the lease, for a step on another queue: nothing is changed. */
  readWaits(runId: string): Promise<TakenWait[]>;
  /** Records of the steps that a round has completed, begun and undone, the last one first. */
  loadUndo(runId: string, round: number): Promise<UndoRecord[]>;
  /** Cancels the unfinished children of a run, and all below them. */
  cancelChildren(runId: string, reason: string): Promise<EndedTree>;
  /** Cancels a run and all below it. */
  cancelRun(runId: string, reason: string): Promise<EndedTree>;
  /** The journal records of runs: those after `after`, and those named one by one. */
  loadRecords(wanted: readonly RecordRange[]): Promise<ReadRecord[]>;
  /**
   * `takeWaits` and `loadRecords` in one: the records are those from before the waits were taken, so that a step on
   * another queue which ends in between is looked for again.
   */
  readLeased(worker: number, runs: readonly string[], wanted: readonly RecordRange[]): Promise<LeasedRows>;
  /** Makes rows ready whose time has come, and looks for runs whose timeout is over. */
  wakeDue(limit: number): Promise<DueRows>;
  /** Acts on the timeout of those of the runs without a lease: ended, or to be undone. */
  endLate(runs: readonly string[]): Promise<LateRuns>;
  /** Gives the events that were sent in callers' transactions to the waits that ask for them. */
  matchEvents(limit: number): Promise<MatchedEvents>;
  /**
   * Looks through the next rows of the queue for those that nothing will move although they could go on, and moves them. From
   * the beginning (`after` null) it looks at the rates too.
   */
  reconcile(after: string | null, limit: number): Promise<Reconciled>;
  /** Of leased runs without a wake mark, the last end of a wait that their next passes need (`TakenWait.ended`). */
  lastEnds(worker: number, runs: readonly string[]): Promise<Map<string, number>>;
  /** Sets the wake marks of runs that the worker has leased; gives those that had none. */
  markAgain(worker: number, runs: readonly string[]): Promise<readonly Unsound[]>;
  /** Looks for work for a process: one statement in place of a look by each of its parts. */
  pulse(question: PulseQuestion): Promise<PulseFindings>;

  /** Enters the process into the table of workers. */
  registerWorker(worker: WorkerRegistration): Promise<{ id: number; now: number }>;
  /** Renews the lease of all rows of the worker; the database time in ms, or null: it was declared dead. */
  heartbeat(worker: number, leaseMs: number, inFlight: string | null, listening: boolean): Promise<number | null>;
  /** Looks at the other workers: their leases and whether their sessions are there. */
  lookAtWorkers(worker: number): Promise<WorkerSighting[]>;
  /** Declares workers dead that were not seen since, and makes their rows claimable; gives the queues that got work. */
  recover(dead: readonly { id: number; seenAt: string }[]): Promise<{ queues: string[]; recovered: number }>;
  /** Takes the process out of the table of workers in order; rows that it still had become claimable. */
  deregisterWorker(worker: number): Promise<{ queues: string[] }>;
  /**
   * The stored definitions that this process may claim from these queues: its own, earlier ones that still have runs, and
   * later ones that no living worker has. `undoes`: it is not its own, and has compensations.
   */
  claimableDefinitions(
    worker: number,
    own: readonly number[],
    queues: readonly string[],
  ): Promise<{ id: number; own: number; undoes: boolean }[]>;
}

/**
 * Failure of a statement, by what the engine must know: `unavailable`: nothing was sent; `unknown`: sent, and the
 * answer was lost, so it may have been committed; `rejected`: the server refused it and rolled it back; `retry`: the
 * same, but for a passing reason (a timeout, a deadlock); `scarce`: the same, since it lacks disk, memory or connections;
 * `readOnly`: the same, in a transaction of the app's, since the server takes no writes.
 */
export class StoreError extends Error {
  constructor(
    readonly kind: 'unavailable' | 'unknown' | 'rejected' | 'retry' | 'scarce' | 'readOnly',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StoreError';
  }
}

// The testing kit of one copy of the package has engines on the store of another.
knownByAllCopies(StoreError, Symbol.for('nest-durable.error.StoreError'));
