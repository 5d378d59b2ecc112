import { textOf } from '../core/text-of.js';
import type { EngineDeps } from './worker/engine-deps.js';
import { JournalWriter } from './journal/journal-writer.js';
import type { ClaimOffer, EndedTree, StartOp, Wake, WokenRun } from './ports/store.js';
import { tellEnded, type Watch } from './run/observed.js';
import type { RunEnd } from './run/session.js';
import { Starts } from './starts.js';
import type { InFlight } from '../core/run/execution.js';
import { DatabaseClock } from './time/clock.js';
import { withDeadline } from './time/deadline.js';
import { Background } from './worker/background.js';
import { BootPatience } from './worker/boot-patience.js';
import { EndedRuns, type EndListener } from './worker/ended-runs.js';
import type { EngineHealth } from './worker/health.js';
import { PeerHints } from './worker/peer-hints.js';
import { WorkSignals } from './worker/work-signals.js';
import { EVERYBODY } from './worker/turns.js';
import { Worker } from './worker/worker.js';

/** ms that aborted attempts and the last commits get at shutdown. */
const LAST_COMMITS = 5_000;
/** ms that the last commits and leaving the workers get together after shutdownTimeout and abortGrace. */
const LEAVING = 1_000;
/** ms that each part of a shutdown gets at the least. */
const LEAST = 200;

/**
 * The engine of one process, put together: the journal's writer, the worker with its runs, and what is done in the
 * background. Three verbs run it: start, quiet (claim nothing new) and stop (let running steps finish, give the rest
 * back); each may be called twice.
 */
export class Engine {
  readonly clock: DatabaseClock;
  /** Receiver of other processes' hints. */
  readonly hinted: PeerHints;
  private readonly writer: JournalWriter;
  private readonly worker: Worker;
  private readonly background: Background;
  private readonly ended = new EndedRuns();
  private readonly workSignals: WorkSignals;
  private readonly starts: Starts;
  private state: EngineHealth['state'] = 'new';
  /** performance.now() at which the shutdown began. */
  private closingSince: number | null = null;

  /** Opens the engine. All its work runs in the async context of the boot, whoever calls it. */
  static open(deps: EngineDeps): Engine {
    return deps.context.guard(new Engine(deps));
  }

  private constructor(private readonly deps: EngineDeps) {
    const { store, onTrouble, hints } = deps;
    const onWork = (queues: readonly string[]): void => this.notifyWork(queues);
    const onWoken = (runs: readonly WokenRun[]): void => this.woken(runs);
    const onCancelled = (tree: EndedTree): Promise<void> => this.endedTree(tree);
    const wakes = (): boolean => this.wakes;
    this.clock = deps.clock ?? new DatabaseClock();
    this.writer = new JournalWriter(
      store,
      () => this.worker.id,
      (starts, send) => this.worker.offers.starting(starts, send),
      onTrouble,
      onWoken,
      deps.telemetry,
    );
    this.worker = new Worker({
      ...deps,
      clock: this.clock,
      writer: this.writer,
      mayClaim: () => this.state === 'running',
      isNeeded: () => this.background.isNeeded,
      declared: () => this.background.declarations.ids,
      onEnd: (runId, end, watched) => this.onEnd(runId, end, watched),
      onDue: (queue, inMs) => this.onDue(queue, inMs),
      onWoken,
      onWork,
      onCancelled,
      onPeersChanged: () => this.peersChanged(),
    });
    this.background = new Background({
      ...deps,
      worker: this.worker,
      watch: () => this.watch,
      wakes,
      onWoken,
      onWork,
      onCancelled,
      onSettings: (queues) => this.settingsChanged(queues),
    });
    const { pollers, sessions, membership, claims, turns } = this.worker;
    const { matcher } = this.background;
    const waker = this.background.waker.loop;
    const { ended } = this;
    this.starts = new Starts({
      writer: this.writer,
      onWork: (queue) => this.notifyWork([queue]),
      onLater: (queue, inMs) => (this.wakes ? waker.within(inMs) : this.workLater([queue])),
      clock: this.clock,
      telemetry: deps.telemetry,
    });
    this.workSignals = new WorkSignals({
      hints,
      pollers,
      sessions,
      ended,
      waker,
      turns,
      wakes,
      isLocal: (runId) => this.isLocal(runId),
    });
    const { workSignals } = this;
    const hinted = new PeerHints({ pollers, waker, matcher, claims, ended, membership, workSignals, wakes, turns });
    this.hinted = deps.context.guard(hinted);
  }

  /** Enters the workers and begins to claim. A process with `workers: false` only writes starts. */
  async start(): Promise<void> {
    if (this.state !== 'new') return;
    this.state = 'running';
    if (!this.deps.settings.workers) return;
    const { membership, definitions, claims, sessions, pollers } = this.worker;
    const { declarations } = this.background;
    const patience = new BootPatience(() => this.state === 'running');
    definitions.begin();
    const steps = [
      () => declarations.declare(),
      () => patience.run('enter the workers', () => membership.join()),
      () => declarations.follow(),
      () => definitions.loop.poke(),
      () => patience.run('read the queues', () => claims.start()),
    ];
    for (const step of steps) {
      await step();
      // A shutdown has overtaken it: what it has stopped must not begin again.
      if (!this.wakes) return claims.stop();
    }
    definitions.loop.start();
    this.background.start();
    sessions.watch(this.deps.settings.recoveryInterval, this.deps.onTrouble);
    for (const poller of pollers.values()) poller.start();
  }

  /** Claims nothing more. Leased runs go on. A database that does not answer is waited for as long as steps are. */
  async quiet(): Promise<void> {
    if (this.state !== 'running') return;
    this.state = 'quiet';
    this.closingSince = performance.now();
    await withDeadline(this.settle(), Math.max(this.deps.settings.shutdownTimeout, LEAST));
  }

  private async settle(): Promise<void> {
    const { pollers, definitions, claims, offers } = this.worker;
    await Promise.all([...pollers.values()].map((poller) => poller.stop()));
    // An event that cannot be sent during an outage is tried for longer than a shutdown may take.
    const opened = withDeadline(offers.settled(), LAST_COMMITS);
    await Promise.all([this.background.stop(), definitions.loop.stop(), claims.stop(), opened]);
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
    if (begun) await this.worker.sessions.drain(left(0), Math.max(abortGrace, LEAST));
    await withDeadline(this.writer.drained(), Math.min(LAST_COMMITS, left(abortGrace + LEAVING / 2, LEAST)));
    this.writer.close();
    if (begun) await withDeadline(this.leave(), left(abortGrace + LEAVING, LEAST));
  }

  private async leave(): Promise<void> {
    await Promise.all([this.background.stopPublishing(), this.worker.sessions.unwatch()]);
    try {
      const { queues } = await this.worker.membership.leave();
      for (const queue of queues) this.deps.hints.queue(queue, EVERYBODY);
    } catch (error) {
      this.deps.onTrouble(`Could not deregister; its runs are recovered when its lease expires: ${textOf(error)}`);
      return;
    }
    // The others may never have seen that this process was there. If it fails, their own look will do, a little later.
    await this.background.declarations.follow().catch(() => {});
  }

  /**
   * Drops everything, as the death of the process would: leases stay, and nothing is given back. For tests,
   * on a store that lets nothing through any more.
   */
  kill(): void {
    this.state = 'stopped';
    const { pollers, definitions, claims, sessions, membership } = this.worker;
    for (const part of [...pollers.values(), definitions.loop, claims, this.background]) void part.stop();
    void Promise.all([this.background.stopPublishing(), sessions.unwatch(), membership.halt()]);
    this.writer.close();
    sessions.loseAll(new Error('The worker was killed'));
  }

  /** True while nothing but the code of steps (`inFlight`) runs: no poll, no commit, no decision. */
  get isQuiet(): boolean {
    return this.writer.isIdle && this.worker.isQuiet;
  }

  /** ms until something in the database becomes due by itself; null: nothing will. */
  async nextDueInMs(): Promise<number | null> {
    const { nextInMs } = await this.deps.store.wakeDue(0);
    const schedule = this.background.scheduler.nextDueInMs(this.clock.now());
    return schedule === null ? nextInMs : Math.min(schedule, nextInMs ?? Infinity);
  }

  /** Starts a run: in a group commit, and claimed in the same statement where this process has room. */
  startRun(op: StartOp): Promise<void> {
    return this.starts.start(op);
  }

  /** True while this process has leased the run. */
  isLocal(runId: string): boolean {
    return this.starts.has(runId) || this.worker.sessions.hasRun(runId);
  }

  /** Resolves when the claims under way here are back: a run may be local then. Null: there are none. */
  claimsBack(): Promise<unknown> | null {
    return this.worker.looked();
  }

  /** Tells how the run ends; null: elsewhere (read its row). Returns what ends that. */
  onEnded(runId: string, listener: EndListener): () => void {
    return this.ended.listen(runId, listener);
  }

  /** Tells this process and the others that these queues have work. */
  notifyWork(queues: readonly string[]): void {
    this.workSignals.notifyWork(queues);
  }

  /** Notifies the loops that wake due rows of something new. */
  workLater(queues: readonly string[]): void {
    this.workSignals.workLater(queues);
  }

  private get wakes(): boolean {
    return this.state === 'running' && this.deps.settings.workers;
  }

  /** Runs `send`, which wakes a run in a transaction: this process claims it in the same one where it has a place free. */
  wake(send: (offer: ClaimOffer | null) => Promise<Wake>): Promise<void> {
    return this.worker.offers.wake(send);
  }

  /** Something came that these runs have waited for. */
  woken(runs: readonly WokenRun[]): void {
    this.workSignals.woken(runs);
  }

  /** Runs were cancelled, or are to be undone, by this process. Resolves when those leased here have been looked at. */
  async endedTree(tree: EndedTree): Promise<void> {
    tellEnded(this.watch, tree.ended);
    if (tree.ended.length > 0 && this.wakes) this.worker.claims.endedElsewhere();
    await this.workSignals.cancelled(tree);
  }

  /** A run that is leased was paused or resumed by this process. Resolves when it has been looked at, if it is leased here. */
  runSwitched(runId: string): Promise<void> {
    return this.workSignals.switched(runId);
  }

  /** Settings of these queues were changed by this process: it goes by them now, the others by a hint. */
  async settingsChanged(queues: readonly string[]): Promise<void> {
    for (const queue of queues) this.deps.hints.settings(queue);
    await this.hinted.settings();
  }

  /** Called when this process has changed a schedule, which may be due sooner now. */
  scheduleChanged(): void {
    void this.background.scheduler.look();
  }

  /** For a look at its health: what it does, and how long ago each loop came round. */
  health(): EngineHealth {
    const { definitions, membership, claims } = this.worker;
    const loops = [...this.background.loops, definitions.loop, ...membership.loops, ...claims.loops];
    return { state: this.state, claimable: definitions.ids, loops: this.wakes ? loops : [] };
  }

  inFlight(runId?: string): InFlight[] {
    return this.worker.inFlight(runId);
  }

  /** Number by which this process is registered; 0: it is not. */
  get workerId(): number {
    return this.worker.id;
  }

  /** Runs every safety net now: dead workers, due rows, lost leases, queues. */
  async sweep(): Promise<void> {
    if (!this.wakes) return;
    const { membership, definitions, claims, sessions } = this.worker;
    await membership.lookNow();
    await this.background.declarations.loop.poke();
    await Promise.all([definitions.loop.poke(), claims.refresh(), sessions.look(), this.background.look()]);
    await this.background.maintain();
    this.worker.lookIntoQueues();
  }

  private get watch(): Watch {
    const { observer, telemetry, stats, report } = this.deps;
    return { observer, telemetry, stats, report, clock: this.clock };
  }

  /** Called when a worker came or went: it decides what this process may claim, and which declarations are in force. */
  private peersChanged(): void {
    void this.worker.definitions.loop.poke();
    void this.background.declarations.loop.poke();
  }

  private onEnd(runId: string, end: RunEnd, watched: boolean): void {
    this.worker.claims.ended(runId);
    this.ended.tell(runId, end.data === null ? null : end);
    if (watched) this.deps.hints.done(runId);
  }

  private onDue(queue: string, inMs: number): void {
    if (inMs <= 0) this.notifyWork([queue]);
    else this.background.waker.loop.within(inMs);
  }
}
