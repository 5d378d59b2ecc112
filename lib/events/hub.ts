import { type EventRecord, redactEvent } from '../core/run/events.js';
import type { Redaction } from '../core/redact/redact.js';
import { Deliveries } from './deliveries.js';
import { EventDelivery } from './delivery.js';
import { CatchUp } from './catch-up.js';
import { EventSender, readEvents } from './sender.js';
import { type EventFilter, ForeignInterests, WISH_HOLDS, interestOf } from './interests.js';
import type { BootContext } from '../engine/ports/boot-context.js';
import type { Observer } from '../engine/ports/observer.js';
import { EventLink } from '../storage/notify/event-link.js';
import type { PgEventReads } from '../storage/reads/event-reads.js';
import type { Listener } from '../storage/notify/listener.js';
import type { EventInterest, Hint } from '../storage/notify/notifier.js';

export interface EventHubOptions {
  readonly reads: PgEventReads;
  /** Link to other processes; null: there is none (`notify: false`, or a pooler). */
  readonly remote: { readonly listener: Listener; readonly link: EventLink } | null;
  /** Redaction of the errors in events. */
  readonly redact: Redaction;
  /** From which subscribers are called. */
  readonly context: BootContext;
  readonly warn: (message: string) => void;
}

/** ms after the boot in which other processes have not had the time to announce their interests. */
const UNKNOWN = 1_000;
/** Events kept meanwhile. */
const MOST_KEPT = 1_000;
/** Runs whose workflow is remembered. */
const MOST_NAMES = 1_000;

/**
 * The hub of live events. Duties:
 * - tells the engine the interest in a run, here and in other processes, so that events nobody wants cost nothing;
 * - delivers events to the subscribers of this process, and sends them to processes that have an interest;
 * - announces this process's interest and repeats it: an interest that is not repeated for 30 s expires;
 * - has the tables read where events may have been lost.
 */
export class EventHub implements Observer {
  private readonly deliveries = new Deliveries();
  private readonly interests = new ForeignInterests();
  private readonly sender: EventSender | null;
  private readonly catchUp: CatchUp;
  private readonly names = new Map<string, string>();
  private kept: EventRecord[] | null = null;
  private closers: (() => void)[] = [];
  private repeating: NodeJS.Timeout | undefined;
  private unknown: NodeJS.Timeout | undefined;
  /** Saying what is wanted here; null: it is said. */
  private announcing: Promise<void> | null = null;
  private isChanged = false;
  private closed = false;
  /** True: the process is shutting down; a new subscription completes at once. */
  private ending = false;
  /** Events that wait for the name of their workflow, in their order. */
  private readonly unnamed: EventRecord[] = [];
  /** Null: none waits. */
  private naming: Promise<void> | null = null;
  /** performance.now() since which the others may not know what is wanted here. */
  private unheardSince = Infinity;
  /** The same until which they go by what was said last. */
  private heardUntil = Infinity;

  constructor(private readonly options: EventHubOptions) {
    const { reads, remote, warn } = options;
    this.sender =
      remote === null ? null : new EventSender((payloads) => remote.link.send(payloads), remote.listener.tag, warn);
    this.catchUp = new CatchUp(reads, this.deliveries, remote !== null, warn);
    if (remote !== null) this.connect(remote.listener, remote.link);
  }

  get isWanted(): boolean {
    return this.deliveries.size > 0 || !this.interests.isEmpty || this.isKeeping;
  }

  /** Before others' interests are known, as far as there is room. */
  private get isKeeping(): boolean {
    return this.kept !== null && this.kept.length < MOST_KEPT;
  }

  wants(runId: string): 'nothing' | 'run' | 'steps' {
    if (!this.isWanted) return 'nothing';
    if (this.isKeeping || this.interests.stepsOf(runId)) return 'steps';
    return this.deliveries.follow(runId) ? 'steps' : 'run';
  }

  tell(told: readonly EventRecord[]): void {
    if (this.closed || !this.isWanted) return;
    const events = told.map((event) => redactEvent(event, this.options.redact));
    if (events.every((event) => event.workflow !== null)) return this.spread(events);
    this.unnamed.push(...events);
    this.naming ??= this.nameAll();
  }

  /** @returns what ends the subscription */
  subscribe(filter: EventFilter, deliver: (event: EventRecord) => void, complete: () => void): () => void {
    const { context, warn } = this.options;
    const delivery = new EventDelivery(filter, context.bind(deliver), context.bind(complete), warn);
    if (this.ending) {
      // Whoever subscribes again at once, as repeat() does, would keep the event loop from all else.
      setImmediate(context.bind(complete));
      return () => {};
    }
    // The others tell what happens already: no need to look for it in the history, which is read from end to end.
    if (filter.kind === 'all' && !this.deliveries.hearAll(UNKNOWN)) {
      this.unheardSince = Math.min(this.unheardSince, performance.now());
    }
    this.deliveries.add(delivery);
    this.options.remote?.link.listen();
    this.announceInterests();
    this.catchUp.changed();
    return context.bind(() => {
      delivery.close();
      if (!this.deliveries.delete(delivery)) return;
      this.announceInterests();
      this.catchUp.changed();
      if (this.deliveries.size === 0) void this.options.remote?.link.unlisten();
    });
  }

  /** Gives the subscribers what has come until now, and ends their streams. */
  async complete(): Promise<void> {
    this.ending = true;
    await this.naming;
    for (const delivery of this.deliveries) delivery.finish();
    this.deliveries.clear();
  }

  /** Sends what waits and lets go of all subscribers. */
  async close(): Promise<void> {
    if (this.closed) return;
    await this.naming;
    this.closed = true;
    clearInterval(this.repeating);
    clearTimeout(this.unknown);
    for (const close of this.closers.splice(0)) close();
    await this.catchUp.stop();
    await this.sender?.close();
    await this.complete();
    this.options.remote?.link.close();
  }

  private spread(events: readonly EventRecord[]): void {
    for (const event of events) {
      this.deliveries.push(event);
      if (this.interests.want(event)) this.sender?.push(event);
      else if (this.isKeeping) this.kept?.push(event);
    }
  }

  private connect(listener: Listener, link: EventLink): void {
    const heard = ({ o, w }: Hint, own: boolean): void => {
      if (own || o === undefined) return;
      if (o.ask === true) return this.announceInterests();
      this.interests.set(w, o);
      const kept = this.kept ?? [];
      if (this.kept !== null) this.kept = kept.filter((event) => !this.interests.want(event));
      for (const event of kept) if (this.interests.want(event)) this.sender?.push(event);
    };
    // Nothing is heard while the session is down.
    const down = (): void => this.interests.extend();
    const up = (): void => {
      this.interests.extend();
      this.ask();
      this.announceInterests();
    };
    const unsubscribe = listener.subscribe(heard);
    listener.on('down', down).on('up', up);
    const message = (payload: string): void => {
      const found = readEvents(payload);
      if (found === null || found.w === listener.tag) return;
      if (found.gap !== undefined) this.catchUp.missed(found.gap);
      // A process of another deploy may have other paths.
      for (const sent of found.v) {
        const event = redactEvent(sent, this.options.redact);
        this.deliveries.push(event);
      }
    };
    const back = (): void => this.catchUp.missed(performance.now() - link.aliveAt);
    link.on('message', message).on('back', back);
    this.repeating = setInterval(() => {
      if (listener.up) this.interests.expire();
      if (this.deliveries.size > 0) this.announceInterests();
    }, WISH_HOLDS / 3);
    this.repeating.unref();
    this.closers = [
      unsubscribe,
      () => listener.off('down', down).off('up', up),
      () => link.off('message', message).off('back', back),
    ];
    this.ask();
  }

  /** Asks other processes for their interests; until they have had the time to answer, events are kept. */
  private ask(): void {
    this.kept ??= [];
    clearTimeout(this.unknown);
    this.unknown = setTimeout(() => (this.kept = null), UNKNOWN);
    this.unknown.unref();
    void this.say({ ask: true });
  }

  /** Until the others have heard what is wanted here they tell nothing of it. @param since performance.now() */
  private lookLater(since: number): void {
    const timer = setTimeout(() => {
      if (this.deliveries.hearAll()) this.catchUp.missed(performance.now() - since);
    }, UNKNOWN);
    timer.unref();
  }

  /**
   * In a turn of its own: subscriptions that are made together are said together. One at a time: two under way may come in
   * the other order, and the others would go by the older one.
   */
  private announceInterests(): void {
    if (this.options.remote === null) return;
    this.isChanged = true;
    this.announcing ??= this.announceAll();
  }

  private async announceAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.isChanged && !this.closed) {
      this.isChanged = false;
      const now = performance.now();
      // A process that stood still, or could not say it, is forgotten by the others, and its session lives all the same.
      const since = Math.min(this.unheardSince, this.heardUntil);
      this.unheardSince = Infinity;
      if (await this.say(interestOf([...this.deliveries].map(({ filter }) => filter)))) {
        this.heardUntil = this.deliveries.size === 0 ? Infinity : now + WISH_HOLDS;
        if (since <= now) this.lookLater(since);
      } else this.unheardSince = Math.min(this.unheardSince, since);
    }
    this.announcing = null;
  }

  /** False: it could not be said, and is repeated. */
  private async say(interest: EventInterest): Promise<boolean> {
    try {
      await this.options.remote?.listener.interest(interest);
      return true;
    } catch {
      return false;
    }
  }

  /** One look for all that came in meanwhile: thousands of runs are sent events in a second. */
  private async nameAll(): Promise<void> {
    while (this.unnamed.length > 0) this.spread(await this.named(this.unnamed.splice(0)));
    this.naming = null;
  }

  private async named(events: readonly EventRecord[]): Promise<EventRecord[]> {
    const missing = events.flatMap(({ workflow, executionId }) =>
      workflow === null && executionId !== null && !this.names.has(executionId) ? [executionId] : [],
    );
    try {
      if (missing.length > 0) {
        const workflows = await this.options.reads.workflowsOf([...new Set(missing)]);
        for (const [id, workflow] of workflows) this.names.set(id, workflow);
      }
    } catch {
      // Better without the name than not at all.
    }
    const found = events.map((event) =>
      event.workflow === null && event.executionId !== null
        ? { ...event, workflow: this.names.get(event.executionId) ?? null }
        : event,
    );
    for (const id of this.names.keys()) if (this.names.size > MOST_NAMES) this.names.delete(id);
    return found;
  }
}
