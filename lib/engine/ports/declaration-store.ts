/** Store of the processes' declarations: schedules by workflow, limits by queue. One implementation (storage/). */
export interface DeclarationStore {
  /**
   * Stores the limits that a process brings for its queues, without putting them in force.
   * @param definition the latest that it has; 0: none
   * @returns the numbers of the declarations
   */
  declareQueues(definition: number, queues: readonly QueueLimits[]): Promise<number[]>;
  /** Puts in force, for each workflow and queue, the latest declaration that a living worker has. */
  follow(): Promise<Followed>;
}

/** Changes made by following the declarations. */
export interface Followed {
  /** Some schedule is. */
  readonly schedules: boolean;
  /** Queues whose limits are. */
  readonly queues: readonly string[];
  /** Reasons why schedules could not be stored, a sentence each. */
  readonly refused: readonly string[];
}

export interface QueueLimits {
  readonly queue: string;
  readonly globalConcurrency: number | null;
  /** Claims in `period` ms: first claims, or all. */
  readonly rateLimit: { readonly limit: number; readonly period: number; readonly counts: 'runs' | 'attempts' } | null;
  /** ms of waiting that one step of priority is worth. */
  readonly priorityAgeing: number;
}
