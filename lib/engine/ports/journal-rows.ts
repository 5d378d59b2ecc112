import type { RecordFacts, RecordType } from '../../core/run/machine.js';
import type { DataRef } from '../../core/run/run-state.js';
import type { WaitKind, WaitState } from '../../core/run/wait-spec.js';

/** Records of the journal and waits, as they are written and as they are read back (store.ts). */

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
  /** Log lines of its code (log-entry.ts); null: none. */
  readonly logs: string | null;
  /** ms until the next attempt; null: there is none. */
  readonly retryInMs: number | null;
  readonly durationMs: number;
}

export interface NewWait {
  readonly id: string;
  readonly round: number;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  /** The kind of the step's member. */
  readonly type: string;
  /** The step's data. */
  readonly input: DataRef;
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

/** A record as read back; `retryAt` in ms of database time. */
export interface JournalRecord extends Omit<NewRecord, 'retryInMs' | 'input' | 'logs'> {
  readonly retryAt: number | null;
  /** There is an output, though `output` may be null: large ones are left out unless asked for by number. */
  readonly hasOutput: boolean;
}

/** The same with the row that it was wanted for. */
export interface ReadRecord extends JournalRecord {
  readonly rowId: string;
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

/** A wait of a step that is not over, as it is now. */
export interface TakenWait extends Omit<NewWait, 'round' | 'type' | 'input'> {
  readonly state: WaitState;
  /** Its place in the order in which the run's waits ended; null: it is open. */
  readonly ended: number | null;
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

/** What a process needs to open the rows that it has leased. */
export interface LeasedRows {
  readonly waits: Map<string, TakenWait[]>;
  readonly records: ReadRecord[];
  /** The server's time then, in ms since 1970. */
  readonly now: number;
}

/** What a claim has read of a suspended run, under the lock of its row. */
export interface ReadByTheWay {
  readonly waits: readonly TakenWait[];
  readonly records: readonly JournalRecord[];
  /** The server's time then, in ms since 1970, and performance.now() when it was asked for. */
  readonly now: number;
  readonly asked: number;
}
