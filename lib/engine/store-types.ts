import type { RecordFacts, RecordType } from '../core/machine.js';
import type { ChildRef, DataRef, LogMark, ResultsRef, TraceMark } from '../core/run-state.js';
import type { FinishedStatus } from '../core/status.js';
import type { WaitKind, WaitState } from '../core/wait-spec.js';

/** What goes through the port between the engine and its storage (store.ts). */

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
  readonly input: DataRef;
  readonly round: number;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly type: RecordType;
  readonly status: 'completed' | 'failed';
  readonly facts: RecordFacts | null;
  /** Encoded; null: the data goes on unchanged. */
  readonly output: string | null;
  /** Encoded StoredError. */
  readonly error: string | null;
  /** What its code has logged (log-entry.ts); null: nothing. */
  readonly logs: string | null;
  /** ms until the next attempt; null: there is none. */
  readonly retryInMs: number | null;
  readonly durationMs: number;
}

/** A record as read back; `retryAt` in ms of database time. */
export interface JournalRecord extends Omit<NewRecord, 'retryInMs' | 'input' | 'logs'> {
  readonly retryAt: number | null;
  /** There is an output, though `output` may be null: large ones are left out unless asked for by number. */
  readonly hasOutput: boolean;
}

export interface RecordRange {
  /** The row they are wanted for; comes back with each record. */
  readonly rowId: string;
  readonly runId: string;
  /** Records with a higher seq are wanted; null: none. */
  readonly after: number | null;
  /** Up to this one; null: all. */
  readonly upTo: number | null;
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
  /** The end of a rollback, or of a run that has nothing to undo: a cancel with compensation is answered by it. */
  readonly undone: boolean;
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
}

/** What a commit does beside the journal and the run's own row: rare, so that most groups pay nothing for it. */
export interface OpExtras {
  readonly waits: readonly NewWait[];
  /** Ids of waits that no further pass asks for: the open ones are cancelled. */
  readonly closes: readonly string[];
  /** Steps handed to another queue, each with a row and a lease of its own. */
  readonly handOvers: readonly HandOver[];
  readonly children: readonly StartOp[];
  /** The run ends, and this one may be waiting for it. */
  readonly parent: string | null;
  /** Whether the run is being undone, from now on. */
  readonly compensating: boolean | null;
  /** The run ends or begins anew: all its waits are over. */
  readonly closeAll: boolean;
  /** The run has failed: its steps on other queues have no part in it any more, and their holders are refused. */
  readonly dropSteps: boolean;
  /** From a step on another queue: pauses the run, with this encoded error. */
  readonly pause: string | null;
}

export interface NewWait {
  readonly id: string;
  readonly round: number;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  /** Kind, name and count in the step. */
  readonly key: string;
  readonly kind: WaitKind;
  readonly names: readonly string[];
  readonly childId: string | null;
  /** Database time in ms; null: never. */
  readonly dueAt: number | null;
  /** Encoded WaitSpec. */
  readonly spec: string | null;
}

/** A wait of a step that is not over, as it is now. */
export interface TakenWait extends Omit<NewWait, 'round'> {
  readonly state: WaitState;
  /** Encoded; see the table. */
  readonly result: string | null;
  /** The events that it was given, payloads encoded. */
  readonly events: readonly {
    readonly name: string;
    readonly payload: string;
    /** Of whoever sent it, where that is traced. */
    readonly traceparent?: string | null;
  }[];
  readonly child: null | {
    readonly workflow: string;
    /** 'active' until it has ended. */
    readonly status: string;
    readonly data: string | null;
    readonly error: string | null;
  };
}

/** A completed step, an intent, or an attempt to undo one. */
export interface UndoRecord {
  readonly seq: number;
  readonly path: string;
  readonly visit: number;
  readonly type: 'step' | 'decision' | 'intent' | 'compensate';
  readonly status: 'completed' | 'failed';
  readonly input: DataRef;
  readonly hasOutput: boolean;
  /** It is not tried again. */
  readonly final: boolean;
}

/** What a cancel has done. */
export interface CancelledTree {
  /** Runs that have ended: whether a worker had them, and whether another process waits for their end. */
  readonly ended: readonly {
    readonly id: string;
    readonly workflow: string;
    readonly held: boolean;
    readonly watched: boolean;
  }[];
  /** Runs that are to be undone: whether a worker has them, else they can be claimed in their queue. */
  readonly undoing: readonly { readonly id: string; readonly queue: string; readonly held: boolean }[];
  /** Parents that have waited for one that ended. */
  readonly woken: readonly WokenRun[];
}

/** A run that goes on, since something came that it has waited for; what its row in the queue says now. */
export interface WokenRun {
  readonly runId: string;
  readonly queue: string;
  readonly paused: boolean;
  /** Running: a worker has it, and its `wake` mark is set. */
  readonly state: 'ready' | 'running' | 'sleeping';
}

/** An event that has come into a run's mailbox. */
export interface ReceivedEvent {
  readonly runId: string;
  readonly name: string;
  /** Tells it from the run's others: its dedupe key, or its number. */
  readonly key: string;
}

export interface MatchedLoose {
  readonly received?: readonly ReceivedEvent[];
  readonly woken: readonly WokenRun[];
  /** What there is left to do: nothing, runs that somebody had locked, or more than the limit. */
  readonly left: 'none' | 'locked' | 'more';
}

export interface HeldRow {
  readonly token: number;
  /** Something it waits for has come. */
  readonly wake: boolean;
  /** It is to be cancelled and undone: the encoded error. */
  readonly cancel: string | null;
}

export interface HandOver {
  readonly rowId: string;
  readonly queue: string;
  /** A HandedStep as JSON. */
  readonly step: string;
}

/** Record numbers kept free for a step on another queue: its attempts and its `once` calls. */
export const HANDED_SPAN = 2 ** 20;

/** A step on another queue: what its worker needs to know beside the run itself. */
export interface HandedStep {
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly round: number;
  readonly data: DataRef;
  /** The item of a loop that it is part of, and the data of the loop. */
  readonly item: { readonly index: number; readonly data: DataRef } | null;
  readonly results: ResultsRef | null;
  /** Whether goto and finish may leave its sequence. */
  readonly main: boolean;
  /** ms that this attempt has taken in passes that ended with a wait. */
  readonly spent: number;
  readonly intent: boolean;
  /** What the passes of this attempt that ended with a wait have logged. */
  readonly logged?: LogMark;
  /** The records of its `once` calls, by name. */
  readonly once: Readonly<Record<string, number>>;
  /** Children that it has started before, by call, and those that are named by a ref in its sequence and visit. */
  readonly calls: Readonly<Record<string, ChildRef>>;
  readonly refs: Readonly<Record<string, ChildRef>>;
  /** Its records are numbered from here on; the run keeps this span free. */
  readonly nextSeq: number;
  /** Missing: the run is not traced. */
  readonly trace?: TraceMark;
}

/** What the worker of a handed-over step commits. `outcome` null: only a `once`. */
export interface HandedOp {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly records: readonly NewRecord[];
  readonly outcome:
    null | { readonly kind: 'done' } | { readonly kind: 'again'; readonly delayMs: number; readonly step: string };
  readonly extras: OpExtras | null;
}

export interface HandedAck {
  readonly taken: boolean;
  readonly woken: WokenRun | null;
}

export interface StepTransaction {
  /** The application's transaction handle (a TypeORM EntityManager). */
  readonly manager: unknown;
  /** Writes the record under the run's fence; false: the lease is lost. */
  record(worker: number, op: RunOp): Promise<boolean>;
  /** Whether its connection still answers; if not, nothing of it will ever be committed. */
  isAlive(): Promise<boolean>;
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
  readonly extras: OpExtras | null;
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
  readonly parentId: string | null;
  /** The workflow's timeout, should it be claimed at once. */
  readonly timeout: number | null;
  /** W3C `traceparent` of whatever starts it. Default: that is not traced. */
  readonly traceparent?: string | null;
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
      /** It is still held, and something it waits for has come. */
      readonly wake: boolean;
      /** It is to be cancelled and undone: an end that was asked for has not taken place. */
      readonly cancel: boolean;
    }
  | { readonly taken: false };

export interface GroupResult {
  /** By rowId; an op that is not here was not taken: its row is locked by somebody, or lost. */
  readonly acks: ReadonlyMap<string, Ack & { taken: true }>;
  /** Ids of the starts that this process now holds, with their tokens. */
  readonly claimed: ReadonlyMap<string, number>;
  /** Other runs that got what they wait for. */
  readonly woken: readonly WokenRun[];
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
  readonly priority: number;
  readonly parentId: string | null;
  /** It is to be cancelled and undone: the encoded error. */
  readonly cancel: string | null;
  /** W3C `traceparent` of whatever started the run. Default: that is not traced. */
  readonly traceparent?: string | null;
  /** ms for which it had been ready when it was claimed. Default: 0. */
  readonly lagMs?: number;
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
