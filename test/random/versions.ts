import { armsOf, bareStep, type NodePlan, type Plan, type UndoPlan } from './plan.js';

/*
 * The versions of the code that are deployed, in any order, beside and after each other:
 *
 *   1  a plan as it is
 *   2  with two steps more, one in the main sequence, one in an arm or loop
 *   3  as 2, with a member of the main sequence under another name, and without a compensation
 *
 * A run that stands at what a version does not have is paused by it, and goes on when it is resumed under one that has it.
 */
export type Version = 1 | 2 | 3;

/** What a process comes back as. */
export const DEPLOYED: readonly Version[] = [1, 2, 2, 3];
/** What there is in the end, in turns, until no run is paused any more: between them they have every place. */
export const LAST: readonly Version[] = [3, 2];

/** Names of the steps that later versions have more. */
export const LATER = 'later';
const LATER_WITHIN = 'later_within';
const RENAMED = 'Renamed';

/** Where a step is inserted: so many members of that arm come before it. */
export interface Insertion {
  readonly of: string;
  readonly arm: string;
  readonly at: number;
}

export function nodesAt({ nodes, later, laterWithin }: Plan, version: Version): readonly NodePlan[] {
  if (version === 1) return nodes;
  const inserted = laterWithin === null ? nodes : nodes.map((node) => withStep(node, laterWithin));
  return inserted.toSpliced(later, 0, bareStep(LATER, [{ do: 'work', ms: 1 }]));
}

/** Name of a member in the definition of a version; what it does goes by the name in the plan. */
export function nameAt({ renamed }: Plan, name: string, version: Version): string {
  return version === 3 && name === renamed ? `${name}${RENAMED}` : name;
}

export function undosAt({ undos, dropped }: Plan, version: Version): readonly UndoPlan[] {
  return version === 3 ? undos.filter(({ name }) => name !== dropped) : undos;
}

/** SQL for the name in the plan of the step at a path. */
export const PLAN_NAME = `regexp_replace(regexp_replace(path, '^.*/', ''), '${RENAMED}$', '')`;

/** True: a version lacks what stands at that path, and another has it. */
export function mayBeLost({ renamed }: Plan, path: string): boolean {
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (last === LATER || last === LATER_WITHIN) return true;
  return renamed !== null && (path === renamed || path === `${renamed}${RENAMED}`);
}

/** Without what later versions have put into it. */
export function withoutLater(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(withoutLater);
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]) =>
      key === LATER || key === LATER_WITHIN ? [] : [[key, withoutLater(value)]],
    ),
  );
}

function withStep(node: NodePlan, place: Insertion): NodePlan {
  const inner = (key: string, arm: readonly NodePlan[]): readonly NodePlan[] => {
    const nodes = arm.map((one) => withStep(one, place));
    const isHere = node.name === place.of && key === place.arm;
    return isHere ? nodes.toSpliced(place.at, 0, bareStep(LATER_WITHIN, [{ do: 'work', ms: 1 }])) : nodes;
  };
  switch (node.kind) {
    case 'forEach':
      return { ...node, arm: inner('', node.arm) };
    case 'branch':
    case 'parallel':
      return { ...node, arms: Object.fromEntries(armsOf(node).map(([key, arm]) => [key, inner(key, arm)])) };
    default:
      return node;
  }
}
