import type { Sequence, WorkflowDefinition } from '../definition/definition.js';
import { armPrefix, nodePath } from '../definition/definition-path.js';
import { locate } from './cursor.js';
import { applyRecord, type MachineRecord } from './machine.js';
import { initialState } from './run-state.js';

/** Where a run can begin again: a step of the main sequence, or of branch arms in it. */
export type RestartPlace =
  | { readonly kind: 'place'; readonly path: string }
  /** It stands in an arm of a parallel or in a loop: the others of its fan-out would be lost. */
  | { readonly kind: 'within'; readonly fanOut: string }
  | { readonly kind: 'unknown'; readonly known: readonly string[] };

/** Finds a step by its name. */
export function restartPlace(definition: WorkflowDefinition, step: string): RestartPlace {
  const known: string[] = [];
  const look = (nodes: Sequence, prefix: string, fanOut: string | null): RestartPlace | null => {
    for (const node of nodes) {
      const path = nodePath(prefix, node.name);
      if (node.name === step) return fanOut === null ? { kind: 'place', path } : { kind: 'within', fanOut };
      if (fanOut === null) known.push(node.name);
      const arms = node.kind === 'forEach' ? { '': node.arm } : 'arms' in node ? node.arms : {};
      const inside = node.kind === 'branch' ? fanOut : (fanOut ?? node.name);
      for (const [key, arm] of Object.entries(arms)) {
        const found = look(arm, armPrefix(path, key), inside);
        if (found !== null) return found;
      }
    }
    return null;
  };
  return look(definition.nodes, '', null) ?? { kind: 'unknown', known };
}

/**
 * How many of a round's records come before the last visit of the step at `path`: what a run that begins there takes
 * over. Null: the round never came there.
 */
export function recordsBefore(
  definition: WorkflowDefinition,
  records: readonly MachineRecord[],
  path: string,
): number | null {
  const state = initialState(definition, 1);
  let before: number | null = null;
  let visit = 0;
  const look = (taken: number): void => {
    const frame = locate(definition, state, path);
    const { node, step } = frame?.sequence ?? { node: null, step: null };
    if (frame === null || node === null || step === null) return;
    if (nodePath(frame.prefix, node) !== path || step.visit === visit) return;
    visit = step.visit;
    before = taken;
  };
  look(0);
  for (const [index, record] of records.entries()) {
    if (record.type === 'rollback') break;
    applyRecord(definition, state, record);
    look(index + 1);
  }
  return before;
}
