import { setTimeout as pause } from 'node:timers/promises';
import type { FinishedStatus } from '../../core/run/status.js';
import { changeOnce } from '../connection/once.js';
import { sql, inSchema } from '../sql.js';
import { type Lender, type Query, readsOf } from '../connection/transaction.js';
import { type OldRun, type RunBelow, RunTrees } from './run-trees.js';

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
  readonly id: string | null;
  readonly parent: string | null;
  /** Of the row that says how far the stretch went: its last run, and when that was started, us since 1970. */
  readonly last: string | null;
  readonly at: string | null;
}

interface BelowRow extends RunBelow {
  /** There may be more below it. */
  readonly deepest: boolean;
}

/** Position in the history of ended runs. */
interface Mark {
  readonly id: string;
  readonly at: string;
}

/** Rows of history that one statement reads, at most: some 20 ms. */
const STRETCH = 5_000;
/** Levels below a run that one statement goes down. */
const LEVELS = 1_000;
/** Rows of a journal that one statement deletes, and a transaction where it is not of one run: some 100 ms. */
const SLICE = 20_000;
/** Clocks of processes may be off by this, ms: ids carry the time of the process that made them. */
const SKEW = 86_400_000;
/** ms of work after which it rests, and how many times longer than it has worked: claims have the server nearly to themselves. */
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
    /** How much longer than it has worked it rests. */
    private readonly rest = REST,
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
    const pace = new Pace(this.rest, filter.signal);
    // Runs that have to stay, with all above them: none of them is gone through again.
    const kept = new Set<string>();
    let count = 0;
    const ranges: [string, string][] = filter.statuses.includes('completed')
      ? idRanges(filter.before.getTime(), await this.now())
      : [[FIRST_ID, LAST_ID]];
    for (const [from, to] of ranges) {
      for (let after: Mark | null = { id: from, at: '0' }; after !== null && filter.signal?.aborted !== true;) {
        const mark: Mark = after;
        const rows: OldRow[] = await pace.work(() => this.stretch(mark, to, filter));
        after = markOf(rows);
        const roots = rows.flatMap(({ id, parent }) => (id === null || kept.has(id) ? [] : [{ id, parent }]));
        if (roots.length === 0) continue;
        const trees = await this.trees(roots, kept, filter, pace);
        count += filter.dryRun ? trees.count() : await this.delete(trees, filter, pace);
        for (const id of trees.blocked) kept.add(id);
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

  /** The runs with what is below them, and what of it has to stay: unfinished runs, and those that such a one refers to. */
  private async trees(
    roots: readonly OldRun[],
    kept: ReadonlySet<string>,
    { statuses, before }: CleanupFilter,
    pace: Pace,
  ): Promise<RunTrees> {
    const trees = new RunTrees(roots);
    const ids = roots.map(({ id }) => id);
    for (let above = ids; above.length > 0;) {
      const values = [above, ids, statuses, before, LEVELS];
      const rows = await pace.work(() => this.query<BelowRow>(sql('runs-below', this.schema), values));
      trees.add(rows);
      above = rows.flatMap(({ id, deepest, ended }) => (deepest && ended ? [id] : []));
    }
    trees.link();
    for (const id of trees.ids) if (kept.has(id)) trees.block(id);
    for (const some of chunks(trees.ids, STRETCH)) {
      for (const id of await pace.work(() => this.referred(this.query, some))) trees.block(id);
    }
    return trees;
  }

  private async referred(query: Query, ids: readonly string[]): Promise<Set<string>> {
    const rows = await query<{ id: string }>(sql('referred-runs', this.schema), [ids]);
    return new Set(rows.map(({ id }) => id));
  }

  /** The leaves come first, so that no run goes before its children, however many they are. */
  private async delete(trees: RunTrees, filter: CleanupFilter, pace: Pace): Promise<number> {
    const ids = trees.leavesFirst();
    let sizes = new Map<string, number>();
    let count = 0;
    for (let at = 0; at < ids.length && filter.signal?.aborted !== true;) {
      const batch: string[] = [];
      for (let size = 0; at < ids.length && batch.length < filter.batchSize && size < SLICE; at++) {
        const id = ids[at] ?? '';
        if (!trees.mayGo(id)) continue;
        if (!sizes.has(id)) sizes = await pace.work(() => this.sizes(ids.slice(at, at + STRETCH)));
        const more = sizes.get(id) ?? 0;
        // One that is large goes by itself.
        if (batch.length > 0 && size + more > SLICE) break;
        size += more;
        batch.push(id);
      }
      if (batch.length === 0) continue;
      const gone = new Set(await pace.work(() => this.deleteBatch(batch)));
      count += gone.size;
      // Somebody has it locked, refers to it by now, or took it away: what is above it in a tree stays this time.
      for (const id of batch) if (!gone.has(id)) trees.block(id);
    }
    return count;
  }

  /** About how many rows go with each. */
  private async sizes(ids: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.query<{ id: string; seq: number }>(sql('last-records', this.schema), [ids]);
    return new Map([
      ...ids.map((id): [string, number] => [id, 0]),
      ...rows.map(({ id, seq }): [string, number] => [id, seq]),
    ]);
  }

  private deleteBatch(ids: readonly string[]): Promise<string[]> {
    return changeOnce(this.pool, this.schema, async (query) => {
      const locked = await query<{ id: string }>(sql('lock-old-runs', this.schema), [ids]);
      // A run that begins to wait for one of these waits for this transaction, and finds none.
      const referred = await this.referred(query, locked.map(({ id }) => id)); // prettier-ignore
      const found = locked.flatMap(({ id }) => (referred.has(id) ? [] : [id]));
      for (const table of RUN_TABLES) await this.empty(query, table, found);
      await query(sql('delete-runs', this.schema), [found]);
      return found;
    });
  }

  /** Deletes the rows of runs, some at a time: all of a run that has millions would be cut short by the limit of a statement. */
  private async empty(query: Query, table: string, runs: readonly string[]): Promise<void> {
    const text = `
      WITH gone AS (
        DELETE FROM durable.${table} t
        WHERE t.ctid = ANY (ARRAY(SELECT s.ctid FROM durable.${table} s WHERE s.run_id = ANY ($1::uuid[]) LIMIT $2))
        RETURNING 1
      )
      SELECT count(*)::integer AS count FROM gone`;
    for (;;) {
      const [gone] = await query<{ count: number }>(inSchema(text, this.schema), [runs, SLICE]);
      if (gone === undefined || gone.count < SLICE) return;
    }
  }
}

function* chunks<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}

/** Beginning of the next stretch; null: that was the last one. */
function markOf(rows: readonly OldRow[]): Mark | null {
  const end = rows.find(({ id }) => id === null);
  if (end === undefined || end.last === null || end.at === null) return null;
  return { id: end.last, at: end.at };
}

/** Work in the background, which leaves most of the time to others. */
class Pace {
  private worked = 0;

  constructor(
    private readonly times: number,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async work<T>(work: () => Promise<T>): Promise<T> {
    if (this.worked >= WORK) await this.rest();
    const begun = performance.now();
    const result = await work();
    this.worked += performance.now() - begun;
    return result;
  }

  private async rest(): Promise<void> {
    const ms = Math.min(this.worked * this.times, LONGEST_REST);
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
