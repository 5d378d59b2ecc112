import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { isConnectionError } from './connection-errors.js';
import { isAway, isCancelled, isFull, refusalOf, whyOf } from './replica-errors.js';
import { LATE, PLACE } from './replica-log.js';
import { CATCH_UP, LATEST, ReplicaMarks } from './replica-marks.js';
import { ReplicaPool } from './replica-pool.js';
import { lookAtReplica, type ReplicaFindings } from './replica-probe.js';
import { SessionPool } from './session-pool.js';
import type { Session } from './session.js';
import { type Lender, type Query, queryOf } from './transaction.js';

export interface ReadReplicaParts {
  /** Makes a session of the replica that reads. @param direct false: it is set for each transaction, see `SessionSpec` */
  readonly make: (direct: boolean) => Session;
  /** Sessions of the pool at most. */
  readonly size: number;
  /** ms that one statement may take there. */
  readonly longest: number;
  /** Sessions for looks at the primary. */
  readonly primary: Lender;
  /** Statements on the primary, tried once. */
  readonly ask: Query;
  readonly schema: string;
  /** Id of the set of tables: a server that has others is no replica. */
  readonly instanceId: string;
  /** Host, port and database of the replica. */
  readonly where: string;
  /** Told once when reads leave the replica, and once when they are back. */
  readonly onTrouble: (message: string) => void;
  /** ms of a clock that never goes back. Default: that of the process. */
  readonly now?: () => number;
}

/** State of the replica, for doctor. */
export interface ReplicaState {
  /** Host, port and database. */
  readonly where: string;
  /** Why it is not read from; null: it can be reached. */
  readonly away: string | null;
  /** ms by which it is late, at most; 0: it has all that is committed; null: nobody can tell. */
  readonly late: number | null;
  /** SQLSTATE with which it refused a moment ago what the primary answers; null: it did not. */
  readonly refused: string | null;
}

/** ms after a failure before it is tried again. */
const AWAY = 5_000;
/** ms: a statement that ended this much before its limit was not ended by it. */
const BEFORE_LIMIT = 500;
/** ms that a look may wait for a session beyond the limit of statements: one that gives no answer is found out before. */
const BEYOND_LIMIT = 2_000;
/** ms for which doctor tells of a statement that was refused. */
const REFUSED = 60_000;

/**
 * Reads that may be late, on a replica. Duties:
 *
 * - A replica that is late by no more than 5 s, and has what people know of, is read; see `ReplicaMarks`. Else the primary
 *   is, and where that is away the replica however late it is.
 * - Where it cannot be reached, or has other tables than the primary, reads go to the primary, and it is tried again after
 *   5 s. What waited for a session of it goes to the primary at once.
 * - A statement that fails there, such as one that was cancelled since the replay of the log needs what it reads, is tried
 *   once on the primary; one that takes too long is not.
 */
export class ReadReplica implements Lender {
  readonly triedOnce = true;
  private pool: ReplicaPool | null = null;
  private opening: Promise<ReplicaPool | null> | null = null;
  /** `now()` before which it is not tried. */
  private awayUntil = -Infinity;
  /** Why it is not read from; null: it is, or was never tried. */
  private why: string | null = null;
  private refused: { readonly code: string; readonly at: number } | null = null;
  private closed = false;

  private readonly now: () => number;

  constructor(private readonly parts: ReadReplicaParts) {
    this.now = parts.now ?? (() => performance.now());
  }

  /** Something has happened that people know of: what they see next must have it. */
  changed(): void {
    this.pool?.marks.changed();
  }

  /** A session of the replica, or of the primary in its place. */
  connect(): Promise<pg.PoolClient> {
    return this.read((from) => from.connect());
  }

  /** A read, which may be done twice: on the replica, else on the primary; the other way round while the replica is late. */
  async read<T>(work: (from: Lender) => Promise<T>): Promise<T> {
    const { primary } = this.parts;
    const pool = await this.reach();
    if (pool === null) return work(primary);
    if (await this.isFresh(pool)) return this.readThere(pool, work);
    try {
      return await work(primary);
    } catch (error) {
      if (this.pool !== pool || isFull(error) || !isConnectionError(error)) throw error;
      return this.readThere(pool, work);
    }
  }

  private async readThere<T>(pool: ReplicaPool, work: (from: Lender) => Promise<T>): Promise<T> {
    const since = this.now();
    try {
      return await pool.use(work);
    } catch (error) {
      // Neither is to be laid on the primary as well: what takes too long, and more looks than there are sessions.
      const isTooLong = isCancelled(error) && this.now() - since > this.parts.longest - BEFORE_LIMIT;
      if (this.closed || isTooLong || (this.pool === pool && isFull(error))) throw error;
      this.leaveFor(pool, error);
      const answer = await work(this.parts.primary);
      this.noteRefusal(refusalOf(error));
      return answer;
    }
  }

  /** Finds out whether it can be used, and tells where it cannot. Never rejects. */
  async open(): Promise<void> {
    await this.reach();
  }

  /** How it is, and how late. */
  async state(): Promise<ReplicaState> {
    const { where, ask } = this.parts;
    const refused = this.refused !== null && this.now() - this.refused.at < REFUSED ? this.refused.code : null;
    const pool = await this.reach();
    if (pool === null) return { where, away: this.why ?? 'it is being tried again', late: null, refused };
    try {
      // A primary that does not answer says nothing of the replica.
      const [place] = await ask<{ lsn: string }>(PLACE, []).catch(() => []);
      const lateFor = async (): Promise<number | null> =>
        (await on(pool)<{ late: number | null }>(LATE, [place?.lsn ?? null]))[0]?.late ?? null;
      let late = await lateFor();
      // After a quiet hour the last commit is an hour old until the next one has come.
      if (late !== null && late > LATEST) {
        await pause(CATCH_UP);
        late = await lateFor();
      }
      return { where, away: null, late, refused };
    } catch (error) {
      this.leaveFor(pool, error);
      return { where, away: this.why, late: null, refused };
    }
  }

  async end(): Promise<void> {
    this.closed = true;
    const { pool } = this;
    this.pool = null;
    await pool?.leave();
  }

  /** The first who looks waits for it; while it is away nobody does. */
  private async reach(): Promise<ReplicaPool | null> {
    if (this.pool !== null) return this.pool;
    if (this.closed || this.now() < this.awayUntil) return null;
    this.opening ??= this.tryOpen().finally(() => (this.opening = null));
    return this.why === null ? this.opening : null;
  }

  private async tryOpen(): Promise<ReplicaPool | null> {
    const { make, size, longest, schema, instanceId, where, ask, onTrouble } = this.parts;
    let found: ReplicaFindings;
    try {
      found = await lookAtReplica(make(false), schema);
    } catch (error) {
      return this.away(whyOf(error));
    }
    if (found.instanceId !== instanceId) return this.away('it has other tables than the primary');
    if (this.closed) return null;
    if (this.why !== null) onTrouble(`The read replica at ${where} is back: reads go there again.`);
    this.why = null;
    const options = { kept: 0, triedOnce: true, freeTimeout: longest + BEYOND_LIMIT };
    const sessions = new SessionPool(() => make(found.direct), size, options);
    const marks = new ReplicaMarks({ ask, now: this.now, onLate: () => this.tellLate() });
    this.pool = new ReplicaPool(sessions, marks);
    return this.pool;
  }

  private async isFresh(pool: ReplicaPool): Promise<boolean> {
    try {
      return (await pool.marks.allow(on(pool))) && this.pool === pool;
    } catch (error) {
      if (this.leaveFor(pool, error)) return false;
      throw error;
    }
  }

  /** Leaves the replica where no session of it is to be had any more. False: the error says nothing of that. */
  private leaveFor(pool: ReplicaPool, error: unknown): boolean {
    if (!isAway(error)) return false;
    if (this.pool === pool) {
      this.pool = null;
      pool.leave().catch(() => {});
      this.away(whyOf(error));
    }
    return true;
  }

  private away(why: string): null {
    this.awayUntil = this.now() + AWAY;
    const first = this.why === null && !this.closed;
    this.why = why;
    const until = `Reads go to the primary; it is tried again every ${AWAY / 1_000} s.`;
    if (first) this.parts.onTrouble(`The read replica at ${this.parts.where} cannot be used: ${why}. ${until}`);
    return null;
  }

  private noteRefusal(code: string | null): void {
    if (code === null) return;
    const isKnown = this.refused?.code === code;
    this.refused = { code, at: this.now() };
    if (isKnown) return;
    const { where, onTrouble } = this.parts;
    onTrouble(`The read replica at ${where} refuses what the primary answers (${code}): such reads go to the primary.`);
  }

  private tellLate(): void {
    if (this.closed) return;
    const { where, onTrouble } = this.parts;
    onTrouble(
      `The read replica at ${where} is late by more than ${LATEST / 1_000} s: reads go to the primary until it is not.`,
    );
  }
}

/** Statements on the replica, see `ReplicaPool.use`. */
function on(pool: ReplicaPool): Query {
  return (text, parameters) => pool.use((from) => queryOf(from)(text, parameters));
}
