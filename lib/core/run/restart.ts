import type { Sequence, WorkflowDefinition } from '../definition/definition.js';
import { armPrefix, nodePath } from '../definition/definition-path.js';
import { locate } from './cursor.js';
import { applyRecord, type MachineRecord } from './machine.js';
import { initialState } from './run-state.js';

/** A step of a run, as a place for `restartFrom()`. */
export interface RestartPoint {
  readonly step: string;
  readonly ok: boolean;
  /** Reason why `restartFrom()` refuses it. */
  readonly why?: string;
}

/** A place to restart from: a step of the main sequence, or of branch arms in it. */
export type RestartPlace =
  | { readonly kind: 'place'; readonly path: string }
  /** The step stands in an arm of a parallel or in a loop: the other arms or items would be lost. */
  | { readonly kind: 'within'; readonly fanOut: string }
  | { readonly kind: 'unknown'; readonly known: readonly string[] };

/** Finds a step by its name. */
export function restartPlace(definition: WorkflowDefinition, step: string): RestartPlace {
  const all = stepsToRestart(definition);
  const found = all.find((one) => one.step === step);
  if (found === undefined) {
    return { kind: 'unknown', known: all.filter(({ fanOut }) => fanOut === null).map((one) => one.step) };
  }
  const { fanOut, path } = found;
  return fanOut === null ? { kind: 'place', path } : { kind: 'within', fanOut };
}

/** Every step, in the order of the definition, and the fan-out that it stands in; null: in none. */
export function stepsToRestart(
  definition: WorkflowDefinition,
): { readonly step: string; readonly fanOut: string | null; readonly path: string }[] {
  const found: { step: string; fanOut: string | null; path: string }[] = [];
  const look = (nodes: Sequence, prefix: string, fanOut: string | null): void => {
    for (const node of nodes) {
      const path = nodePath(prefix, node.name);
      found.push({ step: node.name, fanOut, path });
      const arms = node.kind === 'forEach' ? { '': node.arm } : 'arms' in node ? node.arms : {};
      const inside = node.kind === 'branch' ? fanOut : (fanOut ?? node.name);
      for (const [key, arm] of Object.entries(arms)) look(arm, armPrefix(path, key), inside);
    }
  };
  look(definition.nodes, '', null);
  return found;
}

/**
 * Number of a round's records before the last visit of each of the steps at `paths`: a run restarted there takes them
 * over. A path that is missing was never visited.
 */
export function recordsBefore(
  definition: WorkflowDefinition,
  records: readonly MachineRecord[],
  paths: readonly string[],
): Map<string, number> {
  const state = initialState(definition, 1);
  const before = new Map<string, number>();
  const visits = new Map<string, number>();
  const look = (path: string, taken: number): void => {
    const frame = locate(definition, state, path);
    const { node, step } = frame?.sequence ?? { node: null, step: null };
    if (frame === null || node === null || step === null) return;
    if (nodePath(frame.prefix, node) !== path || step.visit === (visits.get(path) ?? 0)) return;
    visits.set(path, step.visit);
    before.set(path, taken);
  };
  for (const path of paths) look(path, 0);
  for (const [index, record] of records.entries()) {
    if (record.type === 'rollback') break;
    applyRecord(definition, state, record);
    for (const path of paths) look(path, index + 1);
  }
  return before;
}
