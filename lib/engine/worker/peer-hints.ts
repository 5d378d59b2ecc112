import type { EndedRuns } from './ended-runs.js';
import type { Loop } from '../time/loop.js';
import type { EventMatcher } from './matcher.js';
import type { Membership } from './membership.js';
import type { QueuePoller } from './poller.js';
import type { QueueClaims } from './queue-claims.js';
import { EVERYBODY, LOOKERS, type Turns } from './turns.js';
import type { WorkSignals } from './work-signals.js';

interface PeerHintsDeps {
  readonly pollers: ReadonlyMap<string, QueuePoller>;
  readonly waker: Loop;
  readonly matcher: EventMatcher;
  readonly claims: QueueClaims;
  readonly ended: EndedRuns;
  readonly membership: Membership;
  readonly workSignals: WorkSignals;
  /** True while this process wakes what is due: it has workers and runs. */
  readonly wakes: () => boolean;
  readonly turns: Turns;
}

/** ms after which the next one looks, unless it has by then. */
const RELIEF = 150;

/** Receiver of other processes' hints. A hint that is lost costs a poll interval, nothing else. */
export class PeerHints {
  constructor(private readonly deps: PeerHintsDeps) {}

  /** A queue has work: one of those who could looks, or all; the next ones a little later, in case those before them stand still. */
  queue(name: string, draw: number): void {
    const poller = this.deps.pollers.get(name);
    const before = poller === undefined ? Infinity : this.deps.turns.before(name, draw);
    if (before === 0) poller?.look(draw === EVERYBODY || !this.deps.turns.isShared(name) ? 'hint' : 'turn');
    else if (before < LOOKERS) poller?.relieve(before * RELIEF);
  }

  /** Something that is due later was written. */
  later(): void {
    if (this.deps.wakes()) void this.deps.waker.poke();
  }

  /** A queue's settings have changed. */
  async settings(): Promise<void> {
    if (this.deps.wakes()) await this.deps.claims.refresh();
  }

  /** A transaction of an application has sent events. */
  unmatched(): void {
    if (this.deps.wakes()) void this.deps.matcher.poke();
  }

  /** Called when something was asked of a run: looks what, if it is leased here. */
  control(runId: string): Promise<void> {
    return this.deps.workSignals.lookAt(runId);
  }

  /** Called when a run has ended that this process waits for. */
  done(runId: string): void {
    this.deps.ended.tell(runId, null);
  }

  /** The session by which others see that this process lives went down, or is back. */
  session(up: boolean): void {
    if (this.deps.wakes()) this.deps.membership.sessionChanged(up);
  }
}
