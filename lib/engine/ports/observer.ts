import type { EventRecord } from '../../core/run/events.js';

/**
 * Who is told what happens. The engine asks `wants` before it puts an event together, so that nothing is paid where
 * nobody listens; it tells of what is committed, and neither waits for an answer nor minds one.
 */
export interface Observer {
  /** What somebody, in this process or another, wants to hear of a run. */
  wants(runId: string): 'nothing' | 'run' | 'steps';
  /** Whether anybody listens at all. */
  readonly isWanted: boolean;
  /** `workflow` may be null where it is not known: then it is looked up. */
  tell(events: readonly EventRecord[]): void;
}
