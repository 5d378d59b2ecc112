import type { ForEachNode, Sequence, WorkflowNode } from './definition.js';
import { armPrefix, nodePath } from './definition-path.js';

/**
 * Places of the records that end an item of a loop: paths within the item (what follows `recipients[12]/`), without the
 * numbers of the items of loops in it (`parts[]/send`).
 */
export interface LoopPlaces {
  /** A completed record at one of these ends the item, unless it jumps elsewhere. */
  readonly ends: readonly string[];
  /** An attempt at one of these that failed for good fails the item. */
  readonly fails: readonly string[];
  /**
   * The loop without results that the arm ends with, the one that its arm ends with, and so on; none: the arm ends with
   * something else. Nothing is recorded when such a loop is done. The item has ended when there are as many `ends`, `settles`
   * and selectors' records of all but the first of these loops as all of them have items.
   */
  readonly counted: readonly string[];
  /** Failures for good that only end an item of one of those loops. */
  readonly settles: readonly string[];
}

/** Of what is no loop any more. */
export const NO_PLACES: LoopPlaces = { ends: [], fails: [], counted: [], settles: [] };

export function loopPlaces({ arm }: ForEachNode): LoopPlaces {
  const counted: string[] = [];
  const settles: string[] = [];
  let sequence = arm;
  let prefix = '';
  for (;;) {
    const last = sequence.at(-1);
    if (last?.kind !== 'forEach' || last.results === 'all') break;
    const path = nodePath(prefix, last.name);
    counted.push(path);
    prefix = `${path}[]/`;
    if (last.onError === 'completeAll') settles.push(...failuresOf(last.arm, prefix));
    sequence = last.arm;
  }
  return { ends: endsOf(sequence, prefix), fails: failuresOf(arm, ''), counted, settles };
}

function endsOf(sequence: Sequence, prefix: string): string[] {
  const last = sequence.at(-1);
  if (last === undefined) return [];
  const path = nodePath(prefix, last.name);
  // The selector of a branch only chooses; a collector, and the results of a loop, are recorded behind what they collect.
  if (last.kind !== 'branch') return [path];
  return Object.entries(last.arms).flatMap(([key, arm]) => endsOf(arm, armPrefix(path, key)));
}

/** Members whose failure is not kept by a fan-out around them. */
function failuresOf(sequence: Sequence, prefix: string): string[] {
  return sequence.flatMap((node) => {
    const path = nodePath(prefix, node.name);
    return [path, ...innerFailures(node, path)];
  });
}

function innerFailures(node: WorkflowNode, path: string): string[] {
  switch (node.kind) {
    case 'branch':
      return Object.entries(node.arms).flatMap(([key, arm]) => failuresOf(arm, armPrefix(path, key)));
    case 'parallel':
      if (node.onError === 'completeAll') return [];
      return Object.entries(node.arms).flatMap(([key, arm]) => failuresOf(arm, armPrefix(path, key)));
    case 'forEach':
      return node.onError === 'completeAll' ? [] : failuresOf(node.arm, `${path}[]/`);
    default:
      return [];
  }
}
