import { encode } from '../core/codec.js';
import { toStoredError } from '../core/error-record.js';
import { textOf } from '../core/text-of.js';
import { tellCommitted } from './observed.js';
import type { InFlightAttempt, Session, SessionDeps } from './session.js';
import type { ClaimedRow, RunOp } from './store.js';

/**
 * A run whose stored state cannot be read: it is paused with the error, exactly as it was, for a person to look at.
 * Nothing is guessed and nothing is skipped.
 */
export class UnreadableSession implements Session {
  readonly rowId: string;
  readonly runId: string;
  readonly token: number;

  constructor(
    private readonly deps: SessionDeps,
    private readonly row: ClaimedRow,
    private readonly error: unknown,
  ) {
    this.rowId = row.rowId;
    this.runId = row.runId;
    this.token = row.token;
  }

  run(): Promise<void> {
    return pauseAsItIs(this.deps, this.row, this.error);
  }

  lose(): void {}

  handBack(): void {}

  handBackNow(): void {}

  abort(): void {}

  refresh(): void {}

  cancel(): void {}

  inFlight(): InFlightAttempt[] {
    return [];
  }
}

export async function pauseAsItIs(deps: SessionDeps, row: ClaimedRow, error: unknown): Promise<void> {
  deps.onTrouble(`Run ${row.runId} is paused, since its stored state could not be used: ${textOf(error)}`);
  try {
    const op: RunOp = {
      rowId: row.rowId,
      runId: row.runId,
      token: row.token,
      records: [],
      outcome: {
        kind: 'park',
        delayMs: 0,
        pause: true,
        snapshot: row.snapshot,
        snapshotSeq: row.snapshotSeq,
        dataSeq: null,
        round: row.round,
        error: encode(toStoredError(error)),
      },
      extras: null,
    };
    const ack = await deps.writer.commit(op);
    if (ack.taken) tellCommitted(deps, row, op, ack);
  } catch (refused) {
    deps.onTrouble(`Run ${row.runId} could not be paused: ${textOf(refused)}`);
  }
}
