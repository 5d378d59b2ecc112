/**
 * The one table of run states: every list of states, the allowed transitions and the diagram in lib/README.md come
 * from here, and so does `durable.run_status`, which is how the database derives a run's status.
 */

/** What the row of an unfinished run in the queue says. */
export interface QueueFacts {
  readonly state: 'ready' | 'blocked' | 'sleeping' | 'running';
  readonly paused: boolean;
  readonly compensating: boolean;
  /** It was claimed before. */
  readonly begun: boolean;
}

/** Some of it: several states are any of them. */
type SomeFacts = Partial<Omit<QueueFacts, 'state'>> & { readonly state?: readonly QueueFacts['state'][] };

interface StatusRow {
  /** One sentence for people. */
  readonly meaning: string;
  /** States that can follow, with what leads there. A finished state has none. */
  readonly next: Readonly<Record<string, string>>;
  /**
   * Facts of the row in the queue by which the run is in this state: all of one set. No row fits two states. Null: a
   * finished run has none, and its state is stored.
   */
  readonly row: readonly SomeFacts[] | null;
}

const LEASED = ['running'] as const;
const IDLE = ['ready', 'blocked', 'sleeping'] as const;

export const STATUS_TABLE = {
  pending: {
    meaning: 'not begun: in its queue, or scheduled for later',
    next: {
      running: 'claimed',
      paused: 'pause',
      failed: 'timeout, or its input is not valid',
      cancelled: 'cancel',
    },
    row: [
      { state: ['ready', 'blocked'], paused: false, compensating: false },
      { state: ['sleeping'], paused: false, compensating: false, begun: false },
    ],
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
    row: [{ state: LEASED, compensating: false }],
  },
  waiting: {
    meaning: 'suspended: a wait, a retry delay or a step on another queue; no worker has it',
    next: {
      running: 'wait over, or retry due',
      paused: 'pause',
      failed: 'timeout with nothing to undo',
      cancelled: 'cancel',
    },
    row: [{ state: ['sleeping'], paused: false, compensating: false, begun: true }],
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
    row: [{ state: IDLE, paused: true }],
  },
  completed: { meaning: 'ended with a result', next: {}, row: null },
  failed: { meaning: 'ended with an error', next: {}, row: null },
  cancelled: { meaning: 'ended by a cancel', next: {}, row: null },
  compensating: {
    meaning: 'failed or cancelled, its completed steps are being undone',
    next: {
      waiting: 'retry of a compensation',
      paused: 'pause',
      compensated: 'all undone',
      compensation_failed: 'a compensation has failed for good',
    },
    row: [
      { state: LEASED, compensating: true },
      { state: IDLE, paused: false, compensating: true },
    ],
  },
  compensated: { meaning: 'ended, everything was undone', next: {}, row: null },
  compensation_failed: { meaning: 'ended, at least one compensation failed', next: {}, row: null },
} as const satisfies Record<string, StatusRow>;

/** Status of a run. */
export type ExecutionStatus = keyof typeof STATUS_TABLE;
export type FinishedStatus = 'completed' | 'failed' | 'cancelled' | 'compensated' | 'compensation_failed';

export const EXECUTION_STATUSES = Object.keys(STATUS_TABLE) as ExecutionStatus[];
export const FINISHED_STATUSES = EXECUTION_STATUSES.filter((s): s is FinishedStatus => isFinished(s));

export function isFinished(status: ExecutionStatus): status is FinishedStatus {
  return STATUS_TABLE[status].row === null;
}

/** The diagram of lib/README.md, as Mermaid text. */
export function statusDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> pending'];
  for (const status of EXECUTION_STATUSES) {
    for (const [next, why] of Object.entries(STATUS_TABLE[status].next)) lines.push(`  ${status} --> ${next}: ${why}`);
    if (isFinished(status)) lines.push(`  ${status} --> [*]`);
  }
  return lines.join('\n');
}
