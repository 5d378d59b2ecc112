/**
 * Sink of the figures of runs over time. Optional.
 * `at`: ms of database time.
 */
export interface RunStatsSink {
  /** A run was claimed for the first time, so many ms after it was ready. */
  began(at: number, workflow: string, delayMs: number): void;
  /** A run has ended; `ms` since its first claim, null: not known here; `error`: encoded, of one that did not complete. */
  ended(at: number, workflow: string, status: string, error: string | null, ms: number | null): void;
}
