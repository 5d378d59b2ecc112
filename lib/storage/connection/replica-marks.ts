import { setTimeout as pause } from 'node:timers/promises';
import { isConnectionError } from './connection-errors.js';
import { isFull } from './replica-errors.js';
import { PLACE, REACHED } from './replica-log.js';
import type { Query } from './transaction.js';

/** ms after which it must have what was committed: reads of one that is later go to the primary. */
export const LATEST = 5_000;
/** ms that a look waits for what was committed before it, and for the primary to say how far that is. */
export const CATCH_UP = 500;
/** ms for which the primary is read after a change, where a server does not say how far it is. */
const UNKNOWN = 1_000;
/** ms between two looks how far it is. */
const LOOK = 10;

/** How far the primary's log was at some time. */
interface Mark {
  /** Place in the log; null: the server does not say. */
  readonly lsn: string | null;
  /** When it was asked for, by `now()`. */
  readonly at: number;
  /** Number of the last change that it has. */
  readonly changes: number;
  reached: boolean;
  looking: Promise<boolean | null> | null;
}

export interface ReplicaMarksParts {
  /** Statements on the primary, tried once. */
  readonly ask: Query;
  /** ms of a clock that never goes back. */
  readonly now: () => number;
  /** Called when the replica lacks what was committed more than 5 s ago, once until it has all again. */
  readonly onLate: () => void;
}

/**
 * Tells whether a replica may be read: it has all that people know of, and all that is older than 5 s. After a change, and
 * 5 s after the last mark, a look asks the primary how far its log is and waits up to half a second for the replica to be
 * there. Until it is, further looks ask once whether it is, and wait for nothing.
 */
export class ReplicaMarks {
  private changes = 0;
  private changedAt = -Infinity;
  /** Number of the last change that was there when a mark was asked for, whatever came of that. */
  private marked = 0;
  private markedAt = -Infinity;
  private newest: Mark | null = null;
  /** The oldest that was waited for in vain. */
  private behind: Mark | null = null;
  private marking: Promise<void> | null = null;
  private lateTold = false;

  constructor(private readonly parts: ReplicaMarksParts) {}

  /** Something has happened that people know of: what they see next must have it. */
  changed(): void {
    this.changes++;
    this.changedAt = this.parts.now();
  }

  /** @param here statements on the replica. @throws where it is away, or its pool is full */
  async allow(here: Query): Promise<boolean> {
    const { now } = this.parts;
    const { behind } = this;
    if (behind !== null) {
      if ((await this.has(behind, here)) === false) {
        if (now() - behind.at > LATEST) this.tellLate();
        return false;
      }
      if (this.behind === behind) this.behind = null;
    }
    const wanted = this.changes;
    // A mark that is being asked for may be older than the last change; the next one is not.
    while (this.marked < wanted || now() - this.markedAt > LATEST) await (this.marking ??= this.takeMark());
    const { newest } = this;
    // After a change of which the primary has not said where it is.
    if ((newest?.changes ?? 0) < wanted) return false;
    // A primary that is away has nothing to be compared with.
    if (newest === null) return true;
    const reached = await this.has(newest, here);
    if (reached === false) this.behind ??= newest;
    if (reached === true) this.lateTold = false;
    return reached ?? now() - this.changedAt >= UNKNOWN;
  }

  /** Resolves after half a second at most; an answer that comes later counts all the same. */
  private takeMark(): Promise<void> {
    const { changes } = this;
    const at = this.parts.now();
    const asked = this.place().then(
      (lsn) => {
        if (this.newest === null || this.newest.at <= at) {
          this.newest = { lsn, at, changes, reached: false, looking: null };
        }
      },
      // The mark before stays what the replica must have.
      () => {},
    );
    return Promise.race([asked, pause(CATCH_UP, undefined, { ref: false })]).then(() => {
      this.marked = changes;
      this.markedAt = at;
      this.marking = null;
    });
  }

  /** Null: the primary refuses the function. Asked again once, since a lost session says nothing of the server. */
  private async place(again = true): Promise<string | null> {
    try {
      const [row] = await this.parts.ask<{ lsn: string | null }>(PLACE, []);
      return row?.lsn ?? null;
    } catch (error) {
      if (!isConnectionError(error)) return null;
      if (!again || isFull(error)) throw error;
      return this.place(false);
    }
  }

  /** Null: a server does not say. All looks wait for a mark together. */
  private async has(mark: Mark, here: Query): Promise<boolean | null> {
    if (mark.lsn === null || mark.reached) return mark.lsn === null ? null : true;
    mark.looking ??= this.waitFor(mark.lsn, mark.at, here).finally(() => (mark.looking = null));
    const reached = await mark.looking;
    mark.reached ||= reached === true;
    return reached;
  }

  private async waitFor(lsn: string, since: number, here: Query): Promise<boolean | null> {
    for (;;) {
      let row: { reached: boolean | null } | undefined;
      try {
        [row] = await here<{ reached: boolean | null }>(REACHED, [lsn]);
      } catch (error) {
        if (isConnectionError(error)) throw error;
      }
      if (row?.reached !== false) return row?.reached ?? null;
      if (this.parts.now() - since > CATCH_UP) return false;
      await pause(LOOK);
    }
  }

  private tellLate(): void {
    if (!this.lateTold) this.parts.onLate();
    this.lateTold = true;
  }
}
