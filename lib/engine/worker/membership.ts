import type { InFlight } from '../../core/run/execution.js';
import type { DatabaseClock } from '../time/clock.js';
import { Loop } from '../time/loop.js';
import { isGone, type ProcessIdentity } from './process-identity.js';
import type { DeadWorker } from '../ports/run-report.js';
import type { EngineStore, WorkerBeat, WorkerRegistration, WorkerSighting } from '../ports/store.js';

export interface MembershipSettings {
  readonly leaseTimeout: number;
  readonly heartbeatInterval: number;
  readonly recoveryInterval: number;
}

export interface MembershipEvents {
  /** Work of dead workers is claimable in these queues. */
  onRecovered(queues: readonly string[], rows: number, workers: readonly DeadWorker[]): void;
  /** The set of living workers is another than at the last look. */
  onPeersChanged(): void;
  /** Called when this process was declared dead: its runs are recovered by others. */
  onDeclaredDead(): void;
  /** Out of touch with the database for a whole lease: others may have its runs already. */
  onOutOfTouch(): void;
  onTrouble(message: string, cause?: unknown): void;
}

/** While the session that shows this process to be alive is down, the lease is renewed this often, ms. */
const DEGRADED_HEARTBEAT_INTERVAL = 300;

/**
 * This process among the workers. Duties:
 * - keeps its one lease, which covers all its rows, by a heartbeat;
 * - notices dead workers: at once where the process is gone from this machine; after two looks, far enough
 *   apart, without its session and without a heartbeat, unless this process has lost its own of late; at last when its
 *   lease has expired;
 * - forgives outages: after losing touch it recovers no runs until it has been back for one whole lease, so that
 *   every living worker can renew first.
 *
 * How long the work of a worker that stands still is left, from its last heartbeat: the lease, and 600 ms by which a
 * heartbeat may be late (where heartbeats are less apart: as long as that). The look is made at that moment, since each pulse tells of the heartbeats and of when the leases
 * end. A lease so short that its heartbeats are less than a pulse apart (a second, while others have work) lasts longer by
 * the difference, which is what a heartbeat may have been there for before it was seen. What the worker had locked is free
 * by then (a transaction in which nothing is said lasts a sixth of the lease, 1 s at least); what somebody else has locked
 * just then is taken at the next pulse. That makes a lease + 1.6 s at the most, and the round trips.
 *
 * A wrong guess costs a step made twice, never a wrong record: the fence refuses the late worker's writes.
 */
export class Membership {
  private workerId = 0;
  /** Attempts in its row, as last written; null: not known. */
  private written: readonly InFlight[] | null = null;
  private lastContact = performance.now();
  private inTouchSince = performance.now();
  /** Time of the last loss of the connection; a boot is no loss. */
  private lastLoss = -Infinity;
  private outOfTouchTold = false;
  private sessionDown = false;
  /** Time since which this process has a session of its own to be seen by again; one at boot is no return. */
  private sessionSince = -Infinity;
  /** Workers whose session was missing at the last look: their heartbeat then, and since when both are as they are. */
  private missing = new Map<number, { readonly seenAt: string; readonly since: number }>();
  /** The last heartbeat seen of each other worker, and since when there is no later one. */
  private beats: ReadonlyMap<number, { readonly seenAt: string; readonly since: number }> = new Map();
  private peers: readonly number[] = [];
  /** ms between two heartbeats. */
  private readonly interval: number;
  private readonly heartbeats: Loop;
  private readonly looks: Loop;

  constructor(
    private readonly store: EngineStore,
    private readonly clock: DatabaseClock,
    private readonly self: ProcessIdentity,
    private readonly registration: () => WorkerRegistration,
    private readonly settings: MembershipSettings,
    private readonly inFlight: () => readonly InFlight[],
    private readonly isListening: () => boolean,
    private readonly events: MembershipEvents,
    isNeeded?: () => boolean,
  ) {
    this.interval = heartbeatEvery(settings);
    this.heartbeats = new Loop('Heartbeat', this.interval, () => this.beat(), events.onTrouble);
    this.looks = new Loop(
      'Look at the other workers',
      settings.recoveryInterval,
      () => this.look(),
      events.onTrouble,
      isNeeded,
    );
  }

  get id(): number {
    return this.workerId;
  }

  /** True while other processes are at work on this database. */
  get hasPeers(): boolean {
    return this.peers.length > 0;
  }

  get loops(): readonly Loop[] {
    return [this.heartbeats, this.looks];
  }

  async join(): Promise<void> {
    await this.register();
    this.inTouchSince = performance.now();
    this.heartbeats.start();
    this.looks.start();
  }

  async leave(): Promise<{ queues: string[] }> {
    await this.halt();
    return this.store.deregisterWorker(this.workerId);
  }

  /** No further heartbeat: to the others this process looks dead from now on. */
  async halt(): Promise<void> {
    await Promise.all([this.heartbeats.stop(), this.looks.stop()]);
  }

  /** True when its row says that these are under way. */
  hasWritten(running: readonly InFlight[]): boolean {
    const { written } = this;
    return written?.length === running.length && running.every((attempt, at) => attempt === written[at]);
  }

  /** Publishes what is running now, with a heartbeat. */
  publish(): Promise<void> {
    return this.heartbeats.poke();
  }

  /** The other workers that have not been declared dead, and whether one of them looks it. */
  sighted(peers: readonly WorkerBeat[], suspects: boolean): void {
    const now = performance.now();
    this.hear(peers, now);
    this.seePeers(peers.map(({ id }) => id));
    if (suspects) return void this.looks.poke();
    const next = this.nextExpiry(peers, now);
    if (next !== null) this.looks.within(next);
  }

  lookNow(): Promise<void> {
    return this.looks.poke();
  }

  /** The session by which others see that this process lives went down, or is back. */
  sessionChanged(up: boolean): void {
    if (!up || this.sessionDown) this.sessionSince = performance.now();
    this.sessionDown = !up;
    // Others must not take its absence for death: the heartbeat says otherwise.
    void this.heartbeats.poke();
  }

  private async register(): Promise<void> {
    const { id, now } = await this.store.registerWorker(this.registration());
    this.workerId = id;
    this.clock.sync(now);
    this.contact();
  }

  private async beat(): Promise<number | null> {
    try {
      const running = this.inFlight();
      // A long text stands in a table of its own: left alone where nothing has changed.
      const changed = this.hasWritten(running) ? null : JSON.stringify(running);
      this.written = null;
      const now = await this.store.heartbeat(this.workerId, this.settings.leaseTimeout, changed, this.isListening());
      if (now === null) {
        this.events.onDeclaredDead();
        await this.register();
      } else {
        this.written = running;
        this.clock.sync(now);
        this.contact();
      }
    } catch (error) {
      this.lastLoss = performance.now();
      if (performance.now() - this.lastContact > this.settings.leaseTimeout && !this.outOfTouchTold) {
        this.outOfTouchTold = true;
        this.events.onOutOfTouch();
      }
      this.heartbeats.within(Math.min(1_000, this.interval));
      throw error;
    }
    return this.sessionDown ? DEGRADED_HEARTBEAT_INTERVAL : null;
  }

  private contact(): void {
    const now = performance.now();
    // A gap without an error is a process that stood still, or a network that kept everything back.
    const gap = this.outOfTouch(now);
    if (gap) this.lastLoss = now;
    if (this.lastLoss > this.lastContact || gap) this.inTouchSince = now;
    this.lastContact = now;
    this.outOfTouchTold = false;
  }

  /**
   * True after a time without contact in which another worker's lease may have expired for the same reason: its last
   * heartbeat may have been one interval older than ours.
   */
  private outOfTouch(now: number): boolean {
    return now - this.lastContact > this.settings.leaseTimeout - this.interval;
  }

  private async look(): Promise<number | null> {
    const sightings = await this.store.lookAtWorkers(this.workerId);
    // One moment for all of it: who is not dead yet at this one is looked at again when it may be.
    const now = performance.now();
    this.hear(sightings, now);
    // The first answer after an outage may be this one, and the others' heartbeats still on their way.
    if (this.outOfTouch(now) || this.lastLoss > this.lastContact) return null;
    const dead = sightings.filter((s) => this.isDead(s, now));
    this.missing = new Map(
      sightings.filter((s) => s.connected === false).map((s) => [s.id, sameBeat(this.missing, s, now)]),
    );
    if (dead.length > 0 || sightings.some((s) => s.owes)) {
      const { queues, recovered } = await this.store.recover(dead);
      const owing = sightings.filter((one) => one.owes && !dead.includes(one));
      if (recovered > 0) this.events.onRecovered(queues, recovered, [...dead, ...owing]);
    }
    const living = sightings.filter((s) => !s.dead && !dead.includes(s));
    this.seePeers(
      living.map(({ id }) => id),
      dead.length > 0,
    );
    const next = this.nextExpiry(living, now);
    // A session that is missing is missing for good only at a later look.
    const suspects = living.filter((s) => s.connected === false);
    if (suspects.length === 0) return next;
    const left = this.confirmDelay - (now - Math.min(...suspects.map((s) => sameBeat(this.missing, s, now).since)));
    // A process that has lost touch itself declares no worker dead, however long this lasts.
    return Math.min(next ?? Infinity, left > 0 ? left : this.settings.recoveryInterval);
  }

  /** Since when each of them has said nothing later. */
  private hear(others: readonly WorkerBeat[], now: number): void {
    this.beats = new Map(others.map((other) => [other.id, sameBeat(this.beats, other, now)]));
  }

  /** ms until the first of these leases has expired if nothing is heard; null: not before the next look by the interval. */
  private nextExpiry(others: readonly WorkerBeat[], now: number): number | null {
    const next = Math.min(...others.map((other) => this.silentIn(other, now)));
    return next < this.settings.recoveryInterval ? Math.max(0, next) : null;
  }

  /**
   * ms for which a worker without its session, or whose lease is over, is waited for: time for two heartbeats of one that
   * lives and knows that its session is gone.
   */
  private get confirmDelay(): number {
    return Math.min(this.settings.recoveryInterval, 2 * DEGRADED_HEARTBEAT_INTERVAL);
  }

  /** `died`: one was found dead, which may have been seen for the first time. */
  private seePeers(peers: readonly number[], died = false): void {
    const before = new Set(this.peers);
    const changed = died || peers.length !== before.size || peers.some((id) => !before.has(id));
    this.peers = peers;
    if (changed) this.events.onPeersChanged();
  }

  private isDead(other: WorkerSighting, now: number): boolean {
    if (other.dead) return false;
    if (isGone(other, this.self)) return true;
    const lease = this.settings.leaseTimeout;
    if (this.silentIn(other, now) <= 0) return true;
    if (other.connected !== false) return false;
    // Looks that somebody pokes may follow each other at once.
    const { since } = sameBeat(this.missing, other, now);
    // What took this process's own session may have taken all of them, as a server does that restarts.
    return now - since >= this.confirmDelay && now - Math.max(this.lastLoss, this.sessionSince) > lease;
  }

  /**
   * ms until a lease has expired if nothing more is heard. The server's clock may have been set forward, upon which all
   * leases look expired, or back: only what this process has waited for itself counts.
   */
  private silentIn(other: WorkerBeat, now: number): number {
    const { leaseTimeout } = this.settings;
    const silence = now - sameBeat(this.beats, other, now).since;
    const asTold = Math.max(other.expiresInMs + this.confirmDelay, leaseTimeout - this.interval - silence);
    const inTouch = leaseTimeout - (now - this.inTouchSince);
    return Math.max(inTouch, Math.min(asTold, leaseTimeout + this.interval - silence));
  }
}

/**
 * ms between two heartbeats: thrice a lease at least, whatever the option says. With less, one that is a little late would
 * look like a time without contact, after which a process judges nobody for a lease.
 */
export function heartbeatEvery({
  heartbeatInterval,
  leaseTimeout,
}: Pick<MembershipSettings, 'heartbeatInterval' | 'leaseTimeout'>): number {
  return Math.min(heartbeatInterval, leaseTimeout / 3);
}

/** Time at which a heartbeat was first seen: now, unless it was known before. */
function sameBeat(
  known: ReadonlyMap<number, { readonly seenAt: string; readonly since: number }>,
  { id, seenAt }: WorkerBeat,
  now: number,
): { readonly seenAt: string; readonly since: number } {
  const before = known.get(id);
  return before?.seenAt === seenAt ? before : { seenAt, since: now };
}
