import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { didYouMean } from '../../core/did-you-mean.js';
import { ExecutionNotFinishedError } from '../../core/errors/errors-client.js';
import { ExecutionNotFoundError, InvalidInputError } from '../../core/errors/errors.js';
import type { MachineRecord, RecordFacts, RecordType } from '../../core/run/machine.js';
import { recordsBefore, restartPlace } from '../../core/run/restart.js';
import { changeOnce } from '../connection/once.js';
import { sql } from '../sql.js';
import { laneOf, type Lender, type Query } from '../connection/transaction.js';

interface SourceRow {
  readonly status: string;
  readonly workflow: string;
  readonly round: number;
  readonly definition: WorkflowDefinition;
}

interface RecordRow {
  readonly seq: number;
  readonly path: string;
  readonly type: RecordType;
  readonly visit: number;
  readonly attempt: number;
  readonly status: 'completed' | 'failed';
  readonly has_output: boolean;
  readonly facts: string | null;
  readonly retry_at: number | null;
}

export interface RestartRequest {
  readonly newId: string;
  readonly runId: string;
  readonly step: string;
  /** Of the calling code, where that is traced. */
  readonly traceparent: string | null;
}

/**
 * Starts a run that takes over what another one recorded before a step (its last visit), and goes on from there.
 *
 * @returns the queue that has work now, and the run's workflow
 * @throws ExecutionNotFoundError, ExecutionNotFinishedError
 * @throws InvalidInputError for a step that there is none of, that was not reached, that stands in a parallel or a loop,
 * and for a run that was undone
 */
export function restartFrom(
  pool: Lender,
  schema: string,
  { newId, runId, step, traceparent }: RestartRequest,
): Promise<{ queue: string; workflow: string }> {
  const restarted = async (query: Query): Promise<{ queue: string; workflow: string }> => {
    const [source] = await query<SourceRow>(sql('restart-source', schema), [runId]);
    if (source === undefined) throw new ExecutionNotFoundError(runId);
    if (source.status === 'active') throw new ExecutionNotFinishedError(runId, 'restartFrom');
    const rows = await query<RecordRow>(sql('restart-records', schema), [runId, source.round]);
    const last = lastToTakeOver(source, rows, step);
    const parameters = [newId, runId, source.round, last, traceparent];
    const [started] = await query<{ queue: string }>(sql('restart-run', schema), parameters);
    return { queue: started?.queue ?? '', workflow: source.workflow };
  };
  return changeOnce(laneOf(pool), schema, restarted, `run ${runId}`);
}

function lastToTakeOver({ workflow, definition }: SourceRow, rows: readonly RecordRow[], step: string): number {
  const refuse = (message: string): never => {
    throw new InvalidInputError('restartFrom()', [{ path: 'step', message }]);
  };
  const place = restartPlace(definition, step);
  if (place.kind === 'unknown') {
    return refuse(`workflow "${workflow}" has no step "${step}".${didYouMean(step, place.known)}`);
  }
  if (place.kind === 'within') {
    return refuse(`"${step}" stands in "${place.fanOut}", whose other arms or items would be lost: restart from that`);
  }
  if (rows.some((row) => row.type === 'compensate')) {
    return refuse('steps of the execution were undone, so that there is nothing to go on from: use retry()');
  }
  const records = rows.map(machineRecord);
  const count = recordsBefore(definition, records, place.path);
  if (count === null) return refuse(`the execution never came to "${step}"`);
  return records.slice(0, count).reduce((most, record) => Math.max(most, record.seq), 0);
}

function machineRecord({ has_output, retry_at, facts, ...row }: RecordRow): MachineRecord {
  const read = facts === null ? null : (JSON.parse(facts) as RecordFacts);
  return { ...row, hasOutput: has_output, retryAt: retry_at, facts: read };
}
