/**
 * The one table of run states: every list of states, the allowed transitions and the diagram in lib/README.md come
 * from here.
 */

interface StatusRow {
  /** One sentence for people. */
  readonly meaning: string;
  /** States that can follow, with what leads there. A finished state has none. */
  readonly next: Readonly<Record<string, string>>;
  readonly finished: boolean;
}

export const STATUS_TABLE = {
  pending: {
    meaning: 'not begun: in its queue, or scheduled for later',
    next: {
      running: 'claimed',
      paused: 'pause',
      failed: 'timeout, or its input is not valid',
      cancelled: 'cancel',
    },
    finished: false,
  },
  running: {
    meaning: 'leased by a worker',
    next: {
      running: 'recovered from a dead worker',
      waiting: 'suspends',
      paused: 'pause, or the engine cannot go on',
      compensating: 'fails or is cancelled with something to undo',
      completed: 'last member recorded',
      failed: 'fails with nothing to undo',
      cancelled: 'cancel',
    },
    finished: false,
  },
  waiting: {
    meaning: 'suspended: a wait, a retry delay or a step on another queue; no worker has it',
    next: {
      running: 'wait over, or retry due',
      paused: 'pause',
      failed: 'timeout with nothing to undo',
      cancelled: 'cancel',
    },
    finished: false,
  },
  paused: {
    meaning: 'nothing further starts until it is resumed',
    next: {
      pending: 'resume before the first claim',
      waiting: 'resume while a wait is open',
      running: 'resume',
      compensating: 'cancel with compensation, or timeout',
      failed: 'timeout with nothing to undo',
      cancelled: 'cancel',
    },
    finished: false,
  },
  completed: { meaning: 'ended with a result', next: {}, finished: true },
  failed: { meaning: 'ended with an error', next: {}, finished: true },
  cancelled: { meaning: 'ended by a cancel', next: {}, finished: true },
  compensating: {
    meaning: 'failed or cancelled, its completed steps are being undone',
    next: {
      waiting: 'retry of a compensation',
      paused: 'pause',
      compensated: 'all undone',
      compensation_failed: 'a compensation has failed for good',
    },
    finished: false,
  },
  compensated: { meaning: 'ended, everything was undone', next: {}, finished: true },
  compensation_failed: { meaning: 'ended, at least one compensation failed', next: {}, finished: true },
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
    for (const [next, why] of Object.entries(STATUS_TABLE[status].next)) lines.push(`  ${status} --> ${next}: ${why}`);
    if (STATUS_TABLE[status].finished) lines.push(`  ${status} --> [*]`);
  }
  return lines.join('\n');
}
