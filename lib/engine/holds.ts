import { textOf } from '../core/text-of.js';
import type { QueuePoller } from './poller.js';
import type { QueueClaims } from './queue-claims.js';
import type { SessionOpener } from './session-opener.js';
import type { Sessions } from './sessions.js';
import type { ClaimedRow, EngineStore, Hold, Wake, WokenRun } from './store.js';

interface HoldsDeps {
  readonly store: Pick<EngineStore, 'release'>;
  readonly worker: () => number;
  readonly sessions: Sessions;
  readonly opener: SessionOpener;
  readonly claims: QueueClaims;
  readonly pollers: ReadonlyMap<string, QueuePoller>;
  readonly mayHold: () => boolean;
  readonly onWoken: (woken: readonly WokenRun[]) => void;
  /** These queues have something to claim. */
  readonly onWork: (queues: readonly string[]) => void;
  readonly onTrouble: (message: string) => void;
}

/** ms for which places are kept for a run while it is being woken: its row, or a connection, may be waited for. */
const PATIENCE = 50;

/**
 * Holds runs in the transaction that wakes them: a round trip and a commit less before they go on. One at a time, since
 * many are claimed for less in one statement, and only where this process has nothing else to claim.
 */
export class Holds {
  /** Where places are kept for what is being woken. */
  private offered: readonly string[] = [];
  private readonly openings = new Set<Promise<void>>();

  constructor(private readonly deps: HoldsDeps) {}

  /** Runs `send`, which wakes a run; resolves when it is sent. The run goes on here, or whoever may claim it is told. */
  async wake(send: (hold: Hold | null) => Promise<Wake>): Promise<void> {
    const { sessions, onWoken } = this.deps;
    const hold = this.offer();
    if (hold === null) return onWoken((await send(null)).woken);
    const sending = send(hold);
    const opening = this.open(hold, sending).finally(() => this.openings.delete(opening));
    this.openings.add(opening);
    const { woken, unsure } = await sending;
    if (unsure) sessions.doubt();
    onWoken(woken);
  }

  /** Resolves when nothing is held here that is not open yet. */
  async settled(): Promise<void> {
    await Promise.all(this.openings);
  }

  private offer(): Hold | null {
    const { claims, pollers, worker, mayHold } = this.deps;
    if (this.offered.length > 0 || !mayHold()) return null;
    const definitions = claims.unlimited();
    if (definitions.length === 0) return null;
    const queues = [...pollers].filter(([queue, poller]) => claims.mayHold(queue, null) && poller.reserve());
    if (queues.length === 0) return null;
    this.offered = queues.map(([queue]) => queue);
    return { worker: worker(), queues: this.offered, definitions };
  }

  private async open(hold: Hold, sending: Promise<Wake>): Promise<void> {
    const { sessions, onTrouble } = this.deps;
    const late = setTimeout(() => this.withdraw(hold, null), PATIENCE);
    try {
      await sessions.take(async () => {
        const { held } = await sending;
        if (held !== null) await this.openHeld(hold, held);
      });
    } catch (error) {
      // That it was not sent, the sender knows; what is held without being open is given back by the next look.
      const sent = await sending.catch(() => null);
      if (sent !== null) onTrouble(`Run ${sent.held?.runId} could not be read and will be again: ${textOf(error)}`);
    } finally {
      clearTimeout(late);
      this.withdraw(hold, null);
    }
  }

  private async openHeld(hold: Hold, row: ClaimedRow): Promise<void> {
    const { opener, pollers, store, worker, onWork } = this.deps;
    if (this.offered !== hold.queues && pollers.get(row.queue)?.reserve() !== true) {
      // It took so long that the place went to another.
      const { queues } = await store.release(worker(), [row], false);
      return onWork(queues);
    }
    this.withdraw(hold, row.queue);
    try {
      await opener.openClaimed([row]);
    } catch (error) {
      pollers.get(row.queue)?.free();
      throw error;
    }
  }

  /** Frees the places that are kept for this offer, but for one: the next may be made. */
  private withdraw(hold: Hold, but: string | null): void {
    if (this.offered !== hold.queues) return;
    this.offered = [];
    for (const queue of hold.queues) if (queue !== but) this.deps.pollers.get(queue)?.free();
  }
}
