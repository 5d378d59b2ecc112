import { Observable } from 'rxjs';
import { type DurableEvent, toDurableEvent } from '../core/run/events.js';
import type { EventFilter } from '../events/interests.js';
import type { DurableHost } from '../lifecycle/host.js';
import { checkText, UUID } from '../core/limits.js';

/**
 * What happens to runs and schedules, on whichever node. Injectable. Each observable tells what happens from its
 * subscription on, at least once (the `id` tells a repetition, and one subscription seldom gets any), mostly in the order
 * in which it happened, and completes when the module is shut down. Events carry no payloads.
 *
 * Subscribers never slow the engine: 10 000 events wait for each at the most, then the oldest are dropped with a warning.
 *
 * What is guaranteed across nodes: with `workflow(id)`, everything that the tables keep (all but `step_started`, and
 * passing states such as `workflow_resumed`), whatever connection or process is lost. With `all()`, the starts and ends
 * of runs and that they wait. Other events come unless a connection or their process breaks down at that moment. With
 * `notify: false` `workflow(id)` polls the tables every second, and the others tell of this process only.
 */
export class DurableEvents {
  /** @internal The module makes it. */
  constructor(private readonly host: DurableHost) {}

  /** Everything but the steps. */
  all(): Observable<DurableEvent> {
    return this.observe({ kind: 'all' });
  }

  /** All of one run, its steps included. @throws InvalidInputError for an id that is no UUID */
  workflow(id: string): Observable<DurableEvent> {
    return this.observe({ kind: 'run', runId: checkText('The id of an execution', 'id', id, UUID).toLowerCase() });
  }

  /** `schedule_toggled` and `schedule_triggered`. */
  schedules(): Observable<DurableEvent> {
    return this.observe({ kind: 'schedules' });
  }

  /** `input_requested` and `input_provided`. */
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
        (error: unknown) => subscriber.error(error),
      );
      return () => end?.();
    });
  }
}
