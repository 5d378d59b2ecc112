import { type Frame, locate, standing } from '../../core/run/cursor.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { nodePath } from '../../core/definition/definition-path.js';
import type { RunState } from '../../core/run/run-state.js';
import type { NewWait } from '../ports/store.js';

/**
 * True when the run can still come back to a wait: its cursor stands at the wait's step, and nothing around it has
 * failed. An arm that was given up because of another one would otherwise go on taking events, and be listed.
 */
export function isAskedFor(
  definition: WorkflowDefinition,
  state: RunState,
  { path, visit }: Pick<NewWait, 'path' | 'visit'>,
): boolean {
  const frame = locate(definition, state, path);
  const node = frame === null ? undefined : standing(frame);
  if (frame === null || node === undefined || nodePath(frame.prefix, node.name) !== path) return false;
  if (frame.sequence.step?.visit !== visit) return false;
  for (let around: Frame | undefined = frame; around !== undefined; around = around.within?.frame) {
    if (around.sequence.failedBy !== null) return false;
  }
  return true;
}
