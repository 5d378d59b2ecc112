import { isDurableError } from '../core/errors/durable-error.js';
import type { Execution, RunFilters, RunListFilters, RunMark } from '../core/run/execution.js';
import { EXECUTION_STATUSES, type ExecutionStatus, FINISHED_STATUSES, isFinished } from '../core/run/status.js';
import type { ReadBulk } from '../options/bulk.js';

/** Outcome of an act on many runs. */
export interface BulkResult {
  /** Runs that were changed; with `dryRun` that would be. */
  readonly count: number;
  /** Runs that fit and were not changed. */
  readonly refused: readonly BulkRefusal[];
}

/** A run that fits and was not changed, and the reason. */
export interface BulkRefusal {
  readonly id: string;
  /** Of the error, or `UNCHANGED`. */
  readonly code: string;
  readonly message: string;
}

export type BulkAct = 'retry' | 'cancel' | 'pause' | 'resume';

/** The methods of the client that an act on many runs calls. */
export interface BulkClient {
  /** The database's time. */
  now(): Promise<Date>;
  /** Ids of the runs that fit, as lists have them, and where the `next` go on; null: these are all. */
  ids(filters: RunListFilters): Promise<{ readonly ids: readonly string[]; readonly next: RunMark | null }>;
  /** These runs, in no order. */
  byIds(ids: readonly string[]): Promise<Execution[]>;
  /** Retries of these runs, by the id of the retried run. */
  retried(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** False: nothing was changed; null: nor need be, since it has become what was asked for by another way. */
  act(id: string): Promise<boolean | null>;
}

/** What the command line asks of it beside its own options. */
export interface BulkWatch {
  /** Of the runs that fit the filters only these. Default: all. */
  readonly fits?: (run: Execution) => boolean;
  /** Runs that need no change and are no refusal either. Default: none. */
  readonly satisfied?: (run: Execution) => boolean;
  /** Runs that are looked at: then the outcome says that there may be `more`. Default: all. */
  readonly most?: number;
  /** Ends it between two runs. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (count: number) => void;
}

/** The outcome, and whether it was ended by the watch before all were looked at. */
export type BulkOutcome = BulkResult & { readonly more?: true };

/** Ids that are read at once: the unfinished runs have no index by their start, so that each page puts all of them in order. */
const IDS = 10_000;
/** Runs that are looked up at a time, as they are then, and those that are changed at a time: each is a transaction of its own. */
const PAGE = 200;
const AT_A_TIME = 4;

/** Statuses that an act is for where the filters name none. */
const MEANT: Readonly<Record<BulkAct, readonly ExecutionStatus[]>> = {
  retry: FINISHED_STATUSES.filter((status) => status !== 'completed' && status !== 'cancelled'),
  cancel: EXECUTION_STATUSES.filter((status) => !isFinished(status) && status !== 'compensating'),
  pause: EXECUTION_STATUSES.filter((status) => !isFinished(status) && status !== 'paused'),
  resume: ['paused'],
};

/** Statuses in which such runs are: one that is to be paused runs on until its attempt is over. */
const LOOKED_FOR: Readonly<Record<BulkAct, readonly ExecutionStatus[]>> = {
  ...MEANT,
  resume: ['paused', 'running', 'compensating'],
};

/**
 * Acts on all runs that fit when it begins, the oldest first, each in a transaction of its own. One that is broken off is
 * gone on with by another call: what was done fits no more, and a run that was retried is not retried again.
 */
export async function actOnMany(
  client: BulkClient,
  act: BulkAct,
  filters: RunFilters,
  { limit, dryRun }: ReadBulk,
  watch: BulkWatch = {},
): Promise<BulkOutcome> {
  const { fits = () => true, most = Infinity, signal, onProgress } = watch;
  const isMeant = (run: Execution): boolean =>
    filters.status !== undefined || act !== 'resume' || wouldChange(act, run);
  const stopped = (): boolean => signal?.aborted === true;
  // Runs started meanwhile are left alone. (A Date has whole ms.)
  const end = new Date((await client.now()).getTime() + 1);
  const wanted: RunListFilters = {
    status: LOOKED_FOR[act],
    ...filters,
    until: filters.until !== undefined && filters.until < end ? filters.until : end,
    order: 'asc',
    limit: IDS,
  };
  const statuses = wantedStatuses(wanted);
  const refused: BulkRefusal[] = [];
  let [count, looked] = [0, 0];
  let behind: RunMark | undefined;
  do {
    // Not after the last run: an act on thousands takes minutes, in which retention may delete that one.
    const { ids, next } = await client.ids({ ...wanted, behind });
    behind = next ?? undefined;
    for (let from = 0; from < ids.length && count < limit && !stopped(); from += PAGE) {
      if (looked >= most) return { count, refused, more: true };
      const slice = ids.slice(from, from + PAGE);
      looked += slice.length;
      const found = inOrder(slice, await client.byIds(slice));
      const page = found.filter((run) => statuses.has(run.status) && isMeant(run) && fits(run));
      onProgress?.(count);
      const retried = act === 'retry' ? await client.retried(page.map(({ id }) => id)) : NONE;
      for (let at = 0; at < page.length && count < limit && !stopped();) {
        const some = page.slice(at, at + Math.min(AT_A_TIME, limit - count));
        at += some.length;
        const done = await Promise.all(some.map((run) => one(client, act, run, retried, dryRun, watch)));
        count += done.filter((outcome) => outcome === 'done').length;
        refused.push(...done.filter((outcome) => typeof outcome === 'object'));
        onProgress?.(count);
      }
    }
  } while (behind !== undefined && count < limit && !stopped());
  return { count, refused };
}

/** What has another status by now fits no more. */
function wantedStatuses({ status = EXECUTION_STATUSES }: RunListFilters): ReadonlySet<ExecutionStatus> {
  return new Set(typeof status === 'string' ? [status] : status);
}

/** Those that are still there. */
function inOrder(ids: readonly string[], runs: readonly Execution[]): Execution[] {
  const known = new Map(runs.map((run) => [run.id, run]));
  return ids.flatMap((id) => known.get(id) ?? []);
}

const NONE: ReadonlyMap<string, string> = new Map();

async function one(
  client: BulkClient,
  act: BulkAct,
  run: Execution,
  retried: ReadonlyMap<string, string>,
  dryRun: boolean,
  { satisfied = () => false }: BulkWatch,
): Promise<'done' | 'satisfied' | BulkRefusal> {
  const { id } = run;
  const again = retried.get(id);
  if (again !== undefined) return retriedBefore(id, again);
  if (satisfied(run)) return 'satisfied';
  try {
    const changed = dryRun ? wouldChange(act, run) : await client.act(id);
    if (changed !== false) return changed === null ? 'satisfied' : 'done';
    if (act === 'cancel' && !dryRun && (await wasCancelled(client, run))) return 'satisfied';
    // By another call since it was looked up.
    const by = act === 'retry' && !dryRun ? (await client.retried([id])).get(id) : undefined;
    return by === undefined ? { id, code: 'UNCHANGED', message: WHY_NOT[act] } : retriedBefore(id, by);
  } catch (error) {
    if (!isDurableError(error) || error.code === 'DATABASE_UNAVAILABLE') throw error;
    // Deleted since it was looked up: it fits no more, as one that was deleted before.
    if (error.code === 'EXECUTION_NOT_FOUND') return 'satisfied';
    return { id, code: error.code, message: error.message };
  }
}

function retriedBefore(id: string, by: string): BulkRefusal {
  return { id, code: 'UNCHANGED', message: `It was retried before, as ${by}.` };
}

/** Whether a run that could be cancelled when it was looked up was so by another way, as a child is with its parent. */
async function wasCancelled(client: BulkClient, run: Execution): Promise<boolean> {
  if (!wouldChange('cancel', run)) return false;
  const [now] = await client.byIds([run.id]);
  return now?.status !== 'completed' && now?.status !== 'failed';
}

/** Whether the act changes a run that is like this; one that is to be paused when its attempt is over counts as paused. */
export function wouldChange(act: BulkAct, { status, pauseRequested }: Execution): boolean {
  if (act === 'retry') return isFinished(status);
  if (pauseRequested && act === 'pause') return false;
  if (pauseRequested && act === 'resume') return true;
  return MEANT[act].includes(status);
}

/** The reason where it changes nothing. */
export const WHY_NOT: Readonly<Record<BulkAct, string>> = {
  retry: 'It has not ended.',
  cancel: 'It had ended before, or is being undone.',
  pause: 'It was paused already, or has ended.',
  resume: 'It was not paused.',
};
