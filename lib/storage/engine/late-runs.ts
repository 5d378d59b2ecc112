import { encode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { WorkflowTimeoutError } from '../../core/errors/errors.js';
import { undoList } from '../../core/run/undo-list.js';
import type { EndedTree, LateRuns } from '../../engine/ports/store.js';
import { isLockTimeout } from '../connection/connection-errors.js';
import { cancelCause, endLocked, lockFreeTrees, lockTrees, type LockedRun, type RunEnding } from './cancel-tree.js';
import { undoRecord, type UndoRow } from './engine-rows.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

/** A run without a lease whose timeout is over. */
interface LateRun {
  readonly id: string;
  readonly workflow: string;
  readonly round: number;
  /** The one that it ran by last. */
  readonly definitionId: number;
  /** ms */
  readonly timeout: number;
  /** A worker has a step of it on another queue. */
  readonly isAway: boolean;
}

/** Locked late runs, with all that is below them. */
interface LockedLate {
  readonly late: readonly LateRun[];
  readonly runs: readonly LockedRun[];
  /** Those of them of which somebody had a row locked. */
  readonly left: readonly string[];
}

/** Late runs that were ended or are to be undone, and those that were left, since a row of theirs is locked. */
interface LateTrees extends EndedTree {
  readonly left: readonly string[];
}

/** Runs whose locks are waited for in one look. */
const WAITED_FOR = 3;

/**
 * Acts on the timeout of runs without a lease, wherever they stand, with no lease and no place: one with nothing to undo ends
 * as failed, with all that is below it; one with something to undo is claimed for that. All of them in one transaction, which
 * waits for no lock; then some of those of which something was locked, each in one that waits a short time for each lock: in a
 * large tree whose runs are busy something is locked whenever it is looked at.
 * @param once does something in a transaction
 */
export async function endLateRuns(
  once: <T>(work: (query: Query) => Promise<T>) => Promise<T>,
  schema: string,
  ids: readonly string[],
): Promise<LateRuns> {
  const first = await once(async (query) => endAll(query, schema, await lockLate(query, schema, ids)));
  const trees = [first];
  // Others than last time, should nobody get hold of those.
  const some = inAnyOrder(first.left).slice(0, WAITED_FOR);
  for (const id of some) trees.push(await once((query) => endWaiting(query, schema, id)));
  return {
    left: first.left.length > some.length || trees.slice(1).some(({ left }) => left.length > 0),
    ended: trees.flatMap(({ ended }) => ended),
    undoing: trees.flatMap(({ undoing }) => undoing),
    woken: trees.flatMap(({ woken }) => woken),
  };
}

async function endWaiting(query: Query, schema: string, id: string): Promise<LateTrees> {
  let late: LateRun[] = [];
  const choose = async (): Promise<{ roots: string[] }> => {
    late = await query<LateRun>(sql('late-runs', schema), [[id]]);
    return { roots: late.map((run) => run.id) };
  };
  try {
    const tree = await lockTrees(query, schema, choose);
    return await endAll(query, schema, { late, runs: [...tree.runs.values()], left: [] });
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    await query('ROLLBACK TO SAVEPOINT before_locks', []);
    return { left: [id], ended: [], undoing: [], woken: [] };
  }
}

async function endAll(query: Query, schema: string, { late, runs, left }: LockedLate): Promise<LateTrees> {
  const ending: RunEnding[] = [];
  const undo: { id: string; error: string }[] = [];
  const stored = new StoredDefinitions(query, schema);
  for (const run of late) {
    const error = encode(toStoredError(new WorkflowTimeoutError(run.workflow, run.timeout)));
    if (await hasUndo(query, schema, run, stored)) undo.push({ id: run.id, error });
    else ending.push({ id: run.id, status: 'failed', error, reason: null });
  }
  const own = new Set(late.map(({ id }) => id));
  const { error, reason } = cancelCause('The parent run was failed: it did not end within its timeout.');
  for (const { id, cancel } of runs) {
    // One that is to be undone is left to that.
    if (!own.has(id) && cancel === null) ending.push({ id, status: 'cancelled', error, reason });
  }
  return { left, ...(await endLocked(query, schema, ending, undo)) };
}

/** Locks the late runs and their trees; a tree of which another transaction has a row locked is left out. */
async function lockLate(query: Query, schema: string, ids: readonly string[]): Promise<LockedLate> {
  let late: LateRun[] = [];
  const choose = async (): Promise<{ roots: string[] }> => {
    late = await query<LateRun>(sql('late-runs', schema), [ids]);
    return { roots: late.map(({ id }) => id) };
  };
  const tree = await lockFreeTrees(query, schema, choose);
  if (tree !== null) return { late, runs: [...tree.runs.values()], left: [] };
  if (ids.length === 1) return { late: [], runs: [], left: ids };
  const half = ids.length >> 1;
  const first = await lockLate(query, schema, ids.slice(0, half));
  const second = await lockLate(query, schema, ids.slice(half));
  const seen = new Set(first.runs.map(({ id }) => id));
  return {
    late: [...first.late, ...second.late],
    runs: [...first.runs, ...second.runs.filter(({ id }) => !seen.has(id))],
    left: [...first.left, ...second.left],
  };
}

/** True when a rollback of it would have anything to do beside the end itself. */
async function hasUndo(query: Query, schema: string, run: LateRun, stored: StoredDefinitions): Promise<boolean> {
  const undoing = await stored.undoing(run.workflow);
  if (undoing.length === 0) return false;
  // What that has made by now is recorded within the grace.
  if (run.isAway) return true;
  const definition = await stored.byId(run.definitionId);
  if (definition === null) return true;
  const records = await query<UndoRow>(sql('load-undo', schema), [run.id, run.round]);
  const list = undoList(definition, records.map(undoRecord), undoing);
  return !Array.isArray(list) || list.length > 0;
}

/** Stored definitions, each read once in a transaction. */
class StoredDefinitions {
  private readonly ids = new Map<number, WorkflowDefinition | null>();
  private readonly names = new Map<string, readonly WorkflowDefinition[]>();

  constructor(
    private readonly query: Query,
    private readonly schema: string,
  ) {}

  async byId(id: number): Promise<WorkflowDefinition | null> {
    let found = this.ids.get(id);
    if (found === undefined) {
      [found = null] = await this.read('load-definition', id);
      this.ids.set(id, found);
    }
    return found;
  }

  /** Those of a workflow that have compensations. */
  async undoing(workflow: string): Promise<readonly WorkflowDefinition[]> {
    let found = this.names.get(workflow);
    if (found === undefined) {
      found = await this.read('undoing-definitions', workflow);
      this.names.set(workflow, found);
    }
    return found;
  }

  private async read(statement: string, value: unknown): Promise<WorkflowDefinition[]> {
    const rows = await this.query<{ definition: WorkflowDefinition }>(sql(statement, this.schema), [value]);
    return rows.map(({ definition }) => definition);
  }
}

function inAnyOrder<T>(list: readonly T[]): T[] {
  const places = list.map((one) => ({ one, at: Math.random() }));
  return places.toSorted((a, b) => a.at - b.at).map(({ one }) => one);
}
