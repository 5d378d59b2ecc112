import { armPrefix, itemPrefix, nodePath } from '../definition/definition-path.js';
import type { Frame } from './cursor.js';
import type { RunState, SequenceState, StepState } from './run-state.js';

/** A step that another queue has, at a place that the run does not come back to. */
export interface LostStep {
  readonly path: string;
  readonly step: StepState;
  readonly rowId: string;
}

/** Steps on other queues around which something has failed. `all`: the run itself has, by whatever. */
export function lostSteps(state: RunState, all: boolean): LostStep[] {
  const found: LostStep[] = [];
  look(state.root, '', all, ({ path, step, isLost }) => {
    if (isLost && step.remote !== null) found.push({ path, step, rowId: step.remote.rowId });
  });
  return found;
}

/** The steps at which the cursors in a sequence stand, and what is around them there. */
export function stepsIn({ sequence, prefix }: Frame): { readonly path: string; readonly step: StepState }[] {
  const found: { path: string; step: StepState }[] = [];
  look(sequence, prefix, true, (one) => found.push(one));
  return found;
}

interface Standing {
  readonly path: string;
  readonly step: StepState;
  /** Something around it has failed. */
  readonly isLost: boolean;
}

function look(
  { node, step, failedBy }: SequenceState,
  prefix: string,
  around: boolean,
  take: (standing: Standing) => void,
): void {
  if (node === null || step === null) return;
  const isLost = around || failedBy !== null;
  const path = nodePath(prefix, node);
  take({ path, step, isLost });
  const { fan } = step;
  if (fan === null) return;
  if (fan.kind === 'branch') return look(fan.sequence, armPrefix(path, fan.arm), isLost, take);
  if (fan.kind === 'parallel') {
    for (const [arm, sequence] of Object.entries(fan.arms)) look(sequence, armPrefix(path, arm), isLost, take);
    return;
  }
  for (const [index, item] of Object.entries(fan.open)) look(item, itemPrefix(path, Number(index)), isLost, take);
}
