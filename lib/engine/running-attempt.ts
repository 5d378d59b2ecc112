import type { Place } from '../core/machine.js';
import type { DatabaseClock } from './clock.js';
import type { InFlightAttempt } from './session.js';
import { type ScopeHost, StepScope } from './step-scope.js';

/** An attempt under way, and the means to end it from outside. */
export class RunningAttempt {
  readonly info: InFlightAttempt;
  /** Rejects when the attempt is given up. */
  readonly givenUp: Promise<never>;
  scope: StepScope;
  /** Its transaction is about to commit, the record with it. */
  committing = false;
  private reject: (reason: Error) => void = () => {};

  constructor(
    private readonly host: ScopeHost,
    private readonly place: Place,
    private readonly data: string,
    round: number,
    private readonly settings: { readonly clock: DatabaseClock; readonly maxPayloadBytes: number },
  ) {
    const { path, node, state } = place;
    this.info = {
      runId: host.runId,
      step: node.name,
      path,
      type: node.kind,
      round,
      visit: state.visit,
      attempt: state.attempt,
      startedAt: settings.clock.now(),
    };
    this.givenUp = new Promise((_, reject) => (this.reject = reject));
    // Nobody may be listening when it comes.
    this.givenUp.catch(() => {});
    this.scope = this.scopeWith(null);
  }

  /** The scope of a transactional step is made when its transaction is open. */
  openTransaction(manager: unknown): void {
    this.scope = this.scopeWith(manager);
  }

  giveUp(reason: Error): void {
    this.scope.close(reason);
    this.reject(reason);
  }

  private scopeWith(manager: unknown): StepScope {
    const { node, state } = this.place;
    return new StepScope(this.host, node.name, state.attempt, this.data, manager, this.settings.maxPayloadBytes);
  }
}
