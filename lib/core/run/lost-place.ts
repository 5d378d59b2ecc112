import { type Frame, inner, rootFrame, standing } from './cursor.js';
import type { WorkflowDefinition } from '../definition/definition.js';
import { encodeName, nodePath } from '../definition/definition-path.js';
import type { Fan, RunState } from './run-state.js';

/** The cursor cannot be found in the definition: the code has changed under the run. */
export interface LostPlace {
  readonly path: string;
  readonly why: 'is gone' | 'is another kind of member';
}

/** The first cursor of `state` whose place `definition` does not have; null: it has all. */
export function lostPlace(definition: WorkflowDefinition, state: RunState): LostPlace | null {
  // A rollback goes by the names of compensations, not by places.
  if (state.rollback !== null || state.root.failedBy !== null) return null;
  return lostIn(rootFrame(definition, state));
}

function lostIn(frame: Frame): LostPlace | null {
  const { sequence, prefix } = frame;
  if (sequence.node === null || sequence.failedBy !== null) return null;
  const path = nodePath(prefix, sequence.node);
  const node = standing(frame);
  if (node === undefined) return { path, why: 'is gone' };
  if (sequence.step !== null && sequence.step.kind !== node.kind) return { path, why: 'is another kind of member' };
  const fan = sequence.step?.fan;
  for (const key of fan ? openIn(fan) : []) {
    const arm = inner(frame, key);
    const lost = arm === null ? { path: `${path}.${encodeName(key)}`, why: 'is gone' as const } : lostIn(arm);
    if (lost !== null) return lost;
  }
  return null;
}

/** Of the arms or items those in which there is still a place: an arm that is done needs none. */
function openIn(fan: Fan): string[] {
  if (fan.kind === 'branch') return [fan.arm];
  const arms = Object.entries(fan.kind === 'parallel' ? fan.arms : fan.open);
  return arms.filter(([, { node }]) => node !== null).map(([key]) => key);
}
