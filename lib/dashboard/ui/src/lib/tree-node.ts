import type { LoopRow, Status, StepRow } from './types.js';

export type BarKind = 'done' | 'run' | 'fail' | 'wait' | 'back' | 'undo' | 'queued' | 'group';

export interface Bar {
  readonly kind: BarKind;
  readonly from: number;
  /** null: until now */
  readonly to: number | null;
}

export type NodeStatus = Status | 'waiting' | 'pending';

export interface TreeNode {
  /** Unique in the tree: the path, with the number of an attempt behind it. */
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly note: string;
  readonly kind:
    | 'step'
    | 'branch'
    | 'parallel'
    | 'forEach'
    | 'arm'
    | 'item'
    | 'attempt'
    | 'rollback'
    | 'compensation'
    | 'loop'
    | 'child';
  readonly status: NodeStatus;
  readonly from: number | null;
  /** null while it goes on */
  readonly to: number | null;
  readonly bars: readonly Bar[];
  readonly children: readonly TreeNode[];
  /** Its own attempts, in order. */
  readonly attempts: readonly StepRow[];
  readonly loop?: LoopRow;
  readonly childId?: string;
  /** Whether it is open until somebody folds it. */
  readonly open: boolean;
}

/** What the members of a run are drawn from. */
export interface TreeContext {
  readonly records: ReadonlyMap<string, StepRow[]>;
  readonly loops: ReadonlyMap<string, LoopRow>;
  /** Indexes of the items of a loop that have records. */
  readonly items: ReadonlyMap<string, number[]>;
  readonly waits: ReadonlyMap<string, number[]>;
  readonly undone: ReadonlySet<string>;
  readonly finished: boolean;
  readonly retrying: boolean;
}

/** ms since the epoch. */
export const ms = (at: string | null): number | null => (at === null ? null : Date.parse(at));

export const isEnded = (status: string): boolean =>
  ['completed', 'failed', 'cancelled', 'compensated', 'compensation_failed'].includes(status);

export function push(map: Map<string, StepRow[]>, key: string, row: StepRow): void {
  const of = map.get(key);
  if (of === undefined) map.set(key, [row]);
  else of.push(row);
}
