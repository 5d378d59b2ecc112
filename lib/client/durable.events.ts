import { Observable } from 'rxjs';
import { type DurableEvent, toDurableEvent } from '../core/run/events.js';
import type { EventFilter } from '../events/interests.js';
import type { DurableHost } from '../lifecycle/host.js';
import { checkText, UUID } from '../core/limits.js';

/**
 * Live events of runs and schedules on all nodes, as RxJS observables. Injectable. Each observable delivers the events
 * from its subscription on, at least once (a repetition, which is rare, has the same `id`), mostly in the order in which
 * they happened, and completes when the module is shut down. Events carry no payloads.
 *
 * Subscribers never slow the engine: 10 000 events wait for each at the most, then the oldest are dropped with a warning.
 *
 * Guaranteed across nodes, whatever connection or process is lost: with `workflow(id)` all that the tables keep (all but
 * `step_started`, and passing states such as `workflow_resumed`); with `all()` the starts, waits and ends of runs. Other
 * events come unless a connection or their process breaks down at that moment. With `notify: false` `workflow(id)` polls
 * the tables every second, and the others deliver the events of this process only.
 */
export class DurableEvents {
  /** @internal The module makes it. */
  constructor(private readonly host: DurableHost) {}

  /** All events but those of steps. */
  all(): Observable<DurableEvent> {
    return this.observe({ kind: 'all' });
  }

  /** All events of one run, its steps included. @throws InvalidInputError for an id that is no UUID */
  workflow(id: string): Observable<DurableEvent> {
    return this.observe({ kind: 'run', runId: checkText('The id of a run', 'id', id, UUID).toLowerCase() });
  }

  /** The events `schedule_toggled` and `schedule_triggered`. */
  schedules(): Observable<DurableEvent> {
    return this.observe({ kind: 'schedules' });
  }

  /** The events `input_requested` and `input_provided`. */
  inputs(): Observable<DurableEvent> {
    return this.observe({ kind: 'inputs' });
  }

  private observe(filter: EventFilter): Observable<DurableEvent> {
    return new Observable((subscriber) => {
      let end: (() => void) | null = null;
      this.host.ready().then(
        ({ events }) => {
          if (subscriber.closed) return;
          end = events.subscribe(
            filter,
            (event) => subscriber.next(toDurableEvent(event)),
            () => subscriber.complete(),
          );
        },
        // Whoever subscribes again at once, as retry() does, would keep the event loop from all else.
        (error: unknown) => void setImmediate(() => subscriber.error(error)),
      );
      return () => end?.();
    });
  }
}
