import { messageOf } from './journal-writer.js';
import type { QueuePoller } from './poller.js';
import type { QueueClaims } from './queue-claims.js';
import type { SessionOpener } from './session-opener.js';
import type { Sessions } from './sessions.js';
import type { Hold, Wake, WokenRun } from './store.js';

interface HoldsDeps {
  readonly worker: () => number;
  readonly sessions: Sessions;
  readonly opener: SessionOpener;
  readonly claims: QueueClaims;
  readonly pollers: ReadonlyMap<string, QueuePoller>;
  readonly mayHold: () => boolean;
  readonly onWoken: (woken: readonly WokenRun[]) => void;
  readonly onTrouble: (message: string) => void;
}

/**
 * Holds runs in the transaction that wakes them: a round trip and a commit less before they go on. One at a time, since
 * many are claimed for less in one statement, and only where this process has nothing else to claim.
 */
export class Holds {
  private opening: Promise<void> | null = null;

  constructor(private readonly deps: HoldsDeps) {}

  /** Runs `send`, which wakes a run; resolves when it is sent. The run goes on here, or whoever may claim it is told. */
  async wake(send: (hold: Hold | null) => Promise<Wake>): Promise<void> {
    const { sessions, onWoken } = this.deps;
    const hold = this.offer();
    if (hold === null) return onWoken((await send(null)).woken);
    const sending = send(hold);
    this.opening = this.open(hold, sending);
    const { woken, unsure } = await sending;
    if (unsure) sessions.doubt();
    onWoken(woken);
  }

  /** Resolves when nothing is held here that is not open yet. */
  async settled(): Promise<void> {
    await this.opening;
  }

  private offer(): Hold | null {
    const { claims, pollers, worker, mayHold } = this.deps;
    if (this.opening !== null || !mayHold()) return null;
    const queues = [...pollers].filter(([queue, poller]) => claims.mayHold(queue, null) && poller.reserve());
    if (queues.length === 0) return null;
    return { worker: worker(), queues: queues.map(([queue]) => queue), definitions: claims.unlimited() };
  }

  private async open({ queues }: Hold, sending: Promise<Wake>): Promise<void> {
    const { sessions, opener, pollers, onTrouble } = this.deps;
    let taken: string | null = null;
    try {
      await sessions.take(async () => {
        const { held } = await sending;
        if (held === null) return;
        await opener.openClaimed([held]);
        taken = held.queue;
      });
    } catch (error) {
      // That it was not sent, the sender knows; what is held without being open is given back by the next look.
      const sent = await sending.catch(() => null);
      if (sent !== null) onTrouble(`Run ${sent.held?.runId} could not be read and will be again: ${messageOf(error)}`);
    } finally {
      this.opening = null;
      for (const queue of queues) if (queue !== taken) pollers.get(queue)?.free();
    }
  }
}
