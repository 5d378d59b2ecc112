import type { InputChoice, InputField, InputType } from '../run/wait-spec.js';

export const PENDING_STATUSES = ['pending', 'completed', 'timed_out', 'cancelled'] as const;
/** Status of a wait: `completed` when the input or event came. */
export type PendingStatus = (typeof PENDING_STATUSES)[number];

/** An input that a step asks for, or has asked for. */
export interface PendingInput {
  /** For `provideInput(id, { inputId })`. */
  readonly id: string;
  readonly executionId: string;
  /** Name of the workflow. */
  readonly workflow: string;
  /** Name of the step. */
  readonly step: string;
  readonly name: string;
  /** `free_text` also where no type was given, and any value is accepted. */
  readonly type: InputType;
  readonly prompt: string | null;
  /** Option `metadata` of the wait; null: none. */
  readonly metadata: unknown;
  /** Of a form. */
  readonly fields: readonly InputField[] | null;
  /** Of a choice. */
  readonly choices: readonly InputChoice[] | null;
  readonly status: PendingStatus;
  /** null: it never times out. */
  readonly timeoutAt: Date | null;
  readonly createdAt: Date;
  /** Time of the answer, the timeout or the cancel. */
  readonly closedAt: Date | null;
  /** Answer; null: none yet. */
  readonly response: unknown;
}

/** An event that a step waits for, or has waited for; one for each name of a `waitForAny` or `waitForAll`. */
export interface PendingEvent {
  /** Of the wait: the same for all its names. */
  readonly id: string;
  readonly executionId: string;
  /** Name of the workflow. */
  readonly workflow: string;
  /** Name of the step. */
  readonly step: string;
  readonly eventName: string;
  readonly status: PendingStatus;
  /** null: it never times out. */
  readonly timeoutAt: Date | null;
  readonly createdAt: Date;
}

/** Filters of inputs; all that is given must fit. */
export interface PendingInputFilters {
  /** Name of the workflow. */
  readonly workflow?: string;
  readonly executionId?: string;
  /** Default: `'pending'`. */
  readonly status?: PendingStatus | readonly PendingStatus[];
  /** Inputs that time out before this time. */
  readonly timeoutBefore?: Date;
  /** At most 1000. Default: 50. */
  readonly limit?: number;
}

/** Filters of events that steps wait for; all that is given must fit. */
export interface PendingEventFilters {
  /** Name of the event, or one of those that are waited for. */
  readonly eventName?: string;
  /** Default: `'pending'`. */
  readonly status?: PendingStatus | readonly PendingStatus[];
  /** At most 1000. Default: 50. */
  readonly limit?: number;
}
