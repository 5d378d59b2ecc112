import { newRun, type NewRun } from '../core/run/new-run.js';
import { decode, encode, isPlainData } from '../core/codec/codec.js';
import type { WorkflowDefinition } from '../core/definition/definition.js';
import { describe } from '../core/describe.js';
import { InvalidInputError, WorkflowNotFoundError } from '../core/errors/errors.js';
import { checkText, NAME } from '../core/limits.js';
import { read } from '../core/text-of.js';
import { workflowOptions } from '../decorators/workflow-options.js';
import { workflowNameOf } from './compiler.js';
import type { Registry } from '../engine/ports/registry.js';
import { type InputCheck, inputValidator } from './input-validator.js';
import type { ReadStartOptions } from '../options/start.js';
import type { PgControl } from '../storage/client/control.js';

/** A workflow that can be started: by its class here, or by the definition another process has stored. */
export interface StartTarget {
  readonly definition: WorkflowDefinition;
  readonly definitionId: number;
  readonly validateInput: InputCheck | null;
}

/**
 * The workflow of that name or class. What is no provider here is looked up among the stored definitions by its name: a
 * process that only starts runs needs the class for its types, its `@Workflow()` and its input's check, nothing else.
 * @throws WorkflowNotFoundError; InvalidInputError for a text that no workflow can have as its name
 */
export async function findWorkflow(
  { registry }: { readonly registry: Registry },
  control: PgControl,
  workflow: unknown,
): Promise<StartTarget> {
  const name = nameFor(registry, workflow);
  const known = name === null ? undefined : registry.byName(name);
  if (known !== undefined) return known;
  const isLate = name !== null && registry.isLate(name);
  const stored = name === null ? null : await control.definition(name);
  if (stored !== null) {
    const validateInput = await unregisteredCheck(registry, workflow, stored.definition.name);
    return { definition: stored.definition, definitionId: stored.id, validateInput };
  }
  const names = new Set([...registry.all().map((one) => one.definition.name), ...(await control.workflowNames())]);
  throw new WorkflowNotFoundError(name ?? labelOf(workflow), [...names].sort(), {
    isUndefined: workflow === undefined,
    instance: otherInstance(registry, workflow),
    isLate,
  });
}

/**
 * The name of a workflow given as class or name; it need not be known here.
 * @throws WorkflowNotFoundError for a class that is no workflow
 * @throws InvalidInputError for a text that no workflow can have as its name
 */
export function workflowName({ registry }: { readonly registry: Registry }, workflow: unknown): string {
  const name = nameFor(registry, workflow);
  if (name !== null) return name;
  throw new WorkflowNotFoundError(
    labelOf(workflow),
    registry.all().map((one) => one.definition.name),
    { isUndefined: workflow === undefined },
  );
}

/** Filters with the name of the workflow, which callers may give as its class. @throws as `workflowName()` */
export function withWorkflowName<T extends object>(
  parts: { readonly registry: Registry },
  { workflow, ...rest }: T & { readonly workflow?: unknown },
): Omit<T, 'workflow'> & { readonly workflow?: string } {
  return workflow === undefined ? rest : { ...rest, workflow: workflowName(parts, workflow) };
}

/** Null: a class that is neither a provider here nor has a `@Workflow()`, or something else. */
function nameFor(registry: Registry, workflow: unknown): string | null {
  if (typeof workflow === 'string') return checkName(workflow);
  const known = registry.byClass(workflow);
  if (known !== undefined) return known.definition.name;
  const name = typeof workflow === 'function' ? workflowNameOf(workflow) : null;
  return name === null ? null : checkName(name);
}

/** The instance that a class says it is of, where that is another one than this. */
function otherInstance(registry: Registry, workflow: unknown): string | null {
  const options = typeof workflow === 'function' ? workflowOptions(workflow) : null;
  const instance = options === null ? registry.instance : (options.instance ?? 'default');
  return instance === registry.instance ? null : instance;
}

/** By workflow class: validators are made once. */
const checks = new WeakMap<Function, Promise<InputCheck>>();

/** The class's check of inputs, which the stored definition cannot hold. */
async function unregisteredCheck(registry: Registry, workflow: unknown, name: string): Promise<InputCheck | null> {
  if (typeof workflow !== 'function') return null;
  const type = workflowOptions(workflow)?.input;
  if (type === undefined) return null;
  let check = checks.get(workflow);
  if (check === undefined) {
    check = inputValidator(type, name);
    checks.set(workflow, check);
    // A package that is missing may be there for the next call.
    check.catch(() => checks.delete(workflow));
  }
  return registry.bind(await check);
}

/** The run that a client starts. `input`: encoded; `traceparent`: of the caller, where that is traced. */
export function runOf(
  { definition, definitionId }: StartTarget,
  input: string,
  options: ReadStartOptions,
  traceparent: string | null,
): NewRun {
  return newRun({
    id: options.id,
    workflow: definition.name,
    definitionId,
    queue: options.queue ?? definition.queue,
    priority: options.priority ?? definition.priority,
    input,
    tags: options.tags,
    delayMs: options.delayMs,
    scheduledAt: options.scheduledAt,
    idempotencyKey: options.idempotencyKey,
    traceparent,
  });
}

/** An input as it was when it was given: callers may use the object again for their next call. */
export interface TakenInput {
  readonly given: unknown;
  /** Stored form; null: it has none. */
  readonly text: string | null;
  /** The reason why it has none; null: it is no object. */
  readonly fault: unknown;
}

/** To be called before anything is waited for. */
export function takeInput(given: unknown, maxBytes: number): TakenInput {
  if (!isPlainData(given)) return { given, text: null, fault: null };
  try {
    return { given, text: encode(given, { maxBytes, what: 'input' }), fault: null };
  } catch (fault) {
    return { given, text: null, fault };
  }
}

/**
 * Checks an input and gives its stored form. Classes check what the first step will see: the input as it comes back; or an
 * instance of theirs, as it was given.
 * @throws InvalidInputError, SerializationError
 */
export async function storedInput(target: StartTarget, { given, text, fault }: TakenInput): Promise<string> {
  if (fault !== null) throw fault;
  if (text === null) {
    throw new InvalidInputError(`The input of workflow "${target.definition.name}"`, [
      { path: '', message: `expected an object, got ${describe(given)}` },
    ]);
  }
  if (target.validateInput !== null) await target.validateInput(decode(text), given);
  return text;
}

function checkName(workflow: string): string {
  return checkText('The name of a workflow', 'workflow', workflow, NAME);
}

/** For messages. */
function labelOf(workflow: unknown): string {
  if (typeof workflow === 'string') return workflow;
  // A class may have a static member of that name.
  const name = typeof workflow === 'function' ? read(workflow, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : describe(workflow);
}
