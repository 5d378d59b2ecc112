import type { EventRecord } from '../../core/run/events.js';

/**
 * Observer of live events. The engine asks `wants` before it makes an event, so that events nobody wants cost nothing; it
 * passes on what is committed, and neither waits for an answer nor minds one.
 */
export interface Observer {
  /** Interest in a run's events, of this process or another. */
  wants(runId: string): 'nothing' | 'run' | 'steps';
  /** True while there is any interest. */
  readonly isWanted: boolean;
  /** `workflow` may be null where it is not known: then it is looked up. */
  tell(events: readonly EventRecord[]): void;
}
