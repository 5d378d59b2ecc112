import type { RunEnd, SessionDeps } from '../run/session.js';
import type { EngineDeps } from './engine-deps.js';
import type { JournalWriter } from '../journal/journal-writer.js';
import type { EndedTree, WokenRun } from '../ports/store.js';
import type { InFlight } from '../../core/run/execution.js';
import type { DatabaseClock } from '../time/clock.js';
import { ClaimOffers } from './claim-offers.js';
import { ClaimableDefinitions } from './claimable.js';
import { Membership } from './membership.js';
import { QueuePoller } from './poller.js';
import { thisProcess } from './process-identity.js';
import { QueueClaims } from './queue-claims.js';
import { SessionOpener } from './session-opener.js';
import { Executor } from './executor.js';
import type { Whom } from './telling.js';
import { EVERYBODY, Turns } from './turns.js';

interface WorkerDeps extends EngineDeps {
  readonly clock: DatabaseClock;
  readonly writer: JournalWriter;
  /** True while this process claims. */
  readonly mayClaim: () => boolean;
  /** True when loops must look for themselves, since the pulse's last answer is too old. */
  readonly isNeeded: () => boolean;
  /** Ids of the declarations that this process has stored. */
  readonly declared: () => readonly number[];
  readonly onEnd: (runId: string, end: RunEnd, watched: boolean) => void;
  /** Something in this queue is due in so many ms. */
  readonly onDue: (queue: string, inMs: number) => void;
  readonly onWoken: (runs: readonly WokenRun[]) => void;
  /** These queues have work. */
  readonly onWork: (queues: readonly string[]) => void;
  readonly onCancelled: (tree: EndedTree) => Promise<void>;
  /** Another process has come or gone. */
  readonly onPeersChanged: () => void;
}

/** The worker of one process: its registration, the runs that it may claim, and its leased rows. */
export class Worker {
  readonly membership: Membership;
  readonly sessions: Executor;
  readonly pollers = new Map<string, QueuePoller>();
  readonly claims: QueueClaims;
  readonly definitions: ClaimableDefinitions;
  readonly offers: ClaimOffers;
  readonly turns: Turns;

  constructor(private readonly deps: WorkerDeps) {
    const { store, registry, settings, onTrouble, telemetry, isNeeded, onWork } = deps;
    const id = (): number => this.id;
    this.turns = new Turns(id);
    this.sessions = new Executor(
      store,
      id,
      (queue, rowId) => {
        this.pollers.get(queue)?.free();
        this.claims.release(queue, rowId);
      },
      onWork,
      telemetry,
    );
    this.membership = this.registered();
    const opener = new SessionOpener(this.sessionDeps(), registry, this.sessions);
    this.definitions = new ClaimableDefinitions(
      store,
      registry,
      id,
      Object.keys(settings.queues),
      () => this.lookIntoQueues(),
      onTrouble,
    );
    this.claims = new QueueClaims({
      store,
      queues: deps.queues,
      registry,
      worker: id,
      timesLost: () => this.sessions.timesLost,
      claimable: () => this.definitions.all,
      open: (rows, timesLost) => opener.openClaimed(rows, timesLost),
      onWork,
      onRate: (queue, inMs) => this.pollers.get(queue)?.lookAtRate(inMs),
      isNeeded,
      onTrouble,
      telemetry,
      report: deps.report,
    });
    for (const [queue, { concurrency, pollInterval }] of Object.entries(settings.workers ? settings.queues : {})) {
      const claim = (name: string, count: number): Promise<number> =>
        this.sessions.take(() => this.claims.claim(name, count));
      const others = { tell: (whom: Whom) => this.tellOthers(queue, whom) };
      this.pollers.set(
        queue,
        new QueuePoller({ queue, concurrency, pollInterval }, claim, others, onTrouble, isNeeded),
      );
    }
    this.offers = new ClaimOffers({
      store,
      worker: id,
      sessions: this.sessions,
      opener,
      claims: this.claims,
      pollers: this.pollers,
      mayClaim: deps.mayClaim,
      onWoken: deps.onWoken,
      onWork,
      onTrouble,
    });
  }

  /** The queue may have more than this process could take. */
  private tellOthers(queue: string, whom: Whom): void {
    if (this.membership.hasPeers) this.deps.hints.queue(queue, whom === 'all' ? EVERYBODY : this.turns.draw(queue));
  }

  /** As which it is registered. */
  get id(): number {
    return this.membership.id;
  }

  /** True while nothing but the code of steps runs: no poll, no decision. */
  get isQuiet(): boolean {
    if ([...this.pollers.values()].some((poller) => poller.isLooking) || this.sessions.isTaking) return false;
    return this.sessions.allInSteps;
  }

  /** Resolves when the claims under way are back, and what they took is at work; null: none is. */
  looked(): Promise<unknown> | null {
    const looking = [...this.pollers.values()].filter((poller) => poller.isLooking);
    return looking.length === 0 ? null : Promise.all(looking.map((poller) => poller.looked()));
  }

  lookIntoQueues(): void {
    for (const poller of this.pollers.values()) poller.look('hint');
  }

  inFlight(runId?: string): InFlight[] {
    return this.sessions.inFlight(runId);
  }

  /** Writes which attempts run, if others do than were written last. */
  async publish(): Promise<null> {
    if (!this.membership.hasWritten(this.inFlight())) await this.membership.publish();
    return null;
  }

  private registered(): Membership {
    const { store, clock, settings, registry, hints, telemetry, onTrouble, onWork, isNeeded } = this.deps;
    const { sessions } = this;
    return new Membership(
      store,
      clock,
      thisProcess(),
      () => ({
        ...thisProcess(),
        host: settings.host,
        version: settings.version,
        queues: Object.keys(settings.queues),
        definitions: registry.all().map((w) => w.definitionId),
        declarations: this.deps.declared(),
        sessionName: this.deps.sessionName(),
        leaseMs: settings.leaseTimeout,
        capacity: Object.fromEntries(
          Object.entries(settings.queues).map(([name, { concurrency }]) => [name, concurrency]),
        ),
        listening: hints.listening(),
      }),
      settings,
      () => this.inFlight(),
      () => hints.listening(),
      {
        onRecovered: (queues, rows, workers) => {
          this.deps.report?.recovered(rows, queues, workers);
          telemetry?.recovered(rows);
          onWork(queues);
        },
        onPeersChanged: this.deps.onPeersChanged,
        onDeclaredDead: () => {
          telemetry?.lost(sessions.count);
          sessions.loseAll(
            new Error('This process was out of touch and declared dead: its runs are recovered by others'),
          );
        },
        onOutOfTouch: () => sessions.abortAll(new Error('The database has not been reached for a whole lease')),
        onTrouble,
      },
      isNeeded,
    );
  }

  private sessionDeps(): SessionDeps {
    const { settings } = this.deps;
    return {
      store: this.deps.store,
      writer: this.deps.writer,
      clock: this.deps.clock,
      worker: () => this.id,
      maxPayloadBytes: settings.maxPayloadBytes,
      logs: settings.logs,
      onEnd: this.deps.onEnd,
      onDue: this.deps.onDue,
      abortGrace: settings.abortGrace,
      targets: this.deps.targets,
      context: this.deps.context,
      advice: this.deps.advice,
      onWoken: this.deps.onWoken,
      onAttention: () => void this.sessions.look(),
      onAbandoned: (runId) => {
        this.deps.hints.control(runId);
        void this.sessions.look();
      },
      onCancelled: (tree) => void this.deps.onCancelled(tree),
      onTrouble: this.deps.onTrouble,
      observer: this.deps.observer,
      telemetry: this.deps.telemetry,
      stats: this.deps.stats,
      report: this.deps.report,
    };
  }
}
