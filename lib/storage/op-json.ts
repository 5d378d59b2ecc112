import type { NewRecord, RunOp, StartOp } from '../engine/store.js';

/** Operations of the engine in the form that commit-group.sql takes. */
export function opsJson(ops: readonly RunOp[]): string {
  const sorted = [...ops].sort((a, b) => (a.rowId < b.rowId ? -1 : 1));
  return JSON.stringify(sorted.map(opRow));
}

export function recordsJson(records: readonly NewRecord[]): string {
  return JSON.stringify(records.map(recordRow));
}

export function startsJson(starts: readonly StartOp[]): string {
  return JSON.stringify(
    starts.map((s) => ({
      id: s.id,
      workflow: s.workflow,
      definition_id: s.definitionId,
      queue: s.queue,
      priority: s.priority,
      tags: s.tags ?? undefined,
      delay_ms: s.delayMs,
      scheduled_at: s.scheduledAt ?? undefined,
      retry_of: s.retryOf ?? undefined,
      timeout: s.timeout ?? undefined,
      claim: s.claim,
      input: s.input,
    })),
  );
}

function opRow({ rowId, runId, token, records, outcome }: RunOp): object {
  const row = { id: rowId, run: runId, token, touches: outcome !== null, records: records.map(recordRow) };
  if (outcome === null) return row;
  if (outcome.kind === 'end') {
    const { status, dataSeq, error, dropSteps } = outcome;
    return { ...row, status, data_seq: dataSeq, error: error ?? undefined, drop_steps: dropSteps };
  }
  const { handOver } = outcome;
  const park = {
    delay_ms: outcome.delayMs,
    pause: outcome.pause,
    snapshot: outcome.snapshot,
    snapshot_seq: outcome.snapshotSeq,
    data_seq: outcome.dataSeq,
    round: outcome.round,
    error: outcome.error,
    step_id: handOver?.rowId,
    step_queue: handOver?.queue,
    step: handOver?.step,
  };
  return { ...row, park };
}

function recordRow(r: NewRecord): object {
  return {
    seq: r.seq,
    input_seq: r.inputSeq,
    retry_ms: r.retryInMs ?? undefined,
    round: r.round,
    visit: r.visit,
    attempt: r.attempt,
    duration_ms: r.durationMs,
    type: r.type,
    status: r.status,
    path: r.path,
    output: r.output ?? undefined,
    error: r.error ?? undefined,
  };
}
