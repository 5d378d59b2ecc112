import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { didYouMean } from '../../core/did-you-mean.js';
import { ExecutionNotFinishedError } from '../../core/errors/errors-client.js';
import { ExecutionNotFoundError, InvalidInputError } from '../../core/errors/errors.js';
import type { MachineRecord, RecordFacts } from '../../core/run/machine.js';
import { recordsBefore, restartPlace, type RestartPoint, stepsToRestart } from '../../core/run/restart.js';
import { changeOnce } from '../connection/once.js';
import { sql } from '../sql.js';
import type { Lender, Query } from '../connection/transaction.js';

interface SourceRow {
  readonly status: string;
  readonly workflow: string;
  readonly round: number;
  readonly definition: WorkflowDefinition;
}

/** A record as transitions read it, but for its facts. */
interface RecordRow extends Omit<MachineRecord, 'facts'> {
  readonly facts: string | null;
}

export interface RestartRequest {
  readonly newId: string;
  readonly runId: string;
  readonly step: string;
  /** Of the calling code, where that is traced. */
  readonly traceparent: string | null;
  /** True: not where the run was started anew before. */
  readonly once: boolean;
}

/** Whether a run was retried or restarted before. Of several callers one at a time looks, and starts it anew or not. */
export async function wasStartedAnew(query: Query, schema: string, runId: string): Promise<boolean> {
  await query(sql('lock-retry-source', schema), [runId]);
  return (await query(sql('retried-runs', schema), [[runId]])).length > 0;
}

/**
 * Starts a run that takes over what another one recorded before a step (its last visit), and goes on from there.
 *
 * @returns the queue that has work now, and the run's workflow; null, with `once`: it was started anew before
 * @throws ExecutionNotFoundError, ExecutionNotFinishedError
 * @throws InvalidInputError for a step that there is none of, that was not reached, that stands in a parallel or a loop,
 * and for a run that was undone
 */
export function restartFrom(
  lane: Lender,
  schema: string,
  { newId, runId, step, traceparent, once }: RestartRequest,
): Promise<{ queue: string; workflow: string } | null> {
  const restarted = async (query: Query): Promise<{ queue: string; workflow: string } | null> => {
    if (once && (await wasStartedAnew(query, schema, runId))) return null;
    const [source] = await query<SourceRow>(sql('restart-source', schema), [runId]);
    if (source === undefined) throw new ExecutionNotFoundError(runId);
    if (source.status === 'active') throw new ExecutionNotFinishedError(runId, 'restartFrom');
    const rows = await query<RecordRow>(sql('restart-records', schema), [runId, source.round]);
    const last = lastToTakeOver(source, rows, step);
    const parameters = [newId, runId, source.round, last, traceparent];
    const [started] = await query<{ queue: string }>(sql('restart-run', schema), parameters);
    return { queue: started?.queue ?? '', workflow: source.workflow };
  };
  return changeOnce(lane, schema, restarted, `run ${runId}`);
}

/**
 * The steps of a run's definition, and which of them `restartFrom` takes.
 * @throws ExecutionNotFoundError
 */
export async function restartPoints(query: Query, schema: string, runId: string): Promise<RestartPoint[]> {
  const [source] = await query<SourceRow>(sql('restart-look', schema), [runId]);
  if (source === undefined) throw new ExecutionNotFoundError(runId);
  const rows =
    source.status === 'active' ? [] : await query<RecordRow>(sql('restart-records', schema), [runId, source.round]);
  const steps = stepsToRestart(source.definition);
  const paths = steps.filter(({ fanOut }) => fanOut === null).map(({ path }) => path);
  const before = recordsBefore(source.definition, rows.map(machineRecord), paths);
  const wasUndone = isUndone(rows);
  return steps.map(({ step, fanOut, path }) => {
    const why =
      source.status === 'active'
        ? 'the run has not ended'
        : whyNot(step, fanOut, wasUndone, before === null ? null : before.has(path));
    return why === null ? { step, ok: true } : { step, ok: false, why };
  });
}

function lastToTakeOver({ workflow, definition }: SourceRow, rows: readonly RecordRow[], step: string): number {
  const refuse = (message: string): never => {
    throw new InvalidInputError('restartFrom()', [{ path: 'step', message }]);
  };
  const place = restartPlace(definition, step);
  if (place.kind === 'unknown') {
    return refuse(`workflow "${workflow}" has no step "${step}".${didYouMean(step, place.known)}`);
  }
  const records = rows.map(machineRecord);
  const before = place.kind === 'within' ? null : recordsBefore(definition, records, [place.path]);
  const count = place.kind === 'within' ? 0 : before?.get(place.path);
  const why = whyNot(
    step,
    place.kind === 'within' ? place.fanOut : null,
    isUndone(rows),
    before && count !== undefined,
  );
  if (why !== null) return refuse(why);
  return records.slice(0, count).reduce((most, record) => Math.max(most, record.seq), 0);
}

function isUndone(rows: readonly RecordRow[]): boolean {
  return rows.some((row) => row.type === 'compensate');
}

/** Null: it can. @param reached null: the journal is not one of the run's definition */
function whyNot(step: string, fanOut: string | null, wasUndone: boolean, reached: boolean | null): string | null {
  if (fanOut !== null) {
    return `"${step}" stands in "${fanOut}", whose other arms or items would be lost: restart from that`;
  }
  if (wasUndone) {
    return 'steps of the run were undone, so that there is nothing to go on from: retry it as a whole';
  }
  if (reached === null) {
    return 'what the run recorded does not fit the stored code of its workflow: retry it as a whole';
  }
  return reached ? null : `the run never came to "${step}"`;
}

/** Few records have facts: of ten thousand no further objects are made. */
function machineRecord(row: RecordRow): MachineRecord {
  return row.facts === null ? (row as MachineRecord) : { ...row, facts: JSON.parse(row.facts) as RecordFacts };
}
