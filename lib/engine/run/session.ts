import type { InFlight } from '../../core/run/execution.js';
import type { FinishedStatus } from '../../core/run/status.js';
import type { Advice } from '../step/advice.js';
import type { BootContext } from '../ports/boot-context.js';
import type { DatabaseClock } from '../time/clock.js';
import type { JournalWriter } from '../journal/journal-writer.js';
import type { ChildTargets } from '../ports/children.js';
import type { LogSettings } from '../step/log.js';
import type { Observer } from '../ports/observer.js';
import type { EndedTree, EngineStore, WokenRun } from '../ports/store.js';
import type { RunReport } from '../ports/run-report.js';
import type { RunStatsSink } from '../ports/run-stats.js';
import type { Telemetry } from '../ports/telemetry.js';

/** One leased row of the queue: a run, or a remote step. */
export interface Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly queue: string;
  /** Works on the row until it has left this process, one way or the other, and tells that. */
  start(left: (session: Session) => void): void;
  /** The lease is lost or the run cancelled: aborts what runs, records nothing more. */
  lose(reason: Error): void;
  /** Lets running attempts finish, then gives the row back to the queue. */
  handBack(): void;
  /** Gives the row back now; running attempts are aborted and will be made again. */
  handBackNow(reason: Error): void;
  /** Aborts the signals of running attempts; what returns all the same is recorded if the lease still stands. */
  abort(reason: Error): void;
  /** Something that a part of the run waits for has come. */
  refresh(): void;
  /** A look at the row, sent at that time (performance.now()), says whether a person has paused it. */
  rowSaid(paused: boolean, asked: number): void;
  /** The run is to be cancelled and undone: the encoded error. */
  cancel(error: string): void;
  inFlight(): InFlight[];
  /** The last end of a wait that is known here; null: it waits for nothing, is leaving, or is reading what is there. */
  heard(): number | null;
}

/** The end of a run, for those who wait for it in this process. */
export interface RunEnd {
  readonly status: FinishedStatus;
  /** Encoded; null: it is to be read. */
  readonly data: string | null;
  /** Encoded StoredError. */
  readonly error: string | null;
}

export interface SessionDeps {
  readonly store: EngineStore;
  readonly writer: JournalWriter;
  readonly clock: DatabaseClock;
  readonly worker: () => number;
  readonly maxPayloadBytes: number;
  /** Null: what steps log is not kept. */
  readonly logs: LogSettings | null;
  /** ms that an attempt gets to settle once its signal is aborted. */
  readonly abortGrace: number;
  readonly targets: ChildTargets;
  readonly context: BootContext;
  readonly advice: Advice;
  /** The run has ended in this process. */
  readonly onEnd: (runId: string, end: RunEnd, watched: boolean) => void;
  /** A row of this queue is due in so many ms. */
  readonly onDue: (queue: string, inMs: number) => void;
  /** Runs got what they wait for. */
  readonly onWoken: (woken: readonly WokenRun[]) => void;
  /** Called when something was asked of a leased run: looks what. */
  readonly onAttention: () => void;
  /** Called when workers of a run's steps on other queues are to look what was asked of them. */
  readonly onAbandoned: (runId: string) => void;
  /** Runs were cancelled along with this one, or on its behalf. */
  readonly onCancelled: (tree: EndedTree) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
  /** Receives live events. Default: none. */
  readonly observer?: Observer | undefined;
  /** Receives metrics and traces. Default: none. */
  readonly telemetry?: Telemetry | undefined;
  /** Adds up figures of runs. Default: none. */
  readonly stats?: RunStatsSink | undefined;
  readonly report?: RunReport | undefined;
}
