import { createHash } from 'node:crypto';
import type { ResolvedOptions } from '../options/module.js';
import { findWorkflow, storedInput, takeInput, workflowName } from './find-workflow.js';
import type { ChildTargets } from '../engine/ports/children.js';
import type { Registry } from '../engine/ports/registry.js';
import type { PgControl } from '../storage/client/control.js';

/** Finds the workflows that steps start as children, as the client finds those that it starts. */
export function childTargets(
  registry: Registry,
  control: PgControl,
  { maxPayloadBytes }: Pick<ResolvedOptions, 'maxPayloadBytes'>,
): ChildTargets {
  return {
    nameOf: (workflow) => workflowName({ registry }, workflow),
    async find(workflow, given) {
      const taken = takeInput(given, maxPayloadBytes);
      const target = await findWorkflow({ registry }, control, workflow);
      const input = await storedInput(target, taken);
      const { name, queue, timeout } = target.definition;
      const digest = createHash('sha256').update(input).digest('base64url');
      return { name, definitionId: target.definitionId, queue, timeout, input, digest };
    },
  };
}
