import { newRun } from '../../core/run/new-run.js';
import type { RecordFacts } from '../../core/run/machine.js';
import type { ChildRequest, ChildTargets, PreparedChild } from '../ports/children.js';
import type { ClaimedRow, OpExtras } from '../ports/store.js';

export const NO_EXTRAS: OpExtras = {
  waits: [],
  closes: [],
  remoteStarts: [],
  children: [],
  awaited: false,
  compensating: null,
  closeAll: false,
  giveBack: false,
  dropSteps: false,
  pause: null,
};

/** Finds the workflow, checks the input, and makes a start of it that a commit of the parent carries. */
export async function prepareChild(
  deps: { readonly targets: ChildTargets },
  parent: Pick<ClaimedRow, 'runId' | 'priority'>,
  request: ChildRequest,
  call: string,
  ref: string | null,
  traceparent: string | null,
): Promise<PreparedChild> {
  const target = await deps.targets.find(request.workflow, request.input);
  const start = newRun({
    workflow: target.name,
    definitionId: target.definitionId,
    queue: request.queue ?? target.queue,
    priority: request.priority ?? parent.priority,
    input: target.input,
    parentId: parent.runId,
    traceparent,
  });
  return { start, call, ref, input: target.digest };
}

/** Facts of the record of a child. */
export function childFacts({ start, call, ref, input }: PreparedChild): RecordFacts {
  const fact = { id: start.id, workflow: start.workflow, input };
  return { child: ref === null ? { ...fact, call } : { ...fact, ref } };
}

export function childExtras(children: readonly PreparedChild[]): OpExtras | null {
  if (children.length === 0) return null;
  return { ...NO_EXTRAS, children: children.map(({ start }) => start) };
}
