import type { OptionReader } from '../core/option-reader.js';

/** Filters with the workflow as it was given: which name that is, the registry says (`withWorkflowName`). */
export type Unnamed<T> = Omit<T, 'workflow'> & { readonly workflow?: unknown };

/** One that is null is no workflow, and not left out: an act on many would go to all of them. */
export function givenWorkflow(read: OptionReader): { readonly workflow?: unknown } {
  const workflow = read.take('workflow');
  return workflow === undefined ? {} : { workflow };
}

export function withoutNulls(found: object): object {
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null));
}
