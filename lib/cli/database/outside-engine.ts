import { newRun } from '../../core/run/new-run.js';
import type { EventRecord } from '../../core/run/events.js';
import type { ClientEngine } from '../../lifecycle/host.js';
import { packEvents } from '../../events/sender.js';
import { anyDraw } from '../../engine/worker/turns.js';
import { tellEnded } from '../../engine/run/observed.js';
import type { EndedTree, StartOp, Wake, WokenRun } from '../../engine/ports/store.js';
import type { InstanceStorage } from '../../lifecycle/storage.js';
import { channelOf } from '../../storage/notify/listener.js';
import { Notifier, notify } from '../../storage/notify/notifier.js';
import { type Lender, queryOf } from '../../storage/connection/transaction.js';

/** The sender in hints and events: no process takes them for its own. */
const TAG = 'cli';

export interface OutsideParts {
  readonly pool: Lender;
  readonly schema: string;
  readonly storage: Pick<InstanceStorage, 'control' | 'events'>;
  /** Time of the database, ms. */
  readonly now: () => number;
}

/**
 * What clients ask of an engine, where there is none in this process: starts are written as they come, and the processes
 * that work are told by hints what there is to do, and by events what was done. Nothing is claimed, nothing is heard.
 */
export class OutsideEngine implements ClientEngine {
  readonly clock: { now(): number };
  readonly events: OutsideEvents;
  private readonly hints: Notifier;

  constructor(private readonly parts: OutsideParts) {
    const { pool, schema } = parts;
    this.clock = { now: parts.now };
    this.hints = new Notifier(queryOf(pool), channelOf(schema), TAG);
    this.events = new OutsideEvents(parts);
  }

  async startRun(op: StartOp): Promise<void> {
    await this.parts.storage.control.startMany([newRun(op)]);
    const isLater = op.scheduledAt === null ? op.delayMs > 0 : Date.parse(op.scheduledAt) > this.clock.now();
    if (isLater) this.workLater([op.queue]);
    else this.notifyWork([op.queue]);
  }

  isLocal(): boolean {
    return false;
  }

  /** It is no worker. */
  get workerId(): number {
    return 0;
  }

  claimsBack(): null {
    return null;
  }

  /** Ends are found by looking. */
  onEnded(): () => void {
    return () => {};
  }

  inFlight(): [] {
    return [];
  }

  notifyWork(queues: readonly string[]): void {
    for (const queue of queues) this.hints.hint(queue, anyDraw());
  }

  workLater(queues: readonly string[]): void {
    for (const queue of queues) this.hints.later(queue);
  }

  async wake(send: (offer: null) => Promise<Wake>): Promise<void> {
    this.woken((await send(null)).woken);
  }

  woken(runs: readonly WokenRun[]): void {
    for (const { runId, queue, state, paused } of runs) {
      if (state === 'ready' && !paused) this.hints.hint(queue, anyDraw());
      if (state === 'running') this.hints.control(runId);
    }
  }

  async endedTree({ ended, undoing, woken }: EndedTree): Promise<void> {
    tellEnded({ observer: this.events, clock: this.clock }, ended);
    for (const run of [...ended, ...undoing]) if (run.leased) this.hints.control(run.id);
    for (const run of ended) if (run.watched) this.hints.done(run.id);
    this.notifyWork([...new Set(undoing.filter((run) => !run.leased).map((run) => run.queue))]);
    this.woken(woken);
  }

  async runSwitched(runId: string): Promise<void> {
    this.hints.control(runId);
  }

  async settingsChanged(queues: readonly string[]): Promise<void> {
    for (const queue of queues) this.hints.settings(queue);
  }

  /** The schedulers look every second. */
  scheduleChanged(): void {}

  /** The nets are those of the workers. */
  async sweep(): Promise<void> {}

  /** Sends what waits to be sent. */
  async close(): Promise<void> {
    await this.events.close();
    await this.hints.close();
  }
}

/**
 * Tells the subscribers of other processes what was done here. Who wants what is not asked: an act is one event or two,
 * and what nobody listens to costs nobody anything.
 */
class OutsideEvents {
  readonly isWanted = true;
  private sending: Promise<void> = Promise.resolve();

  constructor(private readonly parts: OutsideParts) {}

  wants(): 'run' {
    return 'run';
  }

  tell(events: readonly EventRecord[]): void {
    this.sending = this.sending.then(() => this.send(events)).catch(() => {});
  }

  close(): Promise<void> {
    return this.sending;
  }

  private async send(events: readonly EventRecord[]): Promise<void> {
    const { pool, schema } = this.parts;
    const nameless = events.flatMap(({ workflow, executionId }) =>
      workflow === null && executionId !== null ? [executionId] : [],
    );
    const names =
      nameless.length === 0 ? new Map<string, string>() : await this.parts.storage.events.workflowsOf(nameless);
    const named = events.map((event) => ({
      ...event,
      workflow: event.workflow ?? names.get(event.executionId ?? '') ?? null,
    }));
    await notify(queryOf(pool), `${channelOf(schema)}_events`, packEvents(named, TAG));
  }
}
