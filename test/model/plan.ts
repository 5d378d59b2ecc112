/**
 * A random workflow as plain data: the tree and what each of its methods does. The class that is run and the reference
 * model are both made from it, and share nothing else.
 */

/** What the method of a member does. */
export interface Act {
  /** The attempts up to this one throw; `Infinity`: all. */
  readonly fails: number;
  /** Throws a FatalError. */
  readonly fatal: boolean;
  /** Throws only in the first round. */
  readonly firstRoundOnly: boolean;
  readonly maxAttempts: number;
  /** ms before each further attempt. */
  readonly delay: number;
  /** Turns of the event loop that it takes. */
  readonly ticks: number;
  /** `value`: returns something that is no object, which only a loop's item may be. */
  readonly returns: 'nothing' | 'added' | 'replaced' | 'written' | 'value';
}

/** How a step is undone, and when. */
export interface Undo {
  readonly name: string;
  readonly when: 'completed' | 'started';
}

/** Jumps to `to` so many times (as counted in the data), and then does what `end` says. */
export interface Jump {
  readonly to: string;
  readonly times: number;
  readonly end: 'return' | 'finish';
}

interface NodeBase {
  readonly name: string;
  readonly act: Act;
}

export interface StepPlan extends NodeBase {
  readonly kind: 'step';
  readonly undo: Undo | null;
}

export interface DecisionPlan extends NodeBase {
  readonly kind: 'decision';
  readonly undo: Undo | null;
  readonly jump: Jump | null;
  readonly maxVisits: number;
}

export interface BranchPlan extends NodeBase {
  readonly kind: 'branch';
  readonly arms: Readonly<Record<string, readonly NodePlan[]>>;
  /** One is picked by the data. */
  readonly values: readonly (string | number | boolean | null)[];
}

export interface ParallelPlan extends NodeBase {
  readonly kind: 'parallel';
  readonly arms: Readonly<Record<string, readonly NodePlan[]>>;
  readonly onError: 'failFast' | 'completeAll';
  readonly concurrency: number | null;
  readonly jump: Jump | null;
}

export interface LoopPlan extends NodeBase {
  readonly kind: 'forEach';
  readonly arm: readonly NodePlan[];
  readonly items: readonly unknown[];
  readonly onError: 'failFast' | 'completeAll';
  readonly concurrency: number;
  readonly results: 'all' | 'none';
}

export type NodePlan = StepPlan | DecisionPlan | BranchPlan | ParallelPlan | LoopPlan;

export interface UndoPlan {
  readonly name: string;
  readonly act: Act;
}

export interface Plan {
  readonly seed: number;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly maxRetries: number;
  readonly nodes: readonly NodePlan[];
  readonly undos: readonly UndoPlan[];
}

/** All members of a tree, in the order that a class must have them: arms after what holds them. */
export function membersOf(nodes: readonly NodePlan[]): NodePlan[] {
  return nodes.flatMap((node) => [node, ...armsOf(node).flatMap(([, arm]) => membersOf(arm))]);
}

export function armsOf(node: NodePlan): [string, readonly NodePlan[]][] {
  if (node.kind === 'forEach') return [['', node.arm]];
  return node.kind === 'branch' || node.kind === 'parallel' ? Object.entries(node.arms) : [];
}
