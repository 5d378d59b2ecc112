import type { EventRecord } from '../core/run/events.js';
import { type EventDelivery, OVERLAP } from './delivery.js';
import { Loop } from '../engine/time/loop.js';
import type { PgEventReads } from '../storage/reads/event-reads.js';

/** ms between looks at single runs that somebody follows: the net, or all there is without notifications. */
const NET = 5_000;
const POLL = 1_000;
/** ms by which the time of a subscription may be wrong. */
const MARGIN = 50;
/** Rows of one look at the history. */
const MOST = 10_000;
/** ms back in which dead workers are looked for. */
const DEATHS = 60_000;
/** ms around a time from which on events may have been lost. */
const SLACK = 5_000;

/** The state of a subscription. */
interface Followed {
  /** Database time of the subscription, ms. */
  readonly from: number;
  /** Of the last look; null: there was none yet. */
  lookedAt: number | null;
}

/**
 * Finds in the tables what was not heard of. Runs that somebody follows are looked at every few seconds; the history of
 * all runs only where events must have been lost: the listening session was down, a process says so, or one has died.
 */
export class CatchUp {
  private readonly loop: Loop;
  private readonly followed = new WeakMap<EventDelivery, Followed>();
  private readonly reportedDead = new Set<number>();
  /** performance.now() since which events of any run may be missing. */
  private missingSince = Infinity;
  /** performance.now() at which all runs that somebody follows are looked at again. */
  private dueAt = 0;
  private readonly interval: number;
  private running = false;

  constructor(
    private readonly reads: PgEventReads,
    private readonly deliveries: Iterable<EventDelivery> & { readonly size: number },
    private readonly notified: boolean,
    private readonly warn: (message: string) => void,
  ) {
    this.interval = notified ? NET : POLL;
    this.loop = new Loop('Looking for events', this.interval, () => this.look(), warn);
  }

  /** There are other subscriptions than before. */
  changed(): void {
    const wanted = this.deliveries.size > 0;
    if (wanted && !this.running) this.loop.start();
    else if (wanted) void this.loop.poke();
    else if (this.running) void this.loop.stop();
    this.running = wanted;
  }

  /** Of the last so many ms events may be missing. */
  missed(ms: number): void {
    this.missingSince = Math.min(this.missingSince, performance.now() - ms - SLACK);
    if (this.running) void this.loop.poke();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop.stop();
  }

  /** @returns ms until all runs are looked at again */
  private async look(): Promise<number> {
    const fresh = [...this.deliveries].some((delivery) => !this.followed.has(delivery));
    const runs = this.runsToLookAt();
    const now = fresh || runs.length > 0 ? await this.reads.now() : 0;
    for (const delivery of this.deliveries) {
      // One that is made at this moment is followed from now on, which is later than it should be by a round trip.
      if (this.followed.has(delivery)) continue;
      this.followed.set(delivery, { from: now - delivery.age - MARGIN, lookedAt: null });
    }
    await this.lookAtRuns(runs, now);
    if (this.notified) await this.lookAtHistory();
    return Math.max(1, this.dueAt - performance.now());
  }

  /** Subscriptions of runs: those that are new, or all when it is time. Each look at all reads what happened of each for a minute. */
  private runsToLookAt(): EventDelivery[] {
    const runs = [...this.deliveries].filter(({ filter }) => filter.kind === 'run');
    const isDue = performance.now() >= this.dueAt;
    if (isDue) this.dueAt = performance.now() + this.interval;
    return isDue ? runs : runs.filter((delivery) => (this.followed.get(delivery)?.lookedAt ?? null) === null);
  }

  private async lookAtHistory(): Promise<void> {
    const all = [...this.deliveries].filter(({ filter }) => filter.kind === 'all');
    const since = this.missingSince;
    if (all.length === 0) {
      this.missingSince = Infinity;
      return;
    }
    const dead = (await this.reads.deadSince(DEATHS)).filter(({ id }) => !this.reportedDead.has(id));
    const from = Math.min(since, ...dead.map(({ unseenMs }) => performance.now() - unseenMs - SLACK));
    if (from === Infinity) return;
    const events = await this.reads.ofHistory(performance.now() - from, MOST);
    if (events.length === MOST) this.warn(`More than ${MOST} events were missed: only the latest are delivered.`);
    for (const delivery of all) for (const event of events) this.give(delivery, event);
    for (const { id } of dead) this.reportedDead.add(id);
    if (this.missingSince === since) this.missingSince = Infinity;
  }

  private async lookAtRuns(deliveries: readonly EventDelivery[], now: number): Promise<void> {
    const earliest = new Map<string, number>();
    const askedBy = new Map<string, EventDelivery[]>();
    for (const delivery of deliveries) {
      const followed = this.followed.get(delivery);
      if (delivery.filter.kind !== 'run' || followed === undefined) continue;
      const { runId } = delivery.filter;
      const others = askedBy.get(runId);
      if (others === undefined) askedBy.set(runId, [delivery]);
      else others.push(delivery);
      const since = Math.max(followed.from, (followed.lookedAt ?? -Infinity) - OVERLAP);
      earliest.set(runId, Math.min(since, earliest.get(runId) ?? Infinity));
    }
    if (askedBy.size === 0) return;
    for (const event of await this.reads.ofRuns([...earliest].map(([id, since]) => ({ id, since })))) {
      for (const delivery of askedBy.get(event.executionId ?? '') ?? []) this.give(delivery, event);
    }
    for (const delivery of [...askedBy.values()].flat()) {
      const followed = this.followed.get(delivery);
      if (followed !== undefined) followed.lookedAt = now;
    }
  }

  /** Delivers an event, unless it is older than the subscription. */
  private give(delivery: EventDelivery, event: EventRecord): void {
    if (event.time >= (this.followed.get(delivery)?.from ?? Infinity)) delivery.push(event);
  }
}
