import type { ChildRef, DataRef, LogMark, ResultsRef, TraceMark } from '../../core/run/run-state.js';
import type { ClaimedRow } from './claim-port.js';
import type { WokenRun } from './commits.js';

/** Rows that the engine reads and leases (store.ts). */

export type { UndoRecord } from '../../core/run/undo-list.js';

/** A run that was ended without a lease. */
export interface EndedRun {
  readonly id: string;
  readonly workflow: string;
  readonly status: 'cancelled' | 'failed';
  /** Encoded StoredError. */
  readonly error: string;
  /** A worker had it, or one of its steps. */
  readonly leased: boolean;
  /** Another process waits for its end. */
  readonly watched: boolean;
}

/** Effects of a cancel, or of timeouts of runs that were not leased. */
export interface EndedTree {
  readonly ended: readonly EndedRun[];
  /** Runs that are to be undone: whether a worker has them, else they can be claimed in their queue. */
  readonly undoing: readonly { readonly id: string; readonly queue: string; readonly leased: boolean }[];
  /** Parents that have waited for one that ended. */
  readonly woken: readonly WokenRun[];
}

/** Rows that have become due. */
export interface DueRows {
  /** Queues that got work. */
  readonly queues: readonly string[];
  /** Rows that were made ready. */
  readonly woken: number;
  /** True: some are left for a look soon, since somebody has locked them. */
  readonly locked: boolean;
  /** Runs without a lease whose timeout is over; not all, where there are more than the limit. */
  readonly late: readonly string[];
  /** ms until the next is due; null: nothing will be. */
  readonly nextInMs: number | null;
}

/** Effects on runs whose timeout is over. */
export interface LateRuns extends EndedTree {
  /** True: some are left for a later look, since a row of theirs is locked. */
  readonly left: boolean;
}

/** An event that has come into a run's mailbox. */
export interface ReceivedEvent {
  readonly runId: string;
  readonly name: string;
  /** Tells it from the run's others: its dedupe key, or its number. */
  readonly key: string;
}

export interface MatchedEvents {
  readonly received?: readonly ReceivedEvent[];
  readonly woken: readonly WokenRun[];
  /** Runs left over: none, some that were locked, or more than the limit. */
  readonly left: 'none' | 'locked' | 'more';
}

/** Rows that nothing would have moved though they can go on, and the reason; see durable.unsound. */
export interface Unsound {
  /** The run; of a rate the queue. */
  readonly subject: string;
  readonly what: 'event' | 'child' | 'due' | 'ended' | 'nothing' | 'mark' | 'blocked' | 'over' | 'rate';
}

export interface Reconciled {
  readonly found: readonly Unsound[];
  readonly woken: readonly WokenRun[];
  /** The row to go on after; null: that was the last one. */
  readonly next: string | null;
}

export interface LeasedRow {
  readonly token: number;
  /** Something it waits for has come. */
  readonly wake: boolean;
  /** A person has paused it. */
  readonly paused: boolean;
  /** Encoded error of a cancel that asks for compensation; null: none. */
  readonly cancel: string | null;
}

/** Record numbers kept free for a step on another queue: its attempts and its `once` calls. */
export const REMOTE_SPAN = 2 ** 20;
/** Of these the last ones, for the end of its last attempt: no `once` call and no child is recorded in them. */
export const REMOTE_RESERVE = 2 ** 16;

/** A step on another queue: what its worker needs to know beside the run itself. */
export interface RemoteStep {
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly round: number;
  readonly data: DataRef;
  /** The item of a loop that it is part of, and the data of the loop. */
  readonly item: { readonly index: number; readonly data: DataRef } | null;
  readonly results: ResultsRef | null;
  /** True when goto and finish may leave its sequence. */
  readonly main: boolean;
  /** ms that this attempt has taken in passes that ended with a wait. */
  readonly spent: number;
  readonly intent: boolean;
  /** Log mark of the passes of this attempt that ended with a wait. */
  readonly logged?: LogMark;
  /** Keys of waits that threw in earlier attempts of this visit; missing: none did. */
  readonly threw?: readonly string[];
  /** The records of its `once` calls, by name. */
  readonly once: Readonly<Record<string, number>>;
  /** Children that it has started before, by call, and those that are named by a ref in its sequence and visit. */
  readonly calls: Readonly<Record<string, ChildRef>>;
  readonly refs: Readonly<Record<string, ChildRef>>;
  /** Its records are numbered from here on; the run keeps this span free. */
  readonly nextSeq: number;
  /** The first number behind that span. */
  readonly end: number;
  /** Missing: the run is not traced. */
  readonly trace?: TraceMark;
}

export interface WorkerRegistration {
  readonly host: string;
  readonly pid: number;
  readonly processKey: string | null;
  readonly processStart: string | null;
  readonly version: string;
  readonly queues: readonly string[];
  readonly definitions: readonly number[];
  /** Declarations of its code and options. */
  readonly declarations: readonly number[];
  readonly sessionName: string | null;
  readonly leaseMs: number;
  /** Places by queue. */
  readonly capacity: Readonly<Record<string, number>>;
  /** Notifications reach it. */
  readonly listening: boolean;
}

export interface WorkerBeat {
  readonly id: number;
  /** Text of the timestamp, compared for equality only. */
  readonly seenAt: string;
  /** ms until its lease expires, by the server's clock; 0 or less: it has. */
  readonly expiresInMs: number;
}

/** Another worker, beside the one that asks. */
export interface WorkerPeer extends WorkerBeat {
  /** Queues that both work on. */
  readonly queues: readonly string[];
  /** Both have the same definitions: what one may claim, the other may. */
  readonly alike: boolean;
  /** Notifications reach it, and its lease has not expired. */
  readonly listening: boolean;
}

export interface WorkerSighting extends WorkerBeat {
  readonly pid: number;
  readonly processKey: string | null;
  readonly processStart: string | null;
  readonly dead: boolean;
  /** Dead, and rows still carry its number. */
  readonly owes: boolean;
  /** True: the session it listens on is connected; null: it cannot be watched, or the server restarted since it was seen. */
  readonly connected: boolean | null;
}

/** Reasons why a queue is closed to plain claims. */
export interface QueueState {
  readonly queue: string;
  readonly paused: boolean;
  readonly limited: boolean;
}

/** The process that asks for work, for the pulse. */
export interface PulseQuestion {
  readonly worker: number;
  /** Names its set of process ids; null: the system does not tell. */
  readonly processKey: string | null;
  readonly queues: readonly string[];
  /** Definitions that it may claim. */
  readonly definitions: readonly number[];
  /** Workflows that it knows. */
  readonly workflows: readonly string[];
}

/** Work that the pulse has found. */
export interface PulseFindings {
  /** Queues of the process with something that it may claim. */
  readonly readyQueues: readonly string[];
  /** ms until the next sleeping run or timeout is due, 0 or less where one is; null: none will be. */
  readonly nextDueInMs: number | null;
  /** The same for the schedules of its workflows. */
  readonly nextScheduleInMs: number | null;
  /** True: there are unmatched events from callers' transactions. */
  readonly unmatched: boolean;
  readonly queueStates: readonly QueueState[];
  /** Runs are set aside since their key has no place. */
  readonly blocked: boolean;
  /** There are runs that have not ended. */
  readonly unfinished: boolean;
  /** True: other workers have leased runs. */
  readonly leasedElsewhere: boolean;
  /** Other workers that have not been declared dead, by their last heartbeat. */
  readonly peers: readonly WorkerPeer[];
  /** One of them looks dead, or a dead one still owes rows. */
  readonly suspects: boolean;
}

/** Result of a transaction that wakes a run. */
export interface Wake {
  readonly woken: readonly WokenRun[];
  /** Rows that the worker's offer has claimed: as a rule the run itself, which is not among the woken then. */
  readonly claimed: readonly ClaimedRow[];
  /** The answer to an earlier try was lost: more may have been claimed. */
  readonly unsure: boolean;
}
