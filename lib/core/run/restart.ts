import type { Sequence, WorkflowDefinition } from '../definition/definition.js';
import { armPrefix, nodePath } from '../definition/definition-path.js';
import { applyRecord, type MachineRecord, RecordMisfit } from './machine.js';
import { initialState, type SequenceState, type StepState } from './run-state.js';

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
 * Number of a round's records before the last visit of each of the steps at `paths`, none of which stands in a fan-out: a run
 * restarted there takes them over. A path that is missing was never visited. Null: the records are not those of such a
 * definition.
 */
export function recordsBefore(
  definition: WorkflowDefinition,
  records: readonly MachineRecord[],
  paths: readonly string[],
): Map<string, number> | null {
  const state = initialState(definition, 1);
  const wanted = new Set(paths);
  const before = new Map<string, number>();
  const visits = new Map<string, number>();
  let last: StepState | null = null;
  // The steps that the main sequence stands at: with those in branch arms, one in another.
  const look = (taken: number): void => {
    // Each visit has a state of its own: within a loop of ten thousand items there is nothing new here.
    if (state.root.step === last && last?.fan?.kind !== 'branch') return;
    last = state.root.step;
    let sequence: SequenceState | null = state.root;
    let prefix = '';
    while (sequence !== null && sequence.node !== null && sequence.step !== null) {
      const { node, step }: { node: string; step: StepState } = { node: sequence.node, step: sequence.step };
      const path = nodePath(prefix, node);
      if (wanted.has(path) && step.visit !== (visits.get(path) ?? 0)) {
        visits.set(path, step.visit);
        before.set(path, taken);
      }
      sequence = step.fan?.kind === 'branch' ? step.fan.sequence : null;
      prefix = step.fan?.kind === 'branch' ? armPrefix(path, step.fan.arm) : '';
    }
  };
  look(0);
  for (const [index, record] of records.entries()) {
    if (record.type === 'rollback') break;
    try {
      applyRecord(definition, state, record);
    } catch (error) {
      if (error instanceof RecordMisfit) return null;
      throw error;
    }
    look(index + 1);
  }
  return before;
}
