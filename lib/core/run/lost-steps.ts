import { armPrefix, itemPrefix, nodePath } from '../definition/definition-path.js';
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
  look(state.root, '', all, found);
  return found;
}

function look({ node, step, failedBy }: SequenceState, prefix: string, around: boolean, found: LostStep[]): void {
  if (node === null || step === null) return;
  const isLost = around || failedBy !== null;
  const path = nodePath(prefix, node);
  const { remote, fan } = step;
  if (isLost && remote !== null) found.push({ path, step, rowId: remote.rowId });
  if (fan === null) return;
  if (fan.kind === 'branch') return look(fan.sequence, armPrefix(path, fan.arm), isLost, found);
  if (fan.kind === 'parallel') {
    for (const [arm, sequence] of Object.entries(fan.arms)) look(sequence, armPrefix(path, arm), isLost, found);
    return;
  }
  for (const [index, item] of Object.entries(fan.open)) look(item, itemPrefix(path, Number(index)), isLost, found);
}
