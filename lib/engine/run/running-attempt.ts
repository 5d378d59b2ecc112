import type { InFlight } from '../../core/run/execution.js';
import type { Ending } from '../step/attempt-pass.js';
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

interface AttemptHost {
  /** The scope of a transactional step is made when its transaction is open. */
  open(attempt: RunningAttempt, manager: unknown): StepScope;
}

/** An attempt under way, and the means to end it from outside. */
export class RunningAttempt implements Ending {
  /** Null until what it needs is loaded. */
  scope: StepScope | null = null;
  /** Its transaction is about to commit, the record with it. */
  committing = false;
  /** Its fan-out or its run has failed: it may settle, and be recorded, until the grace is over. */
  abandoned = false;
  /** Waits that were over when this pass began. */
  seen = 0;
  private aborted: Error | null = null;
  private givenUpBy: Error | null = null;
  /** Tells whoever waits for its end: one at a time does. */
  private listener: { givenUp(reason: Error): void } | null = null;

  constructor(
    readonly info: InFlight,
    private readonly host: AttemptHost,
  ) {}

  whenGivenUp(listener: { givenUp(reason: Error): void }): void {
    this.listener = listener;
    if (this.givenUpBy !== null) listener.givenUp(this.givenUpBy);
  }

  open(manager: unknown): StepScope {
    this.scope = this.host.open(this, manager);
    if (this.givenUpBy !== null) this.scope.giveUp(this.givenUpBy);
    else if (this.aborted !== null) this.scope.abort(this.aborted);
    return this.scope;
  }

  abort(reason: Error): void {
    this.aborted ??= reason;
    this.scope?.abort(reason);
  }

  giveUp(reason: Error): void {
    this.aborted ??= reason;
    this.scope?.giveUp(reason);
    this.givenUpBy ??= reason;
    this.listener?.givenUp(reason);
  }
}
