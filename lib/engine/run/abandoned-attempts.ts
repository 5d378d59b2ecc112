import type { Look, Place } from '../../core/run/survey.js';
import { isAskedFor } from '../step/asked-waits.js';
import type { FailureCause } from './failure-cause.js';
import { LongTimer, type Timer } from '../time/long-timer.js';
import type { RunningAttempt } from './running-attempt.js';
import type { SessionCore } from './session-core.js';

/**
 * Attempts that are at no place any more, since their fan-out or the run has failed: their signals are aborted, and for
 * a grace those that return are recorded. Nothing of what follows begins before they have settled.
 */
export class AbandonedAttempts {
  private readonly graces = new Set<Timer>();

  constructor(
    private readonly core: SessionCore,
    private readonly host: { proceed(): void },
  ) {}

  settle({ ready }: Look, why: FailureCause): void {
    const { core } = this;
    const left = why.isFailing ? [...core.attempts].filter(({ abandoned }) => !abandoned) : this.atNone(ready);
    if (left.length === 0) return;
    const reason = new Error('The run, or the parallel or loop around this step, has failed or was cancelled');
    // A timeout or a cancel waits only for what may have to be undone.
    const waits = why.isRecorded || !why.isFailing || core.workflow.definition.compensations.length > 0;
    if (!waits) return core.giveUpAll(reason, (attempt) => !attempt.committing);
    for (const attempt of left) {
      attempt.abandoned = true;
      attempt.abort(reason);
    }
    // Each has its own: what is aborted later gives those that were before no more time.
    const grace = new LongTimer(() => {
      this.graces.delete(grace);
      this.end(new Set(left));
    });
    this.graces.add(grace);
    grace.start(core.deps.abortGrace);
  }

  private atNone(ready: readonly Place[]): readonly RunningAttempt[] {
    const { attempts, state, workflow } = this.core;
    const found = ready.reduce((count, { path }) => (attempts.has(path) ? count + 1 : count), 0);
    // As a rule all are.
    if (found === attempts.size) return [];
    const places = new Set(ready.map(({ path }) => path));
    return [...attempts].filter(
      ({ info, abandoned }) => !abandoned && !places.has(info.path) && !isAskedFor(workflow.definition, state, info),
    );
  }

  clear(): void {
    for (const grace of this.graces) grace.clear();
  }

  private end(left: ReadonlySet<RunningAttempt>): void {
    const reason = new Error('The step did not settle after its signal was aborted');
    this.core.giveUpAll(reason, (attempt) => left.has(attempt) && !attempt.committing);
    this.host.proceed();
  }
}
