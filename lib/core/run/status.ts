/**
 * The one table of run states: every list of states, the allowed transitions and the diagram in lib/README.md come
 * from here.
 */

interface StatusRow {
  /** One sentence for people. */
  readonly meaning: string;
  /** States that can follow. A finished state has none. */
  readonly next: readonly string[];
  readonly finished: boolean;
}

export const STATUS_TABLE = {
  pending: {
    meaning: 'not begun: in its queue, or scheduled for later',
    next: ['running', 'paused', 'failed', 'cancelled'],
    finished: false,
  },
  running: {
    meaning: 'held by a worker',
    next: ['running', 'waiting', 'paused', 'compensating', 'completed', 'failed', 'cancelled'],
    finished: false,
  },
  waiting: {
    meaning: 'suspended: a wait, a retry delay or a step on another queue; holds no worker',
    next: ['running', 'paused', 'failed', 'cancelled'],
    finished: false,
  },
  paused: {
    meaning: 'nothing further starts until it is resumed',
    next: ['pending', 'waiting', 'running', 'compensating', 'failed', 'cancelled'],
    finished: false,
  },
  completed: { meaning: 'ended with a result', next: [], finished: true },
  failed: { meaning: 'ended with an error', next: [], finished: true },
  cancelled: { meaning: 'ended by a cancel', next: [], finished: true },
  compensating: {
    meaning: 'failed or cancelled, its completed steps are being undone',
    next: ['waiting', 'paused', 'compensated', 'compensation_failed'],
    finished: false,
  },
  compensated: { meaning: 'ended, everything was undone', next: [], finished: true },
  compensation_failed: { meaning: 'ended, at least one compensation failed', next: [], finished: true },
} as const satisfies Record<string, StatusRow>;

/** Status of a run. */
export type ExecutionStatus = keyof typeof STATUS_TABLE;
export type FinishedStatus = 'completed' | 'failed' | 'cancelled' | 'compensated' | 'compensation_failed';

export const EXECUTION_STATUSES = Object.keys(STATUS_TABLE) as ExecutionStatus[];
export const FINISHED_STATUSES = EXECUTION_STATUSES.filter((s): s is FinishedStatus => STATUS_TABLE[s].finished);

export function isFinished(status: ExecutionStatus): status is FinishedStatus {
  return STATUS_TABLE[status].finished;
}

/** The diagram of lib/README.md, as Mermaid text. */
export function statusDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> pending'];
  for (const status of EXECUTION_STATUSES) {
    for (const next of STATUS_TABLE[status].next) lines.push(`  ${status} --> ${next}`);
    if (STATUS_TABLE[status].finished) lines.push(`  ${status} --> [*]`);
  }
  return lines.join('\n');
}
