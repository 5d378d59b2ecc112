import { encode } from '../../core/codec/codec.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { type LostStep, lostSteps } from '../../core/run/lost-steps.js';
import { LongTimer, type Timer } from '../time/long-timer.js';
import type { FailureCause } from './failure-cause.js';
import type { SessionCore } from './session-core.js';

/** ms for a worker to hear of it, by its own look at its leases at the latest, and to commit what it has made of it. */
const HEARD = 2_000;

/**
 * The steps on other queues that are at no place any more, since their fan-out or the run has failed: those that nobody works on
 * go, the signals of the others are aborted, and for a grace what returns is recorded. Nothing of what follows begins before.
 */
export class AbandonedSteps {
  private readonly told = new Set<string>();
  private readonly graces = new Set<Timer>();
  private isAsking = false;

  constructor(
    private readonly core: SessionCore,
    private readonly why: FailureCause,
    private readonly host: { proceed(): void; refresh(): void; broken(error: unknown): void },
  ) {}

  /** True: there are some that have not settled. */
  settle(): boolean {
    const { core, why } = this;
    const lost = core.mayHaveLost || why.isFailing ? lostSteps(core.state, why.isFailing) : [];
    core.mayHaveLost = lost.length > 0;
    core.settling = lost.map(({ path }) => path);
    // A timeout or a cancel waits only for what may have to be undone.
    const waits = why.isRecorded || !why.isFailing || core.workflow.definition.compensations.length > 0;
    if (lost.length === 0 || !waits) return false;
    // What has failed is in the journal before anybody hears of it.
    const isCommitted = core.outbox.isEmpty && !core.outbox.isBusy;
    const fresh = lost.filter(({ rowId }) => !this.told.has(rowId));
    if (isCommitted && !this.isAsking && fresh.length > 0) this.ask(fresh, false);
    return true;
  }

  clear(): void {
    for (const grace of this.graces) grace.clear();
  }

  private ask(steps: readonly LostStep[], late: boolean): void {
    this.isAsking = true;
    this.tell(steps, late)
      .then(() => {
        this.isAsking = false;
        this.host.proceed();
      })
      .catch((error: unknown) => this.host.broken(error));
  }

  private async tell(steps: readonly LostStep[], late: boolean): Promise<void> {
    const { core } = this;
    const { deps, runId } = core;
    const error = new Error('The run, or the parallel or loop around this step, has failed or was cancelled');
    const reason = encode(toStoredError(error));
    const rows = steps.map(({ rowId }) => rowId);
    const left = new Set(await core.retryUntilAnswered(() => deps.store.abandonSteps(runId, rows, reason, late)));
    for (const rowId of rows) this.told.add(rowId);
    if (left.size > 0) {
      // Each has its own: what is aborted later gives those that were before no more time.
      const grace = new LongTimer(() => {
        this.graces.delete(grace);
        this.end(left);
      });
      this.graces.add(grace);
      grace.start(deps.abortGrace + HEARD);
      deps.onAbandoned(runId);
    }
    // What they have recorded before they went counts.
    if (await core.takeRemoteStep()) this.host.refresh();
    for (const { step, rowId, path } of steps) {
      if (step.remote?.rowId !== rowId || left.has(rowId)) continue;
      step.remote = null;
      core.changed(path);
    }
  }

  private end(left: ReadonlySet<string>): void {
    const { core, why } = this;
    if (core.over) return;
    const lost = lostSteps(core.state, why.isFailing).filter(({ rowId }) => left.has(rowId));
    if (lost.length > 0) this.ask(lost, true);
  }
}
