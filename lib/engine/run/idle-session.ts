import { textOf } from '../../core/text-of.js';
import type { Session, SessionDeps } from './session.js';
import type { InFlight } from '../../core/run/execution.js';
import type { ClaimedRow } from '../ports/store.js';

/** Session of a leased row of which nothing runs: one thing is done with it, and it leaves. */
export class IdleSession implements Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;
  readonly queue: string;
  private lost = false;

  constructor(
    row: ClaimedRow,
    /** `isOver`: its outcome counts no longer. */
    private readonly work: (isOver: () => boolean) => Promise<unknown>,
    private readonly onTrouble: SessionDeps['onTrouble'],
  ) {
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
    this.queue = row.queue;
  }

  start(left: (session: Session) => void): void {
    void this.run().then(() => left(this));
  }

  private async run(): Promise<void> {
    try {
      await this.work(() => this.lost);
    } catch (error) {
      // An unknown row now: reconcile gives it back.
      this.onTrouble(`Could not give back run ${this.runId}; retrying: ${textOf(error)}`);
    }
  }

  lose(): void {
    this.lost = true;
  }

  handBack(): void {}

  handBackNow(): void {}

  abort(): void {}

  refresh(): void {}

  rowSaid(): void {}

  cancel(): void {}

  inFlight(): InFlight[] {
    return [];
  }

  heard(): null {
    return null;
  }
}
