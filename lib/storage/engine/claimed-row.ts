import type * as port from '../../engine/ports/store.js';

/** A row as the statements that claim give it. */
export interface ClaimRow {
  readonly id: string;
  readonly run_id: string;
  readonly token: number;
  readonly queue: string;
  readonly definition_id: number;
  readonly ran_by: number;
  readonly recoveries: number;
  readonly step: string | null;
  readonly cancel: string | null;
  readonly priority: number;
  readonly deadline_in_ms: number | null;
  readonly fresh: boolean;
  readonly workflow: string;
  readonly input: string;
  readonly snapshot: string | null;
  readonly snapshot_seq: number;
  readonly round: number;
  readonly parent_id: string | null;
  /** ms */
  readonly schedule_time: number | null;
  readonly traceparent: string | null;
  readonly lag_ms: number | null;
  readonly age_ms: number | null;
}

/** Definitions in the form that the statements which claim take. */
export function claimableJson(definitions: readonly port.Claimable[]): string {
  return JSON.stringify(definitions.map(({ id, runAs, timeout }) => ({ id, run_as: runAs, timeout })));
}

export function claimedRow(row: ClaimRow): port.ClaimedRow {
  return {
    rowId: row.id,
    runId: row.run_id,
    token: row.token,
    workflow: row.workflow,
    definitionId: row.definition_id,
    ranBy: row.ran_by,
    queue: row.queue,
    input: row.input,
    snapshot: row.snapshot,
    snapshotSeq: row.snapshot_seq,
    round: row.round,
    fresh: row.fresh,
    recoveries: row.recoveries,
    deadlineInMs: row.deadline_in_ms,
    step: row.step,
    scheduledTime: row.schedule_time,
    priority: row.priority,
    parentId: row.parent_id,
    cancel: row.cancel,
    traceparent: row.traceparent,
    lagMs: row.lag_ms ?? 0,
    ageMs: row.age_ms ?? 0,
  };
}

/** A start that was leased as it was written: the row that a claim of it would have given. */
export function leasedStart(start: port.StartOp, { runAs, timeout }: port.Claimable): port.ClaimedRow {
  const { id, workflow, definitionId, queue, input, priority, parentId, traceparent } = start;
  return {
    rowId: id,
    runId: id,
    token: 1,
    workflow,
    definitionId: runAs,
    ranBy: definitionId,
    queue,
    input,
    snapshot: null,
    snapshotSeq: 0,
    round: 1,
    fresh: true,
    recoveries: 0,
    deadlineInMs: timeout,
    step: null,
    scheduledTime: null,
    priority,
    parentId,
    cancel: null,
    traceparent,
    lagMs: 0,
    ageMs: 0,
  };
}
