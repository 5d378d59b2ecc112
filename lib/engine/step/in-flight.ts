import type { DataRef } from '../../core/run/run-state.js';

/** An attempt that is running now, as published to clients. */
export interface InFlightAttempt {
  readonly runId: string;
  readonly step: string;
  readonly path: string;
  readonly type: string;
  readonly round: number;
  readonly visit: number;
  readonly attempt: number;
  /** The step's data. */
  readonly input: DataRef;
  /** ms of database time */
  readonly startedAt: number;
}
