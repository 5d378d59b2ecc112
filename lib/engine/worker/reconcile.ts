import type { MaintenanceJob } from './maintenance.js';
import type { Executor } from './executor.js';
import type { EngineStore, Unsound, WokenRun } from '../ports/store.js';
import type { Telemetry } from '../ports/telemetry.js';

/** ms between two turns. */
const INTERVAL = 5_000;
/** Rows of the queue that one statement looks at, at most. */
const STRETCH = 1_000;
/** ms of work in one turn, about: what is not reached is looked at in the next ones. */
const WORK = 50;
/** Runs that one message names, at most. */
const NAMED = 5;
/** Runs that wait for nothing and were told of: so many are remembered, the latest. */
const REMEMBERED = 10_000;

export interface ReconcilerDeps {
  readonly store: Pick<EngineStore, 'reconcile' | 'lastEnds' | 'markAgain'>;
  readonly worker: () => number;
  readonly sessions: Pick<Executor, 'waiting' | 'hasMissed' | 'refresh'>;
  /** True when there may be unfinished runs. Default: always. */
  readonly isNeeded?: () => boolean;
  readonly onWoken: (runs: readonly WokenRun[]) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
  readonly telemetry?: Telemetry | undefined;
}

/**
 * The net below all wake-ups: goes through the unfinished runs, some at each turn, and moves those that nothing else would:
 * they sleep although what they wait for is there, are set aside for a key that is none, or have ended already. Of the runs
 * leased here it looks whether an end of a wait has never been heard of. It finds nothing as long as the engine is right, so
 * what it finds is counted and told.
 */
export class Reconciler implements MaintenanceJob {
  readonly name = 'Reconciling';
  readonly interval = INTERVAL;
  private after: string | null = null;
  /** A run that waits for nothing will do so again. */
  private readonly told = new Set<string>();

  constructor(private readonly deps: ReconcilerDeps) {}

  readonly run = async (stopped?: AbortSignal): Promise<void> => {
    if (this.deps.isNeeded?.() === false) return;
    const begun = performance.now();
    const isOver = (): boolean => performance.now() - begun >= WORK || stopped?.aborted === true;
    await this.lookAtMarks();
    do {
      const { found, woken, next } = await this.deps.store.reconcile(this.after, STRETCH);
      this.after = next;
      this.tell(found);
      if (woken.length > 0) this.deps.onWoken(woken);
    } while (this.after !== null && !isOver());
  };

  /**
   * A mark is cleared by the look of a session that reads the ends. One whose look is over and that does not know of an end
   * which is there without a mark will never hear of it.
   */
  private async lookAtMarks(): Promise<void> {
    const { store, worker, sessions } = this.deps;
    const waiting = sessions.waiting();
    if (waiting.length === 0) return;
    const ends = await store.lastEnds(worker(), waiting);
    const missed = [...ends].filter(([runId, ended]) => sessions.hasMissed(runId, ended)).map(([runId]) => runId);
    if (missed.length === 0) return;
    const found = await store.markAgain(worker(), missed);
    this.tell(found);
    for (const { subject } of found) sessions.refresh(subject);
  }

  private tell(found: readonly Unsound[]): void {
    const { telemetry, onTrouble } = this.deps;
    for (const what of new Set(found.map((one) => one.what))) {
      const all = found.filter((one) => one.what === what).map(({ subject }) => subject);
      telemetry?.reconciled(what, all.length);
      const fresh = what === 'nothing' ? all.filter((one) => this.isNew(one)) : all;
      if (fresh.length === 0) continue;
      const named = fresh.slice(0, NAMED);
      const more = fresh.length > NAMED ? ` and ${fresh.length - NAMED} more` : '';
      onTrouble(`Reconciled (${what}): ${WHY[what]}: ${named.join(', ')}${more}. The runs go on; please report this.`);
    }
  }

  private isNew(run: string): boolean {
    if (this.told.has(run)) return false;
    this.told.add(run);
    if (this.told.size > REMEMBERED) for (const oldest of this.told) return this.told.delete(oldest);
    return true;
  }
}

const WHY: Readonly<Record<Unsound['what'], string>> = {
  event: 'an open wait whose event was in the mailbox',
  child: 'an open wait for a child that had ended or was gone',
  due: 'a run that slept past the time for which it waited',
  ended: 'a run that slept although a wait of it had ended',
  nothing: 'a run that slept and waited for nothing (told once of each)',
  mark: 'a run at work that was not told that a wait of it had ended',
  blocked: 'a run that waited for a place of a key that is none of its workflow',
  over: 'a row in the queue of a run that has ended or is gone',
  rate: 'claims that the rate of a queue would have counted until long after its period',
};
