import { seqOf } from '../../core/run/run-state.js';
import type { NewRecord, OpExtras, RunOp } from '../../engine/ports/store.js';

/** Operations of the engine in the form that commit-group.sql takes. */
export function opsJson(ops: readonly RunOp[]): string {
  const sorted = [...ops].sort((a, b) => (a.rowId < b.rowId ? -1 : 1));
  return JSON.stringify(sorted.map(opRow));
}

export function recordsJson(records: readonly NewRecord[]): string {
  return JSON.stringify(records.map(recordRow));
}

// (What is spread stands last here, and in the engine: properties that come after it make V8 set up a hidden class for
// each object, which takes microseconds and stays until the next full collection.)
function opRow({ rowId, runId, token, after, records, outcome }: RunOp): object {
  const row = {
    id: rowId,
    run: runId,
    token,
    after: after[0],
    touches: outcome !== null,
    records: records.map(recordRow),
  };
  if (outcome === null) return row;
  if (outcome.kind === 'end') {
    const { status, dataSeq, error, failedStep, dropSteps, undone } = outcome;
    const failed_step = failedStep ?? undefined;
    return { status, undone, data_seq: dataSeq, error: error ?? undefined, failed_step, drop_steps: dropSteps, ...row };
  }
  const park = {
    delay_ms: outcome.delayMs,
    because: outcome.because ?? undefined,
    pause: outcome.pause,
    holds: outcome.holds,
    snapshot: outcome.snapshot,
    snapshot_seq: outcome.snapshotSeq,
    needs: outcome.needs ?? undefined,
    data_seq: outcome.dataSeq,
    round: outcome.round,
    heard: outcome.heard,
    error: outcome.error,
    as_it_was: outcome.asItWas,
  };
  return { park, ...row };
}

function recordRow(r: NewRecord): object {
  return {
    seq: r.seq,
    input_seq: seqOf(r.input),
    input_item: typeof r.input === 'number' ? undefined : r.input[1],
    retry_ms: r.retryInMs ?? undefined,
    round: r.round,
    visit: r.visit,
    attempt: r.attempt,
    duration_ms: r.durationMs,
    type: r.type,
    status: r.status,
    path: r.path,
    facts: r.facts === null ? undefined : JSON.stringify(r.facts),
    output: r.output ?? undefined,
    error: r.error ?? undefined,
    logs: r.logs ?? undefined,
  };
}

/** Operations in the form that lock-leases.sql and look-again.sql take. */
export function leasesJson(ops: readonly Pick<RunOp, 'rowId' | 'runId' | 'token' | 'records' | 'outcome'>[]): string {
  const sorted = [...ops].sort((a, b) => (a.rowId < b.rowId ? -1 : 1));
  return JSON.stringify(
    sorted.map(({ rowId, runId, token, records, outcome }) => ({
      id: rowId,
      run: runId,
      token,
      seq: records[0]?.seq,
      ends: outcome?.kind === 'end',
    })),
  );
}

/** Operations in the form that commit-extras.sql takes. */
export function extrasJson(ops: readonly { rowId: string; runId: string; extras: OpExtras | null }[]): string {
  return JSON.stringify(
    ops.map(({ rowId, runId, extras }) => ({
      id: rowId,
      run: runId,
      waits: extras?.waits.map((w) => ({
        id: w.id,
        due_at: w.dueAt ?? undefined,
        input_seq: seqOf(w.input),
        child_id: w.childId ?? undefined,
        input_item: typeof w.input === 'number' ? undefined : w.input[1],
        round: w.round,
        visit: w.visit,
        attempt: w.attempt,
        kind: w.kind,
        type: w.type,
        path: w.path,
        key: w.key,
        names: w.names,
        spec: w.spec ?? undefined,
      })),
      closes: extras?.closes,
      close_all: extras?.closeAll,
      drop_steps: extras?.dropSteps,
      remote: extras?.remoteStarts.map((h) => ({ id: h.rowId, queue: h.queue, step: h.step })),
      compensating: extras?.compensating ?? undefined,
      pause: extras?.pause ?? undefined,
    })),
  );
}
