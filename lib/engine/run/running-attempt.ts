import type { InFlight } from '../../core/run/execution.js';
import type { StepScope } from '../step/scope.js';
import type { Place } from '../../core/run/survey.js';

/** An attempt at a place that begins at this time of the database. */
export function attemptAt(
  { path, node, state, data }: Place,
  { runId, round, startedAt }: Pick<InFlight, 'runId' | 'round' | 'startedAt'>,
): InFlight {
  return {
    runId,
    step: node.name,
    path,
    type: node.kind,
    round,
    visit: state.visit,
    attempt: state.attempt,
    input: data,
    startedAt,
  };
}

/** An attempt under way, and the means to end it from outside. */
export class RunningAttempt {
  /** Rejects when the attempt is given up. */
  readonly givenUp: Promise<never>;
  /** Null until what it needs is loaded. */
  scope: StepScope | null = null;
  /** Its transaction is about to commit, the record with it. */
  committing = false;
  /** Its fan-out or its run has failed: it may settle, and be recorded, until the grace is over. */
  abandoned = false;
  /** Waits that were over when this pass began. */
  seen = 0;
  private reject: (reason: Error) => void = () => {};
  private aborted: Error | null = null;

  constructor(
    readonly info: InFlight,
    /** The scope of a transactional step is made when its transaction is open. */
    private readonly makeScope: (manager: unknown, info: InFlight) => StepScope,
  ) {
    this.givenUp = new Promise((_, reject) => (this.reject = reject));
    // Nobody may be listening when it comes.
    this.givenUp.catch(() => {});
  }

  open(manager: unknown): StepScope {
    this.scope = this.makeScope(manager, this.info);
    if (this.aborted !== null) this.scope.abort(this.aborted);
    return this.scope;
  }

  abort(reason: Error): void {
    this.aborted ??= reason;
    this.scope?.abort(reason);
  }

  giveUp(reason: Error): void {
    this.aborted ??= reason;
    this.scope?.giveUp(reason);
    this.reject(reason);
  }
}
