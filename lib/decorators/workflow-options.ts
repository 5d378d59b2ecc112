import 'reflect-metadata';
import type { WorkflowOptions } from './types.js';

/**
 * Metadata key of a class's `@Workflow()`: Nest makes up a key for each copy of this package that a process has loaded; by
 * this one they find each other's.
 */
export const WORKFLOW_KEY = 'nest-durable:workflow';

/**
 * The options of the class's own `@Workflow()`, or `null`: a subclass without one is no workflow. Beside the decorator, not
 * in its file: the command line asks, and would load Nest for it, which takes half of a second.
 */
export function workflowOptions(type: Function): WorkflowOptions<object, never> | null {
  return (Reflect.getOwnMetadata(WORKFLOW_KEY, type) as WorkflowOptions<object, never> | undefined) ?? null;
}
