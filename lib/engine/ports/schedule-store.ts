import type { ScheduleState } from '../../core/time/schedule.js';

/** Store of the scheduler. */
export interface ScheduleStore {
  /**
   * Fires some of the schedules that have been due for longest, in one transaction: locks their rows, asks `plan` what to do
   * with each, starts the runs, and sets the next due times and the counts of failures. What others have locked is passed
   * over, and what is of workflows whose later code is in force.
   */
  fireSchedules(
    workflows: readonly { readonly name: string; readonly definitionId: number }[],
    leaveAlone: readonly string[],
    plan: (schedule: ScheduleState, now: number, others: WorkersSince) => Promise<FirePlan>,
  ): Promise<FiredSchedules>;
}

/**
 * Since when a living worker other than this one has had the code of the schedule's workflow, ms of database time; null:
 * none has it.
 */
export type WorkersSince = (worker: number) => Promise<number | null>;

export interface FiredSchedules {
  /** Some were due: there may be more. */
  readonly some: boolean;
  /** Those that were planned otherwise than to be left. */
  readonly fired: readonly FiredSchedule[];
  readonly unreadable: readonly UnreadableSchedule[];
  /** Where none was due: ms until the next due time; null: there is none. */
  readonly nextInMs: number | null;
  /** ms of database time */
  readonly now: number;
}

/** Plan for a schedule that is due. Times in ms of database time. */
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

/** One that is due and cannot be read: nobody's plan was asked for, and it stays due. */
export interface UnreadableSchedule {
  readonly name: string;
  /** What is wrong, and the mend. */
  readonly unreadable: string;
}

export interface FiredSchedule {
  readonly name: string;
  readonly workflow: string;
  /** The runs that were started. */
  readonly runs: readonly string[];
  /** Encoded error of a start that failed; null: none failed. */
  readonly error: string | null;
  /** Too many starts had failed. */
  readonly autoDisabled: boolean;
}
