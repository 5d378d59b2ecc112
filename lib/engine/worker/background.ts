import type { EngineDeps, EngineSettings } from './engine-deps.js';
import type { EndedTree, Followed, PulseFindings, WokenRun } from '../ports/store.js';
import { tellFired, tellReceived, type Watch } from '../run/observed.js';
import { Loop } from '../time/loop.js';
import { Declarations } from './declarations.js';
import { Maintenance } from './maintenance.js';
import { EventMatcher } from './matcher.js';
import { thisProcess } from './process-identity.js';
import { Pulse } from './pulse.js';
import { Reconciler } from './reconcile.js';
import { Scheduler } from './scheduler.js';
import { Waker } from './waker.js';
import type { Worker } from './worker.js';

/** While attempts run, how often they are published if they changed, ms. */
const PUBLISH_INTERVAL = 1_000;

interface BackgroundDeps extends EngineDeps {
  readonly worker: Worker;
  readonly watch: () => Watch;
  /** True while this process is at work. */
  readonly wakes: () => boolean;
  readonly onWoken: (runs: readonly WokenRun[]) => void;
  /** These queues have work. */
  readonly onWork: (queues: readonly string[]) => void;
  readonly onCancelled: (tree: EndedTree) => Promise<void>;
  /** Settings of these queues were changed. */
  readonly onSettings: (queues: readonly string[]) => Promise<void>;
}

/** Background work of a worker: wakes due rows, matches events, fires schedules, maintains and reconciles rows. */
export class Background {
  readonly waker: Waker;
  readonly matcher: EventMatcher;
  readonly declarations: Declarations;
  readonly scheduler: Scheduler;
  private readonly maintenance: Maintenance;
  private readonly publisher: Loop;
  private readonly pulse: Pulse;
  /** At the last pulse there were runs that have not ended. */
  private hasUnfinished = true;

  constructor(private readonly deps: BackgroundDeps) {
    const { store, registry, settings, worker, telemetry, onTrouble, onWoken, onWork } = deps;
    const isNeeded = (): boolean => this.isNeeded;
    const id = (): number => worker.id;
    this.maintenance = new Maintenance(
      [
        new Reconciler({
          store,
          worker: id,
          sessions: worker.sessions,
          isNeeded: () => this.hasUnfinished || isNeeded(),
          onWoken,
          onTrouble,
          telemetry,
        }),
        ...deps.jobs,
      ],
      onTrouble,
    );
    this.waker = new Waker({ ...deps, isNeeded });
    const onReceived: ConstructorParameters<typeof EventMatcher>[4] = (received) =>
      tellReceived(deps.watch(), received);
    this.matcher = new EventMatcher(store, settings, onWoken, onTrouble, onReceived, isNeeded);
    this.publisher = new Loop('Publishing', PUBLISH_INTERVAL, () => worker.publish(), onTrouble);
    this.pulse = new Pulse({
      interval: pulseInterval(settings),
      ask: (question) => store.pulse(question),
      question: () => ({
        worker: worker.id,
        processKey: thisProcess().processKey,
        queues: [...worker.pollers.keys()],
        definitions: worker.definitions.ids,
        workflows: registry.all().map(({ definition }) => definition.name),
      }),
      listening: deps.hints.listening,
      isBusy: () => worker.sessions.count > 0,
      onFindings: (findings) => this.found(findings),
      onTrouble,
    });
    this.declarations = new Declarations({
      ...deps.declarations,
      registry,
      limits: Object.entries(settings.queues).map(([queue, given]) => ({ ...given, queue })),
      onFollowed: (followed) => void this.followed(followed),
      onTrouble,
    });
    this.scheduler = new Scheduler({
      store: deps.schedules,
      registry,
      worker: id,
      interval: settings.schedulerInterval,
      onWork,
      onTrouble,
      isNeeded,
      onFired: (fired) => tellFired(deps.watch(), fired),
    });
  }

  /** True when loops must look for themselves, since the pulse's last answer is too old. */
  get isNeeded(): boolean {
    return this.pulse.isStale;
  }

  /** Loops that health checks report. */
  get loops(): Loop[] {
    return [this.pulse.loop, this.waker.loop, this.declarations.loop, this.publisher];
  }

  start(): void {
    for (const part of this.parts) part.start();
    this.publisher.start();
  }

  /** All but publishing, which goes on as long as steps do. */
  async stop(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.stop()));
  }

  stopPublishing(): Promise<void> {
    return this.publisher.stop();
  }

  /** Looks now for what is due, has come or is to be fired. */
  async look(): Promise<void> {
    await Promise.all([this.waker.loop.poke(), this.matcher.poke(), this.scheduler.look()]);
  }

  /** Looks after the rows now. */
  async maintain(): Promise<void> {
    this.hasUnfinished = true;
    await this.maintenance.poke();
  }

  private get parts(): { start(): void; stop(): Promise<void> }[] {
    return [this.declarations.loop, this.waker.loop, this.matcher, this.pulse.loop, this.maintenance, this.scheduler];
  }

  private async followed({ schedules, queues }: Followed): Promise<void> {
    if (queues.length > 0) await this.deps.onSettings(queues);
    if (schedules) void this.scheduler.look();
  }

  /** Passes the findings of the pulse to the loops that they concern. */
  private found(findings: PulseFindings): void {
    if (!this.deps.wakes()) return;
    const { membership, claims, pollers, turns } = this.deps.worker;
    const { readyQueues, nextDueInMs, nextScheduleInMs, unmatched, queueStates, blocked, peers, suspects } = findings;
    this.hasUnfinished = findings.unfinished;
    membership.sighted(peers, suspects);
    turns.know(peers);
    claims.takeStates(queueStates);
    for (const queue of readyQueues) pollers.get(queue)?.look();
    if (nextDueInMs !== null) this.waker.loop.within(Math.max(0, nextDueInMs));
    if (nextScheduleInMs !== null) this.scheduler.dueIn(Math.max(0, nextScheduleInMs));
    if (unmatched) void this.matcher.poke();
    if (blocked) void claims.refresh();
  }
}

/** The shortest of the intervals that the pulse stands in for. */
function pulseInterval({ queues, wakeInterval, schedulerInterval, recoveryInterval }: EngineSettings): number {
  const polls = Object.values(queues).map(({ pollInterval }) => pollInterval);
  return Math.min(wakeInterval, schedulerInterval, recoveryInterval, ...polls);
}
