import { textOf } from '../../core/text-of.js';
import type { QueuePoller } from './poller.js';
import type { QueueClaims } from './queue-claims.js';
import type { SessionOpener } from './session-opener.js';
import type { Executor } from './executor.js';
import type { ClaimedRow, ClaimOffer, EngineStore, StartOp, Wake, WokenRun } from '../ports/store.js';

interface ClaimOffersDeps {
  readonly store: Pick<EngineStore, 'release'>;
  readonly worker: () => number;
  readonly sessions: Executor;
  readonly opener: SessionOpener;
  readonly claims: QueueClaims;
  readonly pollers: ReadonlyMap<string, QueuePoller>;
  /** True while this process claims. */
  readonly mayClaim: () => boolean;
  readonly onWoken: (woken: readonly WokenRun[]) => void;
  /** These queues have something to claim. */
  readonly onWork: (queues: readonly string[]) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
}

/** Rows that an offer has claimed. */
interface Claimed {
  readonly claimed: readonly ClaimedRow[];
}

/** ms for which places are kept for what a transaction may claim: a row, or a connection, may be waited for. */
const PATIENCE = 50;

/**
 * Offers free places to transactions that make runs ready: each claims in the same transaction what comes first then, as a
 * rule what it has made ready itself, which saves that a round trip and a commit. Such a claim is a claim like any other.
 */
export class ClaimOffers {
  /** A run is being woken with places kept for it. */
  private waking: Places | null = null;
  private readonly openings = new Set<Promise<void>>();

  constructor(private readonly deps: ClaimOffersDeps) {}

  /** Around the commit of these starts. What it claims is open when it has returned, but for runs that have to be read. */
  starting<T extends Claimed>(starts: readonly StartOp[], send: (offer: ClaimOffer | null) => Promise<T>): Promise<T> {
    const definitions = this.definitions();
    const places = new Places(this.deps.pollers);
    if (definitions.length > 0) {
      for (const { queue, delayMs, scheduledAt, definitionId } of starts) {
        const isDue = delayMs <= 0 && scheduledAt === null;
        if (isDue && definitions.some(({ id }) => id === definitionId) && this.isOpen(queue)) places.reserve(queue);
      }
    }
    return places.isEmpty ? send(null) : this.through(places, definitions, send);
  }

  /**
   * Runs `send`, which wakes a run; resolves when it is sent. The run goes on here, or whoever may claim it is told. One at a
   * time is offered places, one in each queue, since many are claimed for less in one statement.
   */
  async wake(send: (offer: ClaimOffer | null) => Promise<Wake>): Promise<void> {
    const { pollers, sessions, onWoken } = this.deps;
    const definitions = this.waking === null ? this.definitions() : [];
    const places = new Places(pollers);
    if (definitions.length > 0) for (const queue of pollers.keys()) if (this.isOpen(queue)) places.reserve(queue);
    if (places.isEmpty) return onWoken((await send(null)).woken);
    this.waking = places;
    const { woken, unsure } = await this.through(places, definitions, send);
    if (unsure) sessions.suspectOrphans();
    onWoken(woken);
  }

  /** Resolves when all that was claimed by the way is open. */
  async settled(): Promise<void> {
    await Promise.all(this.openings);
  }

  /** Definitions that are claimed without counting; none: this process claims nothing. */
  private definitions(): ClaimOffer['definitions'] {
    return this.deps.mayClaim() ? this.deps.claims.unlimited() : [];
  }

  private isOpen(queue: string): boolean {
    return this.deps.claims.isOpen(queue);
  }

  private through<T extends Claimed>(
    places: Places,
    definitions: ClaimOffer['definitions'],
    send: (offer: ClaimOffer) => Promise<T>,
  ): Promise<T> {
    const sending = send({ worker: this.deps.worker(), places: places.all(), definitions });
    const opening = this.open(places, sending).finally(() => this.openings.delete(opening));
    this.openings.add(opening);
    return sending;
  }

  private async open(places: Places, sending: Promise<Claimed>): Promise<void> {
    const { timesLost } = this.deps.sessions;
    const late = setTimeout(() => this.withdraw(places), PATIENCE);
    try {
      await this.deps.sessions.take(async () => {
        const { claimed } = await sending;
        // What comes back when this process has begun to leave would begin in the middle of that: it is others'.
        const rows = this.deps.mayClaim() ? claimed.filter((row) => places.keep(row.queue)) : [];
        const others = claimed.length === rows.length ? [] : claimed.filter((row) => !rows.includes(row));
        this.withdraw(places);
        try {
          if (rows.length > 0) await this.openRows(rows, timesLost);
        } finally {
          if (others.length > 0) await this.giveBack(others);
        }
      });
    } catch (error) {
      // The sender knows that it was not sent; unknown rows are given back by the next look.
      const sent = await sending.catch(() => null);
      const runs = sent?.claimed.map((row) => row.runId) ?? [];
      if (runs.length > 0) {
        this.deps.onTrouble(`Could not read run ${runs.join(', ')}; retrying: ${textOf(error)}`, error);
      }
    } finally {
      clearTimeout(late);
      this.withdraw(places);
    }
  }

  private async openRows(rows: readonly ClaimedRow[], timesLost: number): Promise<void> {
    let opened: readonly ClaimedRow[] = [];
    try {
      opened = await this.deps.opener.openClaimed(rows, timesLost);
    } finally {
      for (const row of rows) if (!opened.includes(row)) this.deps.pollers.get(row.queue)?.free();
    }
  }

  /** Gives back rows whose places went to others meanwhile. */
  private async giveBack(rows: readonly ClaimedRow[]): Promise<void> {
    const { store, worker, onWork } = this.deps;
    const { queues } = await store.release(worker(), rows, false);
    onWork(queues);
  }

  /** Frees the places that are still kept: the next offer may be made. */
  private withdraw(places: Places): void {
    places.withdraw();
    if (this.waking === places) this.waking = null;
  }
}

/** Places of the pollers that are kept for an offer. */
class Places {
  private readonly kept = new Map<string, number>();

  constructor(private readonly pollers: ReadonlyMap<string, QueuePoller>) {}

  get isEmpty(): boolean {
    return this.kept.size === 0;
  }

  reserve(queue: string): void {
    if (this.pollers.get(queue)?.reserve() === true) this.kept.set(queue, (this.kept.get(queue) ?? 0) + 1);
  }

  all(): ClaimOffer['places'] {
    return [...this.kept].map(([queue, places]) => ({ queue, places }));
  }

  /** A place for a row that was claimed: one that is kept for it, or another; false: there is none. */
  keep(queue: string): boolean {
    const left = this.kept.get(queue) ?? 0;
    if (left === 0) return this.pollers.get(queue)?.reserve() === true;
    this.kept.set(queue, left - 1);
    return true;
  }

  withdraw(): void {
    for (const [queue, count] of this.kept) for (let n = 0; n < count; n++) this.pollers.get(queue)?.free();
    this.kept.clear();
  }
}
