import { textOf } from '../core/text-of.js';
import { ClaimOffers } from './worker/claim-offers.js';
import { ClaimableDefinitions } from './worker/claimable.js';
import { DatabaseClock } from './time/clock.js';
import { withDeadline } from './time/deadline.js';
import { Declarations } from './worker/declarations.js';
import { EndedRuns, type EndListener } from './worker/ended-runs.js';
import type { EngineDeps, EngineSettings } from './engine-deps.js';
import type { EngineHealth } from './worker/health.js';
import { JournalWriter } from './journal/journal-writer.js';
import { PeerHints } from './worker/peer-hints.js';
import { Loop } from './time/loop.js';
import { EventMatcher } from './worker/matcher.js';
import { Maintenance } from './worker/maintenance.js';
import { Membership } from './worker/membership.js';
import { thisProcess } from './worker/process-identity.js';
import { QueuePoller } from './worker/poller.js';
import { Pulse } from './worker/pulse.js';
import { QueueClaims } from './worker/queue-claims.js';
import { tellEnded, tellFired, tellReceived, type Watch } from './run/observed.js';
import { Reconciler } from './worker/reconcile.js';
import { Scheduler } from './worker/scheduler.js';
import type { RunEnd, SessionDeps } from './run/session.js';
import type { InFlightAttempt } from './step/in-flight.js';
import { SessionOpener } from './worker/session-opener.js';
import { Sessions } from './worker/sessions.js';
import { Starts } from './starts.js';
import { WorkSignals } from './worker/work-signals.js';
import type { EndedTree, ClaimOffer, Followed, PulseFindings, StartOp, Wake, WokenRun } from './ports/store.js';

/** How soon runs are looked at again whose timeout is over, and that somebody has locked, ms. */
const LOCKED_AGAIN = 500;
/** While attempts run, how often they are published if they changed, ms. */
const PUBLISH_INTERVAL = 1_000;
/** How long aborted attempts and the last commits may take at shutdown, ms. */
const LAST_COMMITS = 5_000;
/** How long after shutdownTimeout and abortGrace the last commits and leaving the workers may take together, ms. */
const LEAVING = 1_000;
/** What each part of a shutdown gets at the least, ms. */
const LEAST = 200;

/**
 * The engine of one process, put together: journal writer, pollers, waker, membership, sessions. Three verbs run it:
 * start, quiet (claim nothing new) and stop (let running steps finish, give the rest back); each may be called twice.
 */
export class Engine {
  readonly clock: DatabaseClock;
  /** What other processes say comes in here. */
  readonly hinted: PeerHints;
  private readonly writer: JournalWriter;
  private readonly membership: Membership;
  private readonly sessions: Sessions;
  private readonly opener: SessionOpener;
  private readonly pollers = new Map<string, QueuePoller>();
  private readonly claims: QueueClaims;
  private readonly maintenance: Maintenance;
  private readonly ended = new EndedRuns();
  private readonly workSignals: WorkSignals;
  private readonly waker: Loop;
  private readonly matcher: EventMatcher;
  private readonly publisher: Loop;
  private readonly pulse: Pulse;
  private readonly definitions: ClaimableDefinitions;
  private readonly declarations: Declarations;
  private readonly scheduler: Scheduler;
  private readonly starts: Starts;
  private readonly offers: ClaimOffers;
  private state: EngineHealth['state'] = 'new';
  /** performance.now() at which the shutdown began. */
  private closingSince: number | null = null;
  /** At the last pulse there were runs that have not ended. */
  private hasUnfinished = true;
  private published = '[]';

  /** Whoever calls it, what it does is done in the context of the boot. */
  static open(deps: EngineDeps): Engine {
    return deps.context.guard(new Engine(deps));
  }

  private constructor(private readonly deps: EngineDeps) {
    const { store, registry, settings, onTrouble } = deps;
    const isNeeded = (): boolean => this.pulse.isStale;
    this.clock = deps.clock ?? new DatabaseClock();
    this.writer = new JournalWriter(
      store,
      () => this.membership.id,
      (starts, send) => this.offers.starting(starts, send),
      onTrouble,
      (woken) => this.woken(woken),
      deps.telemetry,
    );
    this.sessions = new Sessions(
      store,
      () => this.membership.id,
      (queue, rowId) => {
        this.pollers.get(queue)?.free();
        this.claims.release(queue, rowId);
      },
      (queues) => this.notifyWork(queues),
      deps.telemetry,
    );
    this.membership = new Membership(
      store,
      this.clock,
      thisProcess(),
      () => ({
        ...thisProcess(),
        host: settings.host,
        version: settings.version,
        queues: Object.keys(settings.queues),
        definitions: registry.all().map((w) => w.definitionId),
        declarations: this.declarations.ids,
        sessionName: deps.sessionName(),
        leaseMs: settings.leaseTimeout,
        capacity: Object.fromEntries(
          Object.entries(settings.queues).map(([name, { concurrency }]) => [name, concurrency]),
        ),
        listening: deps.hints.listening(),
      }),
      settings,
      () => (this.published = JSON.stringify(this.inFlight())),
      () => deps.hints.listening(),
      {
        onRecovered: (queues, rows) => {
          deps.telemetry?.recovered(rows);
          this.notifyWork(queues);
        },
        onPeersChanged: () => this.peersChanged(),
        onDeclaredDead: () => {
          deps.telemetry?.lost(this.sessions.count);
          this.sessions.loseAll(new Error('This process was out of touch: its runs were taken'));
        },
        onOutOfTouch: () => this.sessions.abortAll(new Error('The database has been out of touch for a whole lease')),
        onTrouble,
      },
      isNeeded,
    );
    const sessionDeps: SessionDeps = {
      store,
      writer: this.writer,
      clock: this.clock,
      worker: () => this.membership.id,
      maxPayloadBytes: settings.maxPayloadBytes,
      logs: settings.logs,
      onEnd: (runId, end, watched) => this.onEnd(runId, end, watched),
      onDue: (queue, inMs) => this.onDue(queue, inMs),
      abortGrace: settings.abortGrace,
      targets: deps.targets,
      context: deps.context,
      advice: deps.advice,
      onWoken: (woken) => this.woken(woken),
      onAttention: () => void this.sessions.look(),
      onCancelled: (tree) => void this.endedTree(tree),
      onTrouble,
      observer: deps.observer,
      telemetry: deps.telemetry,
      stats: deps.stats,
    };
    this.opener = new SessionOpener(sessionDeps, registry, this.sessions);
    const limits = Object.entries(settings.queues).map(([queue, given]) => ({ ...given, queue }));
    this.claims = new QueueClaims({
      store,
      queues: deps.queues,
      registry,
      worker: () => this.membership.id,
      claimable: () => this.definitions.all,
      open: (rows) => this.opener.openClaimed(rows),
      onWork: (queues) => this.notifyWork(queues),
      onRate: (queue, inMs) => this.pollers.get(queue)?.lookWithin(inMs),
      isNeeded,
      onTrouble,
      telemetry: deps.telemetry,
    });
    this.maintenance = new Maintenance(
      [
        new Reconciler({
          store,
          worker: () => this.membership.id,
          sessions: this.sessions,
          isNeeded: () => this.hasUnfinished || isNeeded(),
          onWoken: (runs) => this.woken(runs),
          onTrouble,
          telemetry: deps.telemetry,
        }),
        ...deps.jobs,
      ],
      onTrouble,
    );
    for (const [queue, { concurrency, pollInterval }] of Object.entries(settings.workers ? settings.queues : {})) {
      const claim = (name: string, count: number): Promise<number> =>
        this.sessions.take(() => this.claims.claim(name, count));
      this.pollers.set(queue, new QueuePoller({ queue, concurrency, pollInterval }, claim, onTrouble, isNeeded));
    }
    this.waker = new Loop('Waking what is due', settings.wakeInterval, () => this.wakeDue(), onTrouble, isNeeded);
    this.matcher = new EventMatcher(
      store,
      settings,
      (runs) => this.woken(runs),
      onTrouble,
      (received) => tellReceived(this.watch, received),
      isNeeded,
    );
    this.publisher = new Loop('Publishing', PUBLISH_INTERVAL, () => this.publish(), onTrouble);
    this.pulse = new Pulse({
      interval: pulseInterval(settings),
      ask: (question) => store.pulse(question),
      question: () => ({
        worker: this.membership.id,
        processKey: thisProcess().processKey,
        queues: [...this.pollers.keys()],
        definitions: this.definitions.ids,
        workflows: registry.all().map(({ definition }) => definition.name),
      }),
      listening: deps.hints.listening,
      isBusy: () => this.sessions.count > 0,
      onFindings: (findings) => this.found(findings),
      onTrouble,
    });
    this.definitions = new ClaimableDefinitions(
      store,
      registry,
      () => this.membership.id,
      Object.keys(settings.queues),
      () => this.lookIntoQueues(),
      onTrouble,
    );
    this.starts = new Starts({
      writer: this.writer,
      onWork: (queue) => this.notifyWork([queue]),
      onLater: (queue, inMs) => (this.wakes ? this.waker.within(inMs) : this.workLater([queue])),
      clock: this.clock,
      telemetry: deps.telemetry,
    });
    this.offers = new ClaimOffers({
      store,
      worker: () => this.membership.id,
      sessions: this.sessions,
      opener: this.opener,
      claims: this.claims,
      pollers: this.pollers,
      mayClaim: () => this.state === 'running',
      onWoken: (woken) => this.woken(woken),
      onWork: (queues) => this.notifyWork(queues),
      onTrouble,
    });
    this.workSignals = new WorkSignals({
      hints: deps.hints,
      pollers: this.pollers,
      sessions: this.sessions,
      ended: this.ended,
      waker: this.waker,
      hasPeers: () => this.membership.hasPeers,
      wakes: () => this.wakes,
      isLocal: (runId) => this.isLocal(runId),
    });
    const hinted = new PeerHints({
      pollers: this.pollers,
      waker: this.waker,
      matcher: this.matcher,
      claims: this.claims,
      ended: this.ended,
      membership: this.membership,
      workSignals: this.workSignals,
      wakes: () => this.wakes,
    });
    this.hinted = deps.context.guard(hinted);
    this.declarations = new Declarations({
      ...deps.declarations,
      registry,
      limits,
      onFollowed: (followed) => void this.followed(followed),
      onTrouble,
    });
    this.scheduler = new Scheduler({
      store: deps.schedules,
      registry,
      worker: () => this.membership.id,
      interval: settings.schedulerInterval,
      onWork: (queues) => this.notifyWork(queues),
      onTrouble,
      isNeeded,
      onFired: (fired, workflow) => tellFired(this.watch, workflow, fired),
    });
  }

  /** Enters the workers and begins to claim. A process with `workers: false` only writes starts. */
  async start(): Promise<void> {
    if (this.state !== 'new') return;
    this.state = 'running';
    if (!this.deps.settings.workers) return;
    this.definitions.begin();
    await this.declarations.declare();
    await this.membership.join();
    await this.declarations.follow();
    await this.definitions.loop.poke();
    await this.claims.start();
    const { definitions, declarations, waker, matcher, publisher, pulse } = this;
    const loops = [definitions.loop, declarations.loop, waker, matcher, publisher, pulse.loop];
    for (const loop of loops) loop.start();
    this.maintenance.start();
    this.sessions.watch(this.deps.settings.recoveryInterval, this.deps.onTrouble);
    for (const poller of this.pollers.values()) poller.start();
    this.scheduler.start();
  }

  /** Claims nothing more. What is held goes on. A database that does not answer is waited for as long as steps are. */
  async quiet(): Promise<void> {
    if (this.state !== 'running') return;
    this.state = 'quiet';
    this.closingSince = performance.now();
    await withDeadline(this.settle(), Math.max(this.deps.settings.shutdownTimeout, LEAST));
  }

  private async settle(): Promise<void> {
    await Promise.all([...this.pollers.values()].map((poller) => poller.stop()));
    const { waker, matcher, definitions, declarations, scheduler, claims, maintenance, pulse } = this;
    const loops = [pulse.loop, waker, matcher, definitions.loop, declarations.loop, scheduler, claims, maintenance];
    // An event that cannot be sent during an outage is tried for longer than a shutdown may take.
    const opened = withDeadline(this.offers.settled(), LAST_COMMITS);
    await Promise.all([...loops.map((loop) => loop.stop()), opened]);
  }

  /**
   * Lets running steps finish for `shutdownTimeout` (counted from `quiet`), aborts the rest, gives every run back, leaves
   * the workers. It is over `abortGrace` and one second after that, whatever the database does.
   */
  async stop(): Promise<void> {
    await this.quiet();
    if (this.state === 'stopped') return;
    const begun = this.state === 'quiet' && this.deps.settings.workers;
    this.state = 'stopped';
    const { shutdownTimeout, abortGrace } = this.deps.settings;
    const toldAt = performance.now();
    const left = (ms: number, least = 0): number => {
      return Math.max(least, (this.closingSince ?? toldAt) + shutdownTimeout + ms - performance.now());
    };
    if (begun) await this.sessions.drain(left(0), Math.max(abortGrace, LEAST));
    await withDeadline(this.writer.drained(), Math.min(LAST_COMMITS, left(abortGrace + LEAVING / 2, LEAST)));
    this.writer.close();
    if (begun) await withDeadline(this.leave(), left(abortGrace + LEAVING, LEAST));
  }

  private async leave(): Promise<void> {
    await Promise.all([this.publisher.stop(), this.sessions.unwatch()]);
    try {
      const { queues } = await this.membership.leave();
      for (const queue of queues) this.deps.hints.queue(queue);
    } catch (error) {
      this.deps.onTrouble(`Could not deregister; its runs are recovered after a while: ${textOf(error)}`);
      return;
    }
    // The others may never have seen that this process was there. If it fails, their own look will do, a little later.
    await this.declarations.follow().catch(() => {});
  }

  /**
   * Drops everything, as the death of the process would: what is held stays held, and nothing is given back. For tests,
   * on a store that lets nothing through any more.
   */
  kill(): void {
    this.state = 'stopped';
    for (const poller of this.pollers.values()) void poller.stop();
    const { waker, matcher, publisher, definitions, declarations, pulse } = this;
    const loops = [waker, matcher, publisher, definitions.loop, declarations.loop, pulse.loop];
    for (const loop of loops) void loop.stop();
    for (const part of [this.scheduler, this.claims, this.maintenance]) void part.stop();
    void Promise.all([this.sessions.unwatch(), this.membership.halt()]);
    this.writer.close();
    this.sessions.loseAll(new Error('The worker was killed'));
  }

  /** Whether nothing goes on here but the code of steps (`inFlight`): no look into a queue, no commit, no decision. */
  get isQuiet(): boolean {
    if ([...this.pollers.values()].some((poller) => poller.isLooking) || this.sessions.isTaking) return false;
    return this.writer.isIdle && this.sessions.allInSteps;
  }

  /** ms until something in the database becomes due by itself; null: nothing will. */
  async nextDueInMs(): Promise<number | null> {
    const { nextInMs } = await this.deps.store.wakeDue(0);
    const schedule = this.scheduler.nextDueInMs(this.clock.now());
    return schedule === null ? nextInMs : Math.min(schedule, nextInMs ?? Infinity);
  }

  /** Starts a run: in a group commit, and claimed in the same statement where this process has room. */
  startRun(op: StartOp): Promise<void> {
    return this.starts.start(op);
  }

  /** Whether the run is held by this process. */
  isLocal(runId: string): boolean {
    return this.starts.has(runId) || this.sessions.hasRun(runId);
  }

  /** Tells how the run ends; null: elsewhere (read its row). Returns what ends that. */
  onEnded(runId: string, listener: EndListener): () => void {
    return this.ended.listen(runId, listener);
  }

  /** Tells this process and the others that these queues have work. */
  notifyWork(queues: readonly string[]): void {
    this.workSignals.notifyWork(queues);
  }

  /** Tells whoever wakes what is due that there is something new. */
  workLater(queues: readonly string[]): void {
    this.workSignals.workLater(queues);
  }

  private get wakes(): boolean {
    return this.state === 'running' && this.deps.settings.workers;
  }

  /** Runs `send`, which wakes a run in a transaction: this process claims it in the same one where it has a place free. */
  wake(send: (offer: ClaimOffer | null) => Promise<Wake>): Promise<void> {
    return this.offers.wake(send);
  }

  /** Something came that these runs have waited for. */
  woken(runs: readonly WokenRun[]): void {
    this.workSignals.woken(runs);
  }

  /** Runs were cancelled, or are to be undone, by this process. Resolves when those held here have been looked at. */
  async endedTree(tree: EndedTree): Promise<void> {
    tellEnded(this.watch, tree.ended);
    if (tree.ended.length > 0 && this.wakes) this.claims.endedElsewhere();
    await this.workSignals.cancelled(tree);
  }

  /** A queue's settings were changed by this process: it goes by them now, the others by a hint. */
  async settingsChanged(queue: string): Promise<void> {
    this.deps.hints.settings(queue);
    await this.hinted.settings();
  }

  /** This process has changed a schedule: it may be due sooner than was known. */
  scheduleChanged(): void {
    void this.scheduler.look();
  }

  /** For a look at its health: what it does, and how long ago each loop came round. */
  health(): EngineHealth {
    const { waker, definitions, declarations, publisher, pulse, membership, claims } = this;
    const own = [pulse.loop, waker, definitions.loop, declarations.loop, publisher];
    const loops = [...own, ...membership.loops, ...claims.loops];
    return {
      state: this.state,
      claimable: this.definitions.ids,
      loops: this.wakes ? loops : [],
    };
  }

  inFlight(runId?: string): InFlightAttempt[] {
    return this.sessions.inFlight(runId);
  }

  /** Runs every safety net now: dead workers, due rows, lost leases, queues. */
  async sweep(): Promise<void> {
    if (!this.wakes) return;
    await this.membership.lookNow();
    await this.declarations.loop.poke();
    const loops = [this.definitions.loop.poke(), this.waker.poke(), this.matcher.poke(), this.claims.refresh()];
    await Promise.all([...loops, this.sessions.look(), this.scheduler.look()]);
    this.hasUnfinished = true;
    await this.maintenance.poke();
    this.lookIntoQueues();
  }

  private get watch(): Watch {
    const { observer, telemetry, stats } = this.deps;
    return { observer, telemetry, stats, clock: this.clock };
  }

  /** What this process may claim, and which declarations are in force, depends on who lives. */
  private peersChanged(): void {
    void this.definitions.loop.poke();
    void this.declarations.loop.poke();
  }

  private async followed({ schedules, queues }: Followed): Promise<void> {
    for (const queue of queues) this.deps.hints.settings(queue);
    if (queues.length > 0) await this.hinted.settings();
    if (schedules) this.scheduleChanged();
  }

  private lookIntoQueues(): void {
    for (const poller of this.pollers.values()) poller.look();
  }

  private onEnd(runId: string, end: RunEnd, watched: boolean): void {
    this.claims.ended(runId);
    this.ended.tell(runId, end.data === null ? null : end);
    if (watched) this.deps.hints.done(runId);
  }

  private onDue(queue: string, inMs: number): void {
    if (inMs <= 0) this.notifyWork([queue]);
    else this.waker.within(inMs);
  }

  private async wakeDue(): Promise<number | null> {
    const { wakeBatchSize } = this.deps.settings;
    const { queues, woken, late, nextInMs } = await this.deps.store.wakeDue(wakeBatchSize);
    this.notifyWork(queues);
    let again = woken === wakeBatchSize || late.length === wakeBatchSize ? 0 : Infinity;
    if (late.length > 0) {
      const done = await this.deps.store.endLate(late);
      await this.endedTree(done);
      if (done.left) again = LOCKED_AGAIN;
    }
    return again === Infinity ? nextInMs : Math.min(again, nextInMs ?? Infinity);
  }

  /** What the pulse has found goes to whom it concerns. */
  private found(findings: PulseFindings): void {
    if (!this.wakes) return;
    const { readyQueues, nextDueInMs, nextScheduleInMs, unmatched, queueStates, blocked, peers, suspects } = findings;
    this.hasUnfinished = findings.unfinished;
    this.membership.sighted(peers, suspects);
    this.claims.takeStates(queueStates);
    for (const queue of readyQueues) this.pollers.get(queue)?.look(false);
    if (nextDueInMs !== null) this.waker.within(Math.max(0, nextDueInMs));
    if (nextScheduleInMs !== null) this.scheduler.dueIn(Math.max(0, nextScheduleInMs));
    if (unmatched) void this.matcher.poke();
    if (blocked) void this.claims.refresh();
  }

  private async publish(): Promise<null> {
    const running = JSON.stringify(this.inFlight());
    if (running !== this.published) await this.membership.publish();
    return null;
  }
}

/** The shortest of the intervals that the pulse stands in for. */
function pulseInterval({ queues, wakeInterval, schedulerInterval, recoveryInterval }: EngineSettings): number {
  const polls = Object.values(queues).map(({ pollInterval }) => pollInterval);
  return Math.min(wakeInterval, schedulerInterval, recoveryInterval, ...polls);
}
