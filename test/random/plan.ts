/**
 * A random workflow as plain data, with all that its steps do: wait, call children, fail for a while. The class that is run
 * (plan-class.ts) and what must come of it (expected.ts) are made from it. test/model has the same for trees alone, record by
 * record; here it is the waits, the limits and what people do meanwhile, and only results are looked at.
 */

import type { Insertion } from './versions.js';

/** What becomes of a name that is waited for: `sent` for certain, `never`, `maybe`, or `told` by a step of the run itself. */
export type Fate = 'sent' | 'never' | 'maybe' | 'told';

export type WaitAct =
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'event'; readonly name: string; readonly limit: Limit | null }
  | { readonly do: 'any'; readonly names: readonly string[]; readonly limit: Limit | null }
  | { readonly do: 'all'; readonly names: readonly string[]; readonly limit: Limit | null }
  | { readonly do: 'input'; readonly name: string; readonly asks: keyof typeof ANSWERS; readonly limit: Limit | null }
  | { readonly do: 'child'; readonly plan: number; readonly ref: string | null; readonly limit: Limit | null };

export type Act =
  | WaitAct
  /** An effect that takes some time, noted at its begin and end. */
  | { readonly do: 'work'; readonly ms: number }
  | { readonly do: 'once'; readonly name: string; readonly ms: number }
  /** A child that is not waited for, unless a later act has the same ref. */
  | { readonly do: 'start'; readonly plan: number; readonly ref: string }
  /** Sends the run itself an event. */
  | { readonly do: 'tell'; readonly name: string }
  /** Throws so many times, however many attempts and rounds that takes. */
  | { readonly do: 'fail'; readonly times: number }
  | { readonly do: 'doom'; readonly how: 'error' | 'fatal' }
  /** Goes on past the step's timeout the first time. */
  | { readonly do: 'hang' }
  | { readonly do: 'race' | 'both'; readonly acts: readonly WaitAct[] };

/** ms of a limit that no wait comes to. */
export const FAR = 1_200_000;

/** Of a wait. `value`: it returns one then; `throw`: the step catches it; `fail`: the run fails. */
export interface Limit {
  readonly ms: number;
  readonly ends: 'value' | 'throw' | 'fail';
}

export interface StepPlan {
  readonly kind: 'step' | 'decision';
  readonly name: string;
  readonly acts: readonly Act[];
  readonly returns: 'data' | 'written' | 'nothing';
  readonly transactional: boolean;
  readonly queue: string | null;
  readonly maxAttempts: number;
  readonly delay: number;
  readonly timeout: number | null;
  readonly undo: { readonly name: string; readonly when: 'completed' | 'started' } | null;
  /** Of a decision: a member before it in its sequence that it jumps back to, so many times. */
  readonly jump: { readonly to: string; readonly times: number } | null;
}

/** A step with no options. */
export function bareStep(name: string, acts: readonly Act[]): StepPlan {
  return {
    kind: 'step',
    name,
    acts,
    returns: 'data',
    transactional: false,
    queue: null,
    maxAttempts: 1,
    delay: 0,
    timeout: null,
    undo: null,
    jump: null,
  };
}

/** What a selector or a collector does before it returns. */
interface Selecting {
  readonly acts: readonly Act[];
  readonly maxAttempts: number;
}

export interface BranchPlan extends Selecting {
  readonly kind: 'branch';
  readonly name: string;
  readonly pick: string;
  readonly arms: Readonly<Record<string, readonly NodePlan[]>>;
}

export interface ParallelPlan extends Selecting {
  readonly kind: 'parallel';
  readonly name: string;
  readonly arms: Readonly<Record<string, readonly NodePlan[]>>;
  readonly onError: 'failFast' | 'completeAll';
  readonly concurrency: number | null;
}

export interface LoopPlan extends Selecting {
  readonly kind: 'forEach';
  readonly name: string;
  readonly count: number;
  readonly arm: readonly NodePlan[];
  readonly onError: 'failFast' | 'completeAll';
  readonly concurrency: number;
  readonly results: 'all' | 'none';
}

export type NodePlan = StepPlan | BranchPlan | ParallelPlan | LoopPlan;

export interface UndoPlan {
  readonly name: string;
  /** It throws so many times. */
  readonly fails: number;
  readonly transactional: boolean;
}

export interface Plan {
  readonly index: number;
  readonly name: string;
  readonly queue: string;
  readonly priority: number;
  readonly maxRetries: number;
  readonly timeout: number | null;
  readonly concurrency: { readonly limit: number; readonly hold: 'working' | 'run' } | null;
  /** Its runs, children among them, may be cancelled from outside. */
  readonly cancelled: boolean;
  /** So may waits of its runs be. */
  readonly waitsCancelled: boolean;
  readonly nodes: readonly NodePlan[];
  readonly undos: readonly UndoPlan[];
  /** Where later versions have a step more; as many members of the main sequence come before it. */
  readonly later: number;
  /** Where they have another one; null: nowhere. */
  readonly laterWithin: Insertion | null;
  /** Member of the main sequence that one of them has under another name, with nothing in it that is undone; null: none. */
  readonly renamed: string | null;
  /** Compensation that one of them does not have; null: it has all. */
  readonly dropped: string | null;
}

export const QUEUES = ['default', 'elsewhere', 'narrow', 'rated'] as const;

/** What the inputs are answered with. */
export const ANSWERS = { approval: 'approved', choice: 'b', text: 'words', form: { size: 3 } } as const;

export function fateOf(name: string): Fate {
  return /^[a-z]+/.exec(name)?.[0] as Fate;
}

/** Name of an event as the plan has it, without the item that waits for it. */
export function baseOf(name: string): string {
  return name.replace(/\..*$/, '');
}

export function payloadOf(name: string): object {
  return { of: baseOf(name) };
}

/** Whether a step that does this fails for good. */
export function isDoom(act: Act): boolean {
  return act.do === 'doom' || (act.do === 'event' && act.limit?.ends === 'fail' && fateOf(act.name) === 'never');
}

export function armsOf(node: NodePlan): [string, readonly NodePlan[]][] {
  if (node.kind === 'forEach') return [['', node.arm]];
  return node.kind === 'branch' || node.kind === 'parallel' ? Object.entries(node.arms) : [];
}

/** All members of a tree, arms after what has them. */
export function membersOf(nodes: readonly NodePlan[]): NodePlan[] {
  return nodes.flatMap((node) => [node, ...armsOf(node).flatMap(([, arm]) => membersOf(arm))]);
}

/** All that its steps do, in the order written. */
export function actsOf(nodes: readonly NodePlan[]): Act[] {
  return membersOf(nodes).flatMap((node) =>
    node.acts.flatMap((act): Act[] => ('acts' in act ? [act, ...act.acts] : [act])),
  );
}
