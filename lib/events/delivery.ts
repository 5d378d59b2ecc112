import type { EventRecord } from '../core/run/events.js';
import { type EventFilter, fits } from './interests.js';

/** ms that a commit may have taken to become visible after the time it is stamped with. */
export const OVERLAP = 60_000;

/** Events that wait for one subscriber, and ids that are remembered at least, to tell a repetition. */
const MOST = 10_000;
/** ms of events of a run that are remembered besides: looks at the tables find them again and again. */
const REMEMBERED = OVERLAP + 15_000;
/** ms of a subscriber's own work in one turn of the event loop. */
const SLICE = 5;
/** ms between two warnings. */
const WARN_INTERVAL = 10_000;

/**
 * The events on their way to one subscriber. It is called in turns of its own, a few ms each, so that the engine is never
 * behind it; of what it cannot keep up with the oldest is dropped, with a warning.
 */
export class EventDelivery {
  private readonly since = performance.now();
  private queue: EventRecord[] = [];
  private at = 0;
  /** The ids of events that it was given, in that order, and when these happened. */
  private readonly seen = new Map<string, number>();
  private draining = false;
  private closed = false;
  private dropped = 0;
  private warnedAt = -Infinity;

  constructor(
    readonly filter: EventFilter,
    private readonly deliver: (event: EventRecord) => void,
    /** No more events will come. */
    private readonly complete: () => void,
    private readonly warn: (message: string) => void,
  ) {}

  /** ms since it was made. */
  get age(): number {
    return performance.now() - this.since;
  }

  push(event: EventRecord): void {
    if (this.closed || !fits(this.filter, event) || this.seen.has(event.id)) return;
    this.seen.set(event.id, event.time);
    if (this.seen.size > MOST * 2) this.forget(event.time - REMEMBERED);
    this.queue.push(event);
    if (this.queue.length - this.at > MOST) this.drop();
    this.start();
  }

  /** Delivers what it has, and says that it was all. */
  finish(): void {
    const left = this.queue.slice(this.at);
    this.close();
    for (const event of left) this.deliver(event);
    this.complete();
  }

  /** Delivers nothing more. */
  close(): void {
    this.closed = true;
    this.queue = [];
    this.at = 0;
  }

  /** Forgets the first ones; of a run only what happened before that. */
  private forget(before: number): void {
    for (const [id, time] of this.seen) {
      if (this.seen.size <= MOST || (this.filter.kind === 'run' && time >= before)) return;
      this.seen.delete(id);
    }
  }

  private drop(): void {
    this.at++;
    this.dropped++;
    if (this.at > MOST) this.compact();
    if (performance.now() - this.warnedAt < WARN_INTERVAL) return;
    this.warnedAt = performance.now();
    const what = this.filter.kind === 'run' ? `workflow(${this.filter.runId})` : `${this.filter.kind}()`;
    this.warn(
      `A subscriber of the events of ${what} is too slow: ${MOST} events wait for it, the oldest are dropped ` +
        `(${this.dropped} so far). Do its work elsewhere, or filter what it gets.`,
    );
  }

  private start(): void {
    if (this.draining) return;
    this.draining = true;
    setImmediate(() => this.drain());
  }

  private drain(): void {
    this.draining = false;
    const until = performance.now() + SLICE;
    while (this.at < this.queue.length) {
      const event = this.queue[this.at++];
      if (event !== undefined) this.deliver(event);
      if (performance.now() >= until) break;
    }
    this.compact();
    if (this.queue.length > 0) this.start();
  }

  private compact(): void {
    if (this.at === 0) return;
    this.queue = this.queue.slice(this.at);
    this.at = 0;
  }
}
