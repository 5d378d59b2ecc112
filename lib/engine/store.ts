import type { WorkflowDefinition } from '../core/definition.js';
import type { ScheduleState } from '../core/schedule.js';
import type { FinishedStatus } from '../core/status.js';

/**
 * The port between the engine and its storage: what the engine asks of PostgreSQL, one sentence a verb. Verbs are
 * coarse and transactional. There is one implementation (storage/); tests of the engine use a small fake.
 */
export interface EngineStore {
  /** Commits a group in one round trip; never waits for a row: what somebody else has locked is left out. */
  commitGroup(worker: number, group: CommitGroup): Promise<GroupResult>;
  /** Commits one operation whose outcome may be unknown: locks its row, looks whether it landed, else writes it. */
  commitAlone(worker: number, op: RunOp): Promise<Ack | 'busy'>;
  /** Inserts one start whose outcome may be unknown; idempotent by its id. */
  startAlone(start: StartOp): Promise<void>;
  /** Commits what a step on another queue did: its row, the run's journal and the run's wake-up in one transaction. */
  commitHanded(worker: number, op: HandedOp): Promise<HandedAck>;
  /** Runs `work` in a transaction of the application's own database handle, which also takes the step's record. */
  transaction<T>(work: (transaction: StepTransaction) => Promise<T>): Promise<T>;
  /** After a commit of unknown outcome: whether the record is in the journal. Waits for the run's row. */
  landed(rowId: string, runId: string, seq: number): Promise<boolean>;
  /** The rows that the worker holds, with their tokens. */
  held(worker: number): Promise<Map<string, number>>;
  /** Gives up rows that the worker holds without knowing them. */
  release(worker: number, rows: readonly { rowId: string; token: number }[]): Promise<{ queues: string[] }>;
  /** Takes up to `limit` ready rows of the queue for the worker, in claim order. */
  claim(worker: number, queue: string, limit: number, definitions: readonly Claimable[]): Promise<ClaimedRow[]>;
  /** A stored definition, for a run that an earlier or later version of the code left behind. */
  loadDefinition(id: number): Promise<WorkflowDefinition>;
  /** The journal records of runs: those after `after`, and those named one by one. */
  loadRecords(wanted: readonly RecordRange[]): Promise<(JournalRecord & { rowId: string })[]>;
  /** Makes rows ready whose time has come; says when the next is due (ms from now) and which queues got work. */
  wakeDue(limit: number): Promise<{ queues: string[]; woken: number; nextInMs: number | null }>;

  /** Enters the process into the table of workers. */
  registerWorker(worker: WorkerRegistration): Promise<{ id: number; now: number }>;
  /** Renews the lease of everything the worker holds; the database time in ms, or null: it was declared dead. */
  heartbeat(worker: number, leaseMs: number, inFlight: string): Promise<number | null>;
  /** Looks at the other workers: their leases and whether their sessions are there. */
  lookAtWorkers(worker: number): Promise<WorkerSighting[]>;
  /** Declares workers dead that were not seen since, and makes what they held claimable; says which queues got work. */
  recover(dead: readonly { id: number; seenAt: string }[]): Promise<{ queues: string[]; recovered: number }>;
  /** Takes the process out of the table of workers in order; what it still held becomes claimable. */
  deregisterWorker(worker: number): Promise<{ queues: string[] }>;
  /** The stored definitions this process may run: its own, earlier ones that still have runs, and orphaned later ones. */
  claimableDefinitions(worker: number, own: readonly number[]): Promise<{ id: number; own: number }[]>;
}

/** What the scheduler asks of PostgreSQL. */
export interface ScheduleStore {
  /**
   * Fires the schedule that has been due for longest, in one transaction: locks its row, asks `plan` what to do, starts
   * the runs, and sets the next due time and the count of failures. What others have locked is passed over.
   */
  fireSchedule(
    workflows: readonly string[],
    leaveAlone: readonly string[],
    plan: (schedule: ScheduleState, now: number) => Promise<FirePlan>,
  ): Promise<FiredSchedule | NothingDue>;
}

export interface NothingDue {
  readonly name: null;
  /** ms until the next due time; null: there is none. */
  readonly nextInMs: number | null;
  /** ms of database time */
  readonly now: number;
}

/** What is to be done with a schedule that is due. Times in ms of database time. */
export type FirePlan =
  /** Nothing, here: this process cannot tell. */
  | { readonly kind: 'leave' }
  /** `next`: its next due time. `error`: encoded StoredError. */
  | { readonly kind: 'fail'; readonly next: number; readonly error: string }
  /** `dues`: the due times to start runs for, in order; may be none. */
  | { readonly kind: 'start'; readonly next: number; readonly dues: readonly number[]; readonly target: FireTarget };

export interface FireTarget {
  readonly definitionId: number;
  readonly queue: string;
  readonly priority: number;
}

export interface FiredSchedule {
  readonly name: string;
  /** The runs that were started. */
  readonly runs: readonly string[];
  /** Why none could be; null: there was no failure. */
  readonly error: string | null;
  /** Too many starts had failed. */
  readonly autoDisabled: boolean;
}

/** A definition that may be claimed, and the one of this process that runs it. */
export interface Claimable {
  readonly id: number;
  readonly runAs: number;
  /** The workflow's timeout in ms, for the deadline set at the first claim. */
  readonly timeout: number | null;
}

/** A finished attempt, or a `once`, on its way into the journal. */
export interface NewRecord {
  readonly seq: number;
  readonly inputSeq: number;
  readonly round: number;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly type: RecordType;
  readonly status: 'completed' | 'failed';
  /** Encoded; null: the data goes on unchanged. */
  readonly output: string | null;
  /** Encoded StoredError. */
  readonly error: string | null;
  /** ms until the next attempt; null: there is none. */
  readonly retryInMs: number | null;
  readonly durationMs: number;
}

export type RecordType = 'step' | 'once';

/** A record as read back; `retryAt` in ms of database time. */
export interface JournalRecord extends Omit<NewRecord, 'retryInMs'> {
  readonly retryAt: number | null;
}

export interface RecordRange {
  /** The row they are wanted for; comes back with each record. */
  readonly rowId: string;
  readonly runId: string;
  /** Records with a higher seq are wanted. */
  readonly after: number;
  /** And these, whatever their place. */
  readonly also: readonly number[];
}

/** How a run leaves the worker in the same commit as its last records. */
export type Outcome = EndOutcome | ParkOutcome;

export interface EndOutcome {
  readonly kind: 'end';
  readonly status: FinishedStatus;
  readonly dataSeq: number;
  /** Encoded StoredError. */
  readonly error: string | null;
  /** A step of the run is on another queue: its row goes too. */
  readonly dropSteps: boolean;
}

export interface ParkOutcome {
  readonly kind: 'park';
  /** ms until it is due; 0: at once; null: until something wakes it. */
  readonly delayMs: number | null;
  /** Parks it as paused; also what happens when a pause was asked for. */
  readonly pause: boolean;
  readonly snapshot: string | null;
  readonly snapshotSeq: number;
  /** null: as it was. */
  readonly dataSeq: number | null;
  readonly round: number;
  /** Encoded StoredError: why it was paused. */
  readonly error: string | null;
  /** A step handed to another queue, with a row and a lease of its own. */
  readonly handOver: HandOver | null;
}

export interface HandOver {
  readonly rowId: string;
  readonly queue: string;
  /** A HandedStep as JSON. */
  readonly step: string;
}

/** A step on another queue: what its worker needs to know beside the run itself. */
export interface HandedStep {
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly round: number;
  readonly dataSeq: number;
  /** The records of its `once` calls, by name. */
  readonly once: Readonly<Record<string, number>>;
  /** Its records are numbered from here on; the run keeps this span free. */
  readonly nextSeq: number;
}

/** What the worker of a handed-over step commits. `outcome` null: only a `once`. */
export interface HandedOp {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly records: readonly NewRecord[];
  readonly outcome:
    null | { readonly kind: 'done' } | { readonly kind: 'again'; readonly delayMs: number; readonly step: string };
}

/** `wokeQueue`: the queue in which the run itself is claimable again. */
export type HandedAck = { readonly taken: boolean; readonly paused: boolean; readonly wokeQueue: string | null };

export interface StepTransaction {
  /** The application's transaction handle (a TypeORM EntityManager). */
  readonly manager: unknown;
  /** Writes the record under the run's fence; false: the lease is lost. */
  record(worker: number, op: RunOp): Promise<boolean>;
}

/** One run's share of a group. */
export interface RunOp {
  /** The row in workflow_queue that carries the lease. */
  readonly rowId: string;
  /** The run whose journal is written (not the row's own for a handed-over step). */
  readonly runId: string;
  readonly token: number;
  readonly records: readonly NewRecord[];
  readonly outcome: Outcome | null;
}

export interface StartOp {
  readonly id: string;
  readonly workflow: string;
  readonly definitionId: number;
  readonly queue: string;
  readonly priority: number;
  readonly input: string;
  readonly tags: Readonly<Record<string, string>> | null;
  /** ms; 0: at once. */
  readonly delayMs: number;
  /** Absolute due time, as ISO text; wins over `delayMs`. */
  readonly scheduledAt: string | null;
  readonly retryOf: string | null;
  /** The workflow's timeout, should it be claimed at once. */
  readonly timeout: number | null;
  /** Ask to hold it at once: granted where the queue has nothing claimable before it. */
  readonly claim: boolean;
}

export interface CommitGroup {
  readonly ops: readonly RunOp[];
  readonly starts: readonly StartOp[];
  /** Definitions this process may claim: backlog of these goes before a start claimed at once. */
  readonly claimable: readonly number[];
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
    }
  | { readonly taken: false };

export interface GroupResult {
  /** By rowId; an op that is not here was not taken: its row is locked by somebody, or lost. */
  readonly acks: ReadonlyMap<string, Ack & { taken: true }>;
  /** Ids of the starts that this process now holds, with their tokens. */
  readonly claimed: ReadonlyMap<string, number>;
}

export interface ClaimedRow {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly workflow: string;
  /** Definition of this process that the row is now run by. */
  readonly definitionId: number;
  /** Definition it was last run by (or started for). */
  readonly ranBy: number;
  readonly queue: string;
  readonly input: string;
  readonly snapshot: string | null;
  readonly snapshotSeq: number;
  readonly round: number;
  /** Whether this is the run's first claim ever: no records to read. */
  readonly fresh: boolean;
  readonly recoveries: number;
  /** ms until the run's timeout; null: none. */
  readonly deadlineInMs: number | null;
  /** A HandedStep as JSON where the row is a step on another queue. */
  readonly step: string | null;
  /** The due time of the schedule that started the run, ms; null: none did. */
  readonly scheduledTime: number | null;
}

export interface WorkerRegistration {
  readonly host: string;
  readonly pid: number;
  readonly processKey: string | null;
  readonly processStart: string | null;
  readonly version: string;
  readonly queues: readonly string[];
  readonly definitions: readonly number[];
  readonly sessionName: string | null;
  readonly leaseMs: number;
}

export interface WorkerSighting {
  readonly id: number;
  readonly pid: number;
  readonly processKey: string | null;
  readonly processStart: string | null;
  /** Text of the timestamp, compared for equality only. */
  readonly seenAt: string;
  readonly expired: boolean;
  readonly dead: boolean;
  /** Dead, and rows still carry its number. */
  readonly owes: boolean;
  /** Whether the session it listens on is connected; null: it cannot be watched, or the server restarted since it was seen. */
  readonly connected: boolean | null;
}

/**
 * Why a statement failed, as far as the engine must know: `unavailable`: nothing was sent; `unknown`: sent, and the
 * answer was lost, so it may have been committed; `rejected`: the server refused it and rolled it back; `retry`: the
 * same, but for a passing reason (a timeout, a deadlock, a shutdown).
 */
export class StoreError extends Error {
  constructor(
    readonly kind: 'unavailable' | 'unknown' | 'rejected' | 'retry',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StoreError';
  }
}
