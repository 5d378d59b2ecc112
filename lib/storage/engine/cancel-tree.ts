import { encode } from '../../core/codec/codec.js';
import type { EndedRun, EndedTree, WokenRun } from '../../engine/ports/store.js';
import { sql } from '../sql.js';
import { TRANSACTION_PLANNER } from '../connection/planner.js';
import type { Query } from '../connection/transaction.js';

/** Cause of a cancel, in its two stored forms. */
export interface CancelCause {
  /** Encoded StoredError of the runs. */
  readonly error: string;
  /** Encoded reason of their waits: a string or null. */
  readonly reason: string;
}

/** Effect on each run of the trees. */
export type CancelMode =
  /** Ends it at once, whatever it is doing. */
  | 'end'
  /** The same, but one that is to be undone (`cancel` with `compensate`) is left to that. For runs whose parent ends. */
  | 'end-unless-undone'
  /** Asks it to run its compensations; one that was never claimed, so has done nothing, ends at once. */
  | 'compensate';

export interface LockedRun {
  readonly id: string;
  readonly begun: boolean;
  readonly compensating: boolean;
  readonly cancel: string | null;
}

/** The trees below some runs, locked; none of their runs can start a child, end, wait or be woken meanwhile. */
export interface LockedTree {
  /** Unfinished runs of the trees, by id. */
  readonly runs: ReadonlyMap<string, LockedRun>;
}

export function cancelCause(reason: string | null): CancelCause {
  const error = {
    name: 'WorkflowCancelledError',
    code: 'WORKFLOW_CANCELLED',
    message: reason ?? 'The run was cancelled.',
    reason,
  };
  return { error: encode(error), reason: encode(reason) };
}

/** Choice of the trees. Made twice, before and after the locks. */
export interface TreeChoice {
  readonly roots: readonly string[];
  /** Only what is below the roots, whatever has become of them. Default: false. */
  readonly below?: boolean;
}

/** Looks for what has come to a tree since its locks were had, before they are given back. */
const LOOKS = 10;

/**
 * Locks trees of unfinished runs, those that wait for them, and `others`, all in the order of ids. What was found before the locks
 * may have grown until they were had: the rest is locked where it is free, since it may stand anywhere in that order. Where it
 * is not, again and again, all are given back, and it begins anew: to begin anew each time would never end for a tree that is
 * large and grows fast, whose runs go on starting others between the look and the locks.
 */
export async function lockTrees(
  query: Query,
  schema: string,
  choose: () => Promise<TreeChoice>,
  others: readonly string[] = [],
): Promise<LockedTree> {
  for (;;) {
    await query('SAVEPOINT before_locks', []);
    const wanted = await findTrees(query, schema, await choose(), others);
    const found = await query<LockedRun>(sql('lock-runs', schema), [[...wanted.all]]);
    const rows = new Map(found.map((row) => [row.id, row]));
    for (let looks = 0; looks < LOOKS; looks++) {
      const now = await findTrees(query, schema, await choose(), others);
      const missing = [...now.all].filter((id) => !wanted.all.has(id));
      if (missing.length === 0) return { runs: new Map([...rows].filter(([id]) => now.inside.has(id))) };
      for (const row of await query<LockedRun>(sql('lock-free-runs', schema), [missing])) {
        wanted.all.add(row.id);
        rows.set(row.id, row);
      }
    }
    await query('ROLLBACK TO SAVEPOINT before_locks', []);
  }
}

/**
 * The same where nobody has any of these locks: it waits for none. Null: somebody has one, or the trees have grown meanwhile;
 * then none is kept.
 */
export async function lockFreeTrees(
  query: Query,
  schema: string,
  choose: () => Promise<TreeChoice>,
): Promise<LockedTree | null> {
  await query('SAVEPOINT before_locks', []);
  const wanted = await findTrees(query, schema, await choose(), []);
  const rows = await query<LockedRun>(sql('lock-free-runs', schema), [[...wanted.all]]);
  const history = await query<{ id: string }>(sql('lock-free-history', schema), [[...wanted.inside]]);
  const now = await findTrees(query, schema, await choose(), []);
  const [runs, kept] = [new Map(rows.map((row) => [row.id, row])), new Set(history.map(({ id }) => id))];
  if ([...now.all].every((id) => runs.has(id)) && [...now.inside].every((id) => kept.has(id))) {
    return { runs: new Map(rows.filter(({ id }) => now.inside.has(id)).map((row) => [row.id, row])) };
  }
  await query('ROLLBACK TO SAVEPOINT before_locks', []);
  return null;
}

async function findTrees(
  query: Query,
  schema: string,
  { roots, below = false }: TreeChoice,
  others: readonly string[],
): Promise<{ all: Set<string>; inside: Set<string> }> {
  const rows =
    roots.length === 0 ? [] : await query<{ id: string; inside: boolean }>(sql('run-tree', schema), [roots, below]);
  const inside = new Set(rows.filter((row) => row.inside).map((row) => row.id));
  return { all: new Set([...rows.map((row) => row.id), ...others]), inside };
}

/**
 * Cancels the trees that `lockTrees` has locked, in the same transaction: runs, their steps on other queues, their waits;
 * and lets those outside the trees go on that have waited for one of them.
 */
export async function cancelLocked(
  query: Query,
  schema: string,
  { runs }: LockedTree,
  { error, reason }: CancelCause,
  mode: CancelMode,
): Promise<EndedTree> {
  const open = [...runs.values()].filter((run) => !run.compensating && (mode === 'end' || run.cancel === null));
  const ending = open.filter((run) => mode !== 'compensate' || !run.begun).map((run) => run.id);
  const asked = open.filter((run) => mode === 'compensate' && run.begun).map((run) => run.id);
  return endLocked(
    query,
    schema,
    ending.map((id) => ({ id, status: 'cancelled', error, reason })),
    asked.map((id) => ({ id, error })),
  );
}

/** End of a run without a lease. */
export interface RunEnding {
  readonly id: string;
  readonly status: EndedRun['status'];
  /** Encoded StoredError. */
  readonly error: string;
  /** Encoded reason of its waits; null: none. */
  readonly reason: string | null;
}

/** Ends runs that are locked, asks others to be undone, and lets those go on that have waited for one that ended. */
export async function endLocked(
  query: Query,
  schema: string,
  ending: readonly RunEnding[],
  undo: readonly Pick<RunEnding, 'id' | 'error'>[],
): Promise<EndedTree> {
  const column = <K extends keyof RunEnding>(key: K): RunEnding[K][] => ending.map((run) => run[key]);
  const ends = [column('id'), column('status'), column('error'), column('reason')];
  // Each by its id: the planner believes that few are unfinished, and would go through all of these for each.
  if (ending.length > 0) await query(TRANSACTION_PLANNER, []);
  const ended = ending.length === 0 ? [] : await query<EndedRun>(sql('end-runs', schema), ends);
  const asked = [undo.map(({ id }) => id), undo.map(({ error }) => error)];
  const undoing = undo.length === 0 ? [] : await query<UndoingRow>(sql('request-rollback', schema), asked);
  const gone = ended.map((run) => run.id);
  const woken = gone.length === 0 ? [] : await query<WokenRun>(sql('match-waits', schema), [[], gone, null]);
  return { ended, undoing, woken };
}

type UndoingRow = EndedTree['undoing'][number];

/** Cancels a run and all below it on behalf of its parent. For transactions that have locked nothing before. */
export async function cancelRun(query: Query, schema: string, runId: string, reason: string): Promise<EndedTree> {
  const locked = await lockTrees(query, schema, async () => ({ roots: [runId] }));
  return cancelLocked(query, schema, locked, cancelCause(reason), 'end-unless-undone');
}

/** Cancels all that is below a run, but not the run. For transactions that have locked nothing before. */
export async function cancelChildren(query: Query, schema: string, runId: string, reason: string): Promise<EndedTree> {
  const locked = await lockTrees(query, schema, async () => ({ roots: [runId], below: true }), [runId]);
  return cancelLocked(query, schema, locked, cancelCause(reason), 'end-unless-undone');
}
