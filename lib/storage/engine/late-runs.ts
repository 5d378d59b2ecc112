import { encode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { WorkflowTimeoutError } from '../../core/errors/errors.js';
import { undoList } from '../../core/run/undo-list.js';
import type { LateRuns } from '../../engine/ports/store.js';
import { cancelCause, endLocked, lockFreeTrees, type LockedRun, type RunEnding } from './cancel-tree.js';
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
  /** The definition has compensations. */
  readonly undoable: boolean;
}

/** Locked late runs, with all that is below them. */
interface LockedLate {
  readonly late: readonly LateRun[];
  readonly runs: readonly LockedRun[];
  /** True: others of them were locked. */
  readonly left: boolean;
}

/**
 * Acts on the timeout of runs without a lease, wherever they stand, with no lease and no place: one with nothing to undo ends
 * as failed, with all that is below it; one with something to undo is claimed for that. In one transaction, which waits for no
 * lock.
 */
export async function endLate(query: Query, schema: string, ids: readonly string[]): Promise<LateRuns> {
  const { late, runs, left } = await lockLate(query, schema, ids);
  const ending: RunEnding[] = [];
  const undo: { id: string; error: string }[] = [];
  const definitions = new Map<number, WorkflowDefinition>();
  for (const run of late) {
    const error = encode(toStoredError(new WorkflowTimeoutError(run.workflow, run.timeout)));
    if (await hasUndo(query, schema, run, definitions)) undo.push({ id: run.id, error });
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
  if (tree !== null) return { late, runs: [...tree.runs.values()], left: false };
  if (ids.length === 1) return { late: [], runs: [], left: true };
  const half = ids.length >> 1;
  const first = await lockLate(query, schema, ids.slice(0, half));
  const second = await lockLate(query, schema, ids.slice(half));
  const seen = new Set(first.runs.map(({ id }) => id));
  return {
    late: [...first.late, ...second.late],
    runs: [...first.runs, ...second.runs.filter(({ id }) => !seen.has(id))],
    left: first.left || second.left,
  };
}

/** True when a rollback of it would have anything to do beside the end itself. */
async function hasUndo(
  query: Query,
  schema: string,
  { id, round, definitionId, undoable }: LateRun,
  definitions: Map<number, WorkflowDefinition>,
): Promise<boolean> {
  if (!undoable) return false;
  let definition = definitions.get(definitionId);
  if (definition === undefined) {
    const [row] = await query<{ definition: WorkflowDefinition }>(sql('load-definition', schema), [definitionId]);
    if (row === undefined) return true;
    definition = row.definition;
    definitions.set(definitionId, definition);
  }
  const records = await query<UndoRow>(sql('load-undo', schema), [id, round]);
  const list = undoList(definition, records.map(undoRecord));
  return !Array.isArray(list) || list.length > 0;
}
