import type { ClaimedRow, NewRecord } from '../../lib/engine/ports/store.js';

/** A record as it stands in the journal. */
export interface StoredRecord extends Omit<NewRecord, 'retryInMs'> {
  readonly token: number;
  readonly retryAt: number | null;
}

export interface StoredRun {
  readonly id: string;
  readonly workflow: string;
  readonly input: string;
  /** In the order in which they were committed. */
  readonly records: StoredRecord[];
  readonly bySeq: Map<number, StoredRecord>;
  /** The attempts that are recorded. */
  readonly attempts: Set<string>;
  /** The same by round, path and number only: visits are counted in another way by others. */
  readonly made: Set<string>;
  status: string;
  dataSeq: number;
  snapshot: string | null;
  snapshotSeq: number;
  round: number;
  error: string | null;
  /** Of the lease that ended it. */
  endToken: number | null;
}

export interface QueueRow {
  readonly id: string;
  readonly definitionId: number;
  token: number;
  worker: number | null;
  state: 'ready' | 'running' | 'sleeping';
  dueAt: number;
  recoveries: number;
  progressSeq: number;
}

const ATTEMPTS: readonly string[] = ['step', 'decision', 'branch', 'parallel', 'forEach', 'compensate', 'gather'];

export function isAttempt({ type }: Pick<NewRecord, 'type'>): boolean {
  return ATTEMPTS.includes(type);
}

interface Attempt extends Pick<NewRecord, 'round' | 'path' | 'visit' | 'attempt'> {
  readonly type: string;
}

/** What no two records of attempts have in common. */
export function attemptOf(record: Attempt): string {
  const { type, round, path, visit, attempt } = record;
  return `${type === 'gather' ? 'gather of ' : ''}${path} #${visit} attempt ${attempt} in round ${round}`;
}

/** See `StoredRun.made`. */
export function madeOf({ round, path, attempt }: Pick<NewRecord, 'round' | 'path' | 'attempt'>): string {
  return `${round} ${path} ${attempt}`;
}

/** What a worker is told of a row that it takes. */
export function claimedRow(row: QueueRow, run: StoredRun): ClaimedRow {
  const { workflow, input, snapshot, snapshotSeq, round } = run;
  return {
    rowId: row.id,
    runId: row.id,
    token: row.token,
    workflow,
    definitionId: row.definitionId,
    ranBy: row.definitionId,
    queue: 'default',
    input,
    snapshot,
    snapshotSeq,
    round,
    fresh: row.token === 1,
    recoveries: row.recoveries,
    deadlineInMs: null,
    step: null,
    priority: 0,
    parentId: null,
    cancel: null,
    scheduledTime: null,
  };
}
