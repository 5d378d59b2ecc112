import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { textOf } from '../../core/text-of.js';
import { isConnectionError, serverAnswer } from './connection-errors.js';
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
}

/** ms after a failure before it is tried again. */
const AWAY = 5_000;
/** ms after which it must have what was committed: reads of one that is later go to the primary. */
const LATEST = 5_000;
/** ms that a look waits for what was committed before it, and for the primary to say how far that is. */
const CATCH_UP = 500;
/** ms for which the primary is read after a change, where a server does not say how far it is. */
const UNKNOWN = 1_000;
/** ms between two looks how far it is. */
const LOOK = 10;
/** ms: a statement that ended this much before its limit was not ended by it. */
const BEFORE_LIMIT = 500;

/** How far the primary's log was at some time. */
interface Mark {
  /** Place in the log; null: the server does not say. */
  readonly lsn: string | null;
  /** By `now()`. */
  readonly at: number;
  /** True: after something that people know of, which what they see next must have. */
  readonly known: boolean;
  reached: boolean;
  looking: Promise<boolean> | null;
}

/**
 * Reads that may be late, on a replica. Duties:
 *
 * - A replica that is late by no more than 5 s is read. A look after something that this process has told people of (see
 *   `changed`) waits up to half a second for it to have that, and goes to the primary until it has.
 * - Where it cannot be reached, or has other tables than the primary, reads go to the primary, and it is tried again after 5 s.
 * - A statement that fails there, such as one that was cancelled since the replay of the log needs what it reads, is tried
 *   once on the primary; one that takes too long is not.
 * - Where the primary is away the replica is read however late it is.
 */
export class ReadReplica implements Lender {
  readonly triedOnce = true;
  private pool: SessionPool | null = null;
  private opening: Promise<SessionPool | null> | null = null;
  /** `now()` before which it is not tried. */
  private awayUntil = -Infinity;
  /** Why it is not read from; null: it is, or was never tried. */
  private why: string | null = null;
  private lateTold = false;
  private stale = false;
  private mark: Mark | null = null;
  private marking: Promise<void> | null = null;
  private markedAt = -Infinity;
  private closed = false;

  private readonly now: () => number;

  constructor(private readonly parts: ReadReplicaParts) {
    this.now = parts.now ?? (() => performance.now());
  }

  /** Something has happened that people know of: what they see next must have it. */
  changed(): void {
    this.stale = true;
  }

  /** A session of the replica, or of the primary in its place. */
  async connect(): Promise<pg.PoolClient> {
    return ((await this.usable()) ?? this.parts.primary).connect();
  }

  /** A read, which may be done twice: on the replica, else on the primary. */
  async read<T>(work: (from: Lender) => Promise<T>): Promise<T> {
    const { primary, longest } = this.parts;
    const pool = await this.usable();
    if (pool === null) return work(primary);
    const since = this.now();
    try {
      return await work(pool);
    } catch (error) {
      const lasted = this.now() - since;
      if (this.closed || isTooMuch(error, lasted > longest - BEFORE_LIMIT)) throw error;
      this.leaveFor(pool, error);
      return work(primary);
    }
  }

  /** Finds out whether it can be used, and tells where it cannot. Never rejects. */
  async open(): Promise<void> {
    await this.reach();
  }

  /** How it is, and how late. */
  async state(): Promise<ReplicaState> {
    const { where, ask } = this.parts;
    const pool = await this.reach();
    if (pool === null) return { where, away: this.why ?? 'it is being tried again', late: null };
    try {
      const [here] = await ask<{ lsn: string }>(PLACE, []);
      const [row] = await queryOf(pool)<{ late: number | null }>(LATE, [here?.lsn ?? null]);
      return { where, away: null, late: row?.late ?? null };
    } catch (error) {
      this.leaveFor(pool, error);
      return { where, away: this.why, late: null };
    }
  }

  async end(): Promise<void> {
    this.closed = true;
    const { pool } = this;
    this.pool = null;
    await pool?.end();
  }

  private async usable(): Promise<SessionPool | null> {
    const pool = await this.reach();
    return pool !== null && (await this.isFresh(pool)) ? pool : null;
  }

  /** The first who looks waits for it; while it is away nobody does. */
  private async reach(): Promise<SessionPool | null> {
    if (this.pool !== null) return this.pool;
    if (this.closed || this.now() < this.awayUntil) return null;
    this.opening ??= this.tryOpen().finally(() => (this.opening = null));
    return this.why === null ? this.opening : null;
  }

  private async tryOpen(): Promise<SessionPool | null> {
    const { make, size, schema, instanceId, where, onTrouble } = this.parts;
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
    this.pool = new SessionPool(() => make(found.direct), size, { kept: 0, triedOnce: true });
    return this.pool;
  }

  /** Leaves the replica where no session of it is to be had any more. False: the error says nothing of that. */
  private leaveFor(pool: SessionPool, error: unknown): boolean {
    if (!isConnectionError(error) && !SHUT.test(serverAnswer(error)?.code ?? '')) return false;
    if (this.pool === pool) {
      this.pool = null;
      pool.end().catch(() => {});
      this.away(whyOf(error));
    }
    return true;
  }

  private away(why: string): null {
    this.awayUntil = this.now() + AWAY;
    const { where, onTrouble } = this.parts;
    const first = this.why === null && !this.closed;
    this.why = why.replace(/\.$/, '');
    if (first) {
      onTrouble(
        `The read replica at ${where} cannot be used: ${this.why}. Reads go to the primary; it is tried again every ` +
          `${AWAY / 1_000} s.`,
      );
    }
    return null;
  }

  /** True when it has all that people know of, and all that is older than 5 s. */
  private async isFresh(pool: SessionPool): Promise<boolean> {
    if (!this.stale && this.now() - this.markedAt > LATEST) {
      const { mark } = this;
      if (mark !== null && !(await this.has(pool, mark))) this.tellLate();
      this.marking ??= this.takeMark(false);
      await this.marking;
    }
    // What changes while a mark is being taken may be behind it.
    while (this.stale || this.marking !== null) await (this.marking ??= this.takeMark(true));
    const { mark } = this;
    return mark === null || this.has(pool, mark);
  }

  private takeMark(known: boolean): Promise<void> {
    this.stale = false;
    const at = this.now();
    const asked = this.parts.ask<{ lsn: string }>(PLACE, []);
    const place = asked.then(
      ([row]) => ({ lsn: row?.lsn ?? null }),
      // A primary that refuses the function does not say; one that is away has nothing to be compared with.
      (error: unknown) => (isConnectionError(error) ? null : { lsn: null }),
    );
    return Promise.race([place, pause(CATCH_UP, { lsn: null }, { ref: false })]).then((found) => {
      this.mark = found === null ? null : { ...found, at, known, reached: false, looking: null };
      this.markedAt = at;
      this.marking = null;
    });
  }

  private async has(pool: SessionPool, mark: Mark): Promise<boolean> {
    if (mark.reached) return true;
    mark.looking ??= this.waitFor(pool, mark).finally(() => (mark.looking = null));
    const reached = await mark.looking;
    if (reached && !mark.reached) {
      mark.reached = true;
      this.lateTold = false;
    }
    return reached;
  }

  private async waitFor(pool: SessionPool, mark: Mark): Promise<boolean> {
    const unknown = (): boolean => !mark.known || this.now() - mark.at >= UNKNOWN;
    if (mark.lsn === null) return unknown();
    try {
      for (;;) {
        const [row] = await queryOf(pool)<{ reached: boolean | null }>(REACHED, [mark.lsn]);
        if (row?.reached === true) return true;
        if (row?.reached !== false) return unknown();
        if (this.now() - mark.at > CATCH_UP) return false;
        await pause(LOOK);
      }
    } catch (error) {
      return this.leaveFor(pool, error) ? false : unknown();
    }
  }

  private tellLate(): void {
    if (this.lateTold || this.closed) return;
    this.lateTold = true;
    const { where, onTrouble } = this.parts;
    onTrouble(
      `The read replica at ${where} is late by more than ${LATEST / 1_000} s: reads go to the primary until it is not.`,
    );
  }
}

/** How far the primary's log is; what was committed is before it. */
const PLACE = 'SELECT pg_current_wal_lsn()::text AS lsn';

/** Whether the replica has the log up to there; a server that takes writes has all that it will ever get. */
const REACHED = `
  SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() >= $1::text::pg_lsn ELSE true END AS reached`;

/** ms since the last commit that the replica has, where it lacks something. */
const LATE = `
  SELECT CASE
      WHEN NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::text::pg_lsn THEN 0
      ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8
    END AS late`;

/** SQLSTATE: statement_timeout, a cancel by somebody, or one by the replay of the log. */
const CANCELLED = '57014';

/** Neither is to be laid on the primary as well: what takes too long, and more looks than there are sessions. */
function isTooMuch(error: unknown, atLimit: boolean): boolean {
  if (textOf(error).includes('timeout exceeded when trying to connect')) return true;
  return atLimit && serverAnswer(error)?.code === CANCELLED;
}

/** The server's own text names the user. */
function whyOf(error: unknown): string {
  const code = serverAnswer(error)?.code ?? '';
  if (code.startsWith('28')) return `it refused user or password (${code})`;
  if (NO_TABLES.has(code)) return 'it has no tables of nest-durable yet';
  return textOf(error);
}

/** SQLSTATEs: user or password, no such database. */
const SHUT = /^(28...|3D000)$/;
/** SQLSTATE: no such schema, no such table. */
const NO_TABLES = new Set(['3F000', '42P01']);
