import type { EventRecord } from '../core/run/events.js';
import type { EventDelivery } from './delivery.js';

/** The subscriptions of this process. Those that follow a run are found by it: an app may follow thousands. */
export class Deliveries implements Iterable<EventDelivery> {
  private readonly byRun = new Map<string, Set<EventDelivery>>();
  private readonly others = new Set<EventDelivery>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(delivery: EventDelivery): void {
    const { filter } = delivery;
    if (filter.kind === 'run') {
      const set = this.byRun.get(filter.runId);
      if (set === undefined) this.byRun.set(filter.runId, new Set([delivery]));
      else set.add(delivery);
    } else this.others.add(delivery);
    this.count++;
  }

  has(delivery: EventDelivery): boolean {
    return this.setOf(delivery)?.has(delivery) === true;
  }

  /** False: it was not there. */
  delete(delivery: EventDelivery): boolean {
    const { filter } = delivery;
    const set = this.setOf(delivery);
    if (set?.delete(delivery) !== true) return false;
    if (filter.kind === 'run' && set.size === 0) this.byRun.delete(filter.runId);
    this.count--;
    return true;
  }

  clear(): void {
    this.byRun.clear();
    this.others.clear();
    this.count = 0;
  }

  /** True where one has heard all that happens for so many ms. */
  hearAll(ms = 0): boolean {
    for (const { filter, age } of this.others) if (filter.kind === 'all' && age >= ms) return true;
    return false;
  }

  /** True where one follows the run. */
  follow(runId: string): boolean {
    return this.byRun.has(runId);
  }

  /** Hands the event to those that it may be for. */
  push(event: EventRecord): void {
    for (const delivery of this.others) delivery.push(event);
    if (event.executionId === null) return;
    for (const delivery of this.byRun.get(event.executionId) ?? []) delivery.push(event);
  }

  *[Symbol.iterator](): Iterator<EventDelivery> {
    yield* this.others;
    for (const set of this.byRun.values()) yield* set;
  }

  private setOf({ filter }: EventDelivery): Set<EventDelivery> | undefined {
    return filter.kind === 'run' ? this.byRun.get(filter.runId) : this.others;
  }
}
