import type { EndedRuns } from './ended-runs.js';
import type { Loop } from '../time/loop.js';
import type { EventMatcher } from './matcher.js';
import type { Membership } from './membership.js';
import type { QueuePoller } from './poller.js';
import type { QueueClaims } from './queue-claims.js';
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
}

/** Receiver of other processes' hints. A hint that is lost costs a poll interval, nothing else. */
export class PeerHints {
  constructor(private readonly deps: PeerHintsDeps) {}

  /** A queue has work. */
  queue(name: string): void {
    this.deps.pollers.get(name)?.look();
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
