import { setTimeout as pause } from 'node:timers/promises';
import type { FinishedStatus } from '../../core/run/status.js';
import { changeOnce } from '../connection/once.js';
import { sql, inSchema } from '../sql.js';
import { type Lender, type Query, readsOf } from '../connection/transaction.js';

/**
 * The tables whose rows belong to a run, by their column `run_id`: deleted with it. A test compares the list with the
 * schema.
 */
export const RUN_TABLES = ['step_executions', 'waits', 'events'];

export interface CleanupFilter {
  /** Runs that ended then or before. */
  readonly before: Date;
  readonly statuses: readonly FinishedStatus[];
  /** Runs deleted in one transaction, at most. */
  readonly batchSize: number;
  /** Only counts. */
  readonly dryRun: boolean;
  /** Ends the work after the batch it is at. */
  readonly signal?: AbortSignal;
  /** Gets how many went until now, or would go. */
  readonly onProgress?: (count: number) => void;
}

interface OldRow {
  /** Null: the row says how far the stretch went. */
  readonly root: string | null;
  readonly id: string | null;
  readonly counted: boolean;
  /** Of the row that says how far the stretch went: us since 1970, when the last run of it was started. */
  readonly at: string | null;
}

/** Position in the history of ended runs. */
interface Mark {
  readonly id: string;
  readonly at: string;
}

/** Rows of history that one statement reads, at most: some 20 ms. */
const STRETCH = 5_000;
/** Clocks of processes may be off by this, ms: ids carry the time of the process that made them. */
const SKEW = 86_400_000;
/** ms of work after which it rests, and how much longer than it has worked: claims have the server nearly to themselves. */
const WORK = 20;
const REST = 10;
/** ms. A database that was out of reach for a while is no reason to rest for long. */
const LONGEST_REST = 1_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Deletes finished runs, with their children and all that belongs to them, in small transactions. */
export class PgRetention {
  private readonly query: Query;

  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
  ) {
    this.query = readsOf(pool);
  }

  /** The time that ends of runs are told in. */
  async now(): Promise<number> {
    const [row] = await this.query<{ now: number }>(sql('database-time', this.schema), []);
    return row?.now ?? Date.now();
  }

  /** Deletes acts of the audit that are older, so many at most; how many went. */
  async forgetActs(before: Date, most: number): Promise<number> {
    return (await this.query(sql('forget-acts', this.schema), [before.toISOString(), most])).length;
  }

  /** Deletes the runs, or counts them with `dryRun`; returns their number. */
  async cleanup(filter: CleanupFilter): Promise<number> {
    const pace = new Pace(filter.signal);
    let count = 0;
    const ranges: [string, string][] = filter.statuses.includes('completed')
      ? idRanges(filter.before.getTime(), await this.now())
      : [[FIRST_ID, LAST_ID]];
    for (const [from, to] of ranges) {
      for (let after: Mark | null = { id: from, at: '0' }; after !== null && filter.signal?.aborted !== true;) {
        const mark: Mark = after;
        const rows: OldRow[] = await pace.work(() => this.stretch(mark, to, filter));
        after = markOf(rows);
        const spared = await this.spared(rows, pace);
        count += filter.dryRun ? countable(rows, spared) : await this.delete(rows, spared, filter, pace);
        filter.onProgress?.(count);
      }
    }
    return count;
  }

  private stretch(after: Mark, to: string, { statuses, before, batchSize }: CleanupFilter): Promise<OldRow[]> {
    const rows = Math.min(STRETCH, Math.max(batchSize, 100));
    const parameters = [after.id, to, statuses, before, rows, statuses.includes('completed'), after.at];
    return this.query<OldRow>(sql('old-runs', this.schema), parameters);
  }

  /** The roots of trees in which an unfinished run refers to one. */
  private async spared(rows: readonly OldRow[], pace: Pace): Promise<Set<string>> {
    const ids = [...new Set(rows.flatMap(({ root, id }) => (root === null || id === null ? [] : [id])))];
    if (ids.length === 0) return new Set();
    const referred = await pace.work(() => this.referred(this.query, ids));
    return new Set(rows.flatMap(({ root, id }) => (root !== null && referred.has(id ?? '') ? [root] : [])));
  }

  private async referred(query: Query, ids: readonly string[]): Promise<Set<string>> {
    const rows = await query<{ id: string }>(sql('referred-runs', this.schema), [ids]);
    return new Set(rows.map(({ id }) => id));
  }

  /** The leaves come first, so that no run goes before its children, however many they are. */
  private async delete(
    rows: readonly OldRow[],
    spared: ReadonlySet<string>,
    filter: CleanupFilter,
    pace: Pace,
  ): Promise<number> {
    const rootsOf = new Map<string, string[]>();
    for (const { root, id } of rows) {
      if (root === null || id === null) continue;
      const roots = rootsOf.get(id);
      if (roots === undefined) rootsOf.set(id, [root]);
      else roots.push(root);
    }
    const { batchSize } = filter;
    const left = new Set(spared);
    const ids = [...rootsOf.keys()];
    let count = 0;
    for (let at = 0; at < ids.length && filter.signal?.aborted !== true; at += batchSize) {
      const batch = ids.slice(at, at + batchSize).filter((id) => rootsOf.get(id)?.some((root) => !left.has(root)));
      if (batch.length === 0) continue;
      const gone = new Set(await pace.work(() => this.deleteBatch(batch)));
      count += gone.size;
      // Somebody has it locked, refers to it by now, or took it away: what is above it in a tree stays this time.
      for (const id of batch) if (!gone.has(id)) for (const root of rootsOf.get(id) ?? []) left.add(root);
    }
    return count;
  }

  private deleteBatch(ids: readonly string[]): Promise<string[]> {
    return changeOnce(this.pool, this.schema, async (query) => {
      const locked = await query<{ id: string }>(sql('lock-old-runs', this.schema), [ids]);
      // A run that begins to wait for one of these waits for this transaction, and finds none.
      const referred = await this.referred(query, locked.map(({ id }) => id)); // prettier-ignore
      const found = locked.flatMap(({ id }) => (referred.has(id) ? [] : [id]));
      for (const table of RUN_TABLES) {
        await query(inSchema(`DELETE FROM durable.${table} WHERE run_id = ANY ($1::uuid[])`, this.schema), [found]);
      }
      await query(sql('delete-runs', this.schema), [found]);
      return found;
    });
  }
}

/** Number of runs that would be deleted. */
function countable(rows: readonly OldRow[], spared: ReadonlySet<string>): number {
  return rows.filter(({ root, counted }) => counted && root !== null && !spared.has(root)).length;
}

/** Beginning of the next stretch; null: that was the last one. */
function markOf(rows: readonly OldRow[]): Mark | null {
  const last = rows.find(({ root }) => root === null);
  if (last === undefined || last.id === null || last.at === null) return null;
  return { id: last.id, at: last.at };
}

/** Work in the background, which leaves most of the time to others. */
class Pace {
  private worked = 0;

  constructor(private readonly signal: AbortSignal | undefined) {}

  async work<T>(work: () => Promise<T>): Promise<T> {
    if (this.worked >= WORK) await this.rest();
    const begun = performance.now();
    const result = await work();
    this.worked += performance.now() - begun;
    return result;
  }

  private async rest(): Promise<void> {
    const ms = Math.min(this.worked * REST, LONGEST_REST);
    this.worked = 0;
    await pause(ms, undefined, this.signal === undefined ? {} : { signal: this.signal }).catch(() => {});
  }
}

/**
 * Ranges of the ids of runs that ended before `cutoff`: an id of version 7 carries the time of the start, so a run that was
 * started after the cutoff cannot have ended before it. Ids that callers chose may be anywhere: only the span between
 * the cutoff and now is left out, where such an id is found later, when the cutoff has passed it.
 */
export function idRanges(cutoff: number, now: number): [string, string][] {
  const young = idAt(cutoff + SKEW);
  const next = idAt(now + SKEW);
  return young < next ? [[FIRST_ID, young], [next, LAST_ID]] : [[FIRST_ID, LAST_ID]]; // prettier-ignore
}

function idAt(time: number): string {
  const stamp = Math.min(Math.max(0, Math.floor(time)), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-0000-0000-000000000000`;
}
