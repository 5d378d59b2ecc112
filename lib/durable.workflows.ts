import { decode, encode, isPlainData } from './core/codec.js';
import type { WorkflowDefinition } from './core/definition.js';
import { describe } from './core/describe.js';
import { InvalidInputError, WorkflowNotFoundError } from './core/errors.js';
import { checkText, NAME } from './core/limits.js';
import { read } from './core/text-of.js';
import { uuidv7 } from './core/uuid.js';
import type { DurableRuntime } from './durable.host.js';
import type { ReadStartOptions } from './durable.start-options.js';
import type { NewRun, PgControl } from './storage/control.js';

/** A workflow that can be started: by its class here, or by the definition another process has stored. */
export interface StartTarget {
  readonly definition: WorkflowDefinition;
  readonly definitionId: number;
  readonly validateInput: ((input: unknown, given?: unknown) => Promise<void>) | null;
}

/** @throws WorkflowNotFoundError; InvalidInputError for a text that no workflow can have as its name */
export async function findWorkflow(
  { registry }: Pick<DurableRuntime, 'registry'>,
  control: PgControl,
  workflow: unknown,
): Promise<StartTarget> {
  if (typeof workflow === 'string') checkName(workflow);
  const known = typeof workflow === 'string' ? registry.byName(workflow) : registry.byClass(workflow);
  if (known !== undefined) return known;
  if (typeof workflow === 'string') {
    const stored = await control.definition(workflow);
    if (stored !== null) return { definition: stored.definition, definitionId: stored.id, validateInput: null };
  }
  const names = new Set([...registry.all().map((one) => one.definition.name), ...(await control.workflowNames())]);
  throw new WorkflowNotFoundError(nameOf(workflow), [...names].sort());
}

/**
 * The name of a workflow given as class or name; a name need not be known here.
 * @throws WorkflowNotFoundError for a class that is no workflow of this instance
 * @throws InvalidInputError for a text that no workflow can have as its name
 */
export function workflowName({ registry }: Pick<DurableRuntime, 'registry'>, workflow: unknown): string {
  if (typeof workflow === 'string') return checkName(workflow);
  const known = registry.byClass(workflow);
  if (known !== undefined) return known.definition.name;
  throw new WorkflowNotFoundError(
    nameOf(workflow),
    registry.all().map((one) => one.definition.name),
  );
}

/** A run as it is inserted. `input`: encoded; `traceparent`: of the caller, where that is traced. */
export function newRun(
  { definition, definitionId }: StartTarget,
  input: string,
  options: ReadStartOptions,
  traceparent: string | null,
): NewRun {
  return {
    id: options.id ?? uuidv7(),
    workflow: definition.name,
    definitionId,
    queue: options.queue ?? definition.queue,
    priority: options.priority ?? definition.priority,
    input,
    tags: options.tags,
    delayMs: options.delayMs,
    scheduledAt: options.scheduledAt,
    retryOf: null,
    parentId: null,
    idempotencyKey: options.idempotencyKey,
    traceparent,
  };
}

/**
 * Checks an input and gives its stored form. Classes check what the first step will see: the input as it comes back; or an
 * instance of theirs, as it was given.
 * @throws InvalidInputError, SerializationError
 */
export async function storedInput(target: StartTarget, input: unknown, maxBytes: number): Promise<string> {
  if (!isPlainData(input)) {
    throw new InvalidInputError(`The input of workflow "${target.definition.name}"`, [
      { path: '', message: `expected an object, got ${describe(input)}` },
    ]);
  }
  const text = encode(input, { maxBytes, what: 'input' });
  if (target.validateInput !== null) await target.validateInput(decode(text), input);
  return text;
}

function checkName(workflow: string): string {
  return checkText('The name of a workflow', 'workflow', workflow, NAME);
}

function nameOf(workflow: unknown): string {
  if (typeof workflow === 'string') return workflow;
  // A class may have a static member of that name.
  const name = typeof workflow === 'function' ? read(workflow, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : describe(workflow);
}
