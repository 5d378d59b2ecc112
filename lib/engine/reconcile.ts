import type { MaintenanceJob } from './maintenance.js';
import type { EngineStore, Unsound, WokenRun } from './store.js';
import type { Telemetry } from './telemetry.js';

/** ms between two turns. */
const INTERVAL = 5_000;
/** Rows of the queue that one statement looks at, at most. */
const STRETCH = 1_000;
/** ms of work in one turn, about: what is not reached is looked at in the next ones. */
const WORK = 50;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
/** Runs that one message names, at most. */
const NAMED = 5;

export interface ReconcilerDeps {
  readonly store: Pick<EngineStore, 'reconcile'>;
  /** Whether there may be runs that have not ended. Default: always. */
  readonly isNeeded?: () => boolean;
  readonly onWoken: (runs: readonly WokenRun[]) => void;
  readonly onTrouble: (message: string) => void;
  readonly telemetry?: Telemetry | undefined;
}

/**
 * The net below all wake-ups: goes through the unfinished runs, some at each turn, and wakes those that sleep although
 * what they wait for is there. It finds nothing as long as the engine is right, so what it finds is counted and told.
 */
export class Reconciler implements MaintenanceJob {
  readonly name = 'Reconciling';
  readonly interval = INTERVAL;
  private after = FIRST_ID;

  constructor(private readonly deps: ReconcilerDeps) {}

  readonly run = async (stopped?: AbortSignal): Promise<void> => {
    if (this.deps.isNeeded?.() === false) return;
    const begun = performance.now();
    const isOver = (): boolean => performance.now() - begun >= WORK || stopped?.aborted === true;
    do {
      const { found, woken, next } = await this.deps.store.reconcile(this.after, STRETCH);
      this.after = next ?? FIRST_ID;
      if (found.length > 0) this.tell(found);
      if (woken.length > 0) this.deps.onWoken(woken);
    } while (this.after !== FIRST_ID && !isOver());
  };

  private tell(found: readonly Unsound[]): void {
    const { telemetry, onTrouble } = this.deps;
    for (const what of new Set(found.map((one) => one.what))) {
      const runs = found.filter((one) => one.what === what).map(({ runId }) => runId);
      telemetry?.reconciled(what, runs.length);
      const named = runs.slice(0, NAMED);
      const more = runs.length > NAMED ? ` and ${runs.length - NAMED} more` : '';
      onTrouble(`Reconciled (${what}): ${WHY[what]}: ${named.join(', ')}${more}. The runs go on; please report this.`);
    }
  }
}

const WHY: Readonly<Record<Unsound['what'], string>> = {
  event: 'an open wait whose event was in the mailbox',
  child: 'an open wait for a child that had ended or was gone',
  due: 'a run that slept past the time for which it waited',
  ended: 'a run that slept although a wait of it had ended',
  nothing: 'a run that slept and waited for nothing',
};
