import type { NewRecord } from './journal-rows.js';
import type { FinishedStatus } from '../../core/run/status.js';
import type { StoredError } from '../../core/errors/stored-error.js';

/** The run that a line is about. */
export interface ReportedRun {
  readonly runId: string;
  readonly workflow: string;
}

/**
 * Report of runs in words. Optional: without one nothing is paid; with one each record costs a look. Errors are encoded
 * StoredErrors, times ms.
 */
export interface RunReport {
  /** A run was claimed for the first time. */
  began(run: ReportedRun): void;
  /** The record of a failed attempt is in the journal. */
  attemptFailed(run: ReportedRun, record: NewRecord): void;
  /** A round has failed, and the run begins again from its input. */
  roundFailed(run: ReportedRun, error: StoredError, round: { next: number; most: number; delayMs: number }): void;
  /** The engine has paused a run. */
  paused(run: ReportedRun, error: string): void;
  /** @param failedStep null: no step of it, or it is not known here */
  ended(run: ReportedRun, status: FinishedStatus, error: string | null, failedStep: string | null): void;
  /** Runs, and steps on other queues, of dead workers are ready again. */
  recovered(rows: number, queues: readonly string[], workers: readonly DeadWorker[]): void;
}

export interface DeadWorker {
  readonly id: number;
  /** 0: nothing is known of it any more. */
  readonly pid: number;
}
