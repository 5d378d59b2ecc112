import { AttemptClosedError } from '../../core/errors/errors.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { Departure } from './departure.js';
import type { FailureCause } from './failure-cause.js';
import { mayUndo } from '../ports/registry.js';
import type { Outcome } from '../ports/store.js';
import { Rollback, type RollbackEnd } from './rollback.js';
import type { SessionCore } from './session-core.js';

interface AftermathHost {
  /** Commits what there is. */
  send(outcome: Outcome | null): void;
  /** Commits what there is with the outcome, once the commit under way is over. */
  end(outcome: Outcome): void;
  proceed(): void;
  lose(reason: Error): void;
  /** The engine itself has failed there. */
  broken(error: unknown): void;
}

/** What follows when a run has failed and nothing of it runs any more: it ends, begins a further round, or is undone. */
export class Aftermath {
  private rollback: Rollback | null = null;

  constructor(
    private readonly core: SessionCore,
    private readonly why: FailureCause,
    private readonly departure: Departure,
    private readonly host: AftermathHost,
  ) {}

  get isUndoing(): boolean {
    return this.rollback !== null;
  }

  /** Its end was not taken, since a cancel came first: what follows is found out anew. */
  reopen(): void {
    this.rollback = null;
  }

  begin(): void {
    const { core, host, why } = this;
    // The rollback reads the journal, which must be whole.
    const undo = mayUndo(core.workflow) || core.state.hasChildren || core.state.hasRemoteStep;
    if (undo && !core.outbox.isEmpty) return host.send(null);
    const cause = why.known();
    if (cause === null) return this.loadCause();
    if (!undo) return host.end(this.departure.ending(cause, 'nothing', why.outcome));
    this.undo(cause);
  }

  /** `cause`: null: it was begun before, and the record of that has it. */
  undo(cause: StoredError | null): void {
    const { core, host } = this;
    this.rollback = new Rollback(core, host, this.departure, cause, this.why.outcome);
    this.rollback
      .run()
      .then((end) => this.undone(end))
      .catch((error: unknown) => {
        if (error instanceof AttemptClosedError) host.lose(error);
        else host.broken(error);
      });
  }

  private loadCause(): void {
    this.why
      .load()
      .then(() => this.host.proceed())
      .catch((error: unknown) => this.host.broken(error));
  }

  private undone(end: RollbackEnd | null): void {
    const { departure, host } = this;
    if (end === null || this.core.over) return;
    if (end.kind === 'ended') host.end(departure.ending(end.cause, end.how, end.outcome));
    else if (end.kind === 'paused') host.end(departure.parkUndoing(0, end.error));
    else host.end(departure.parkUndoing(end.delayMs, null));
  }
}
