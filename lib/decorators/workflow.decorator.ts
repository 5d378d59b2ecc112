import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { DurableWorkflow, WorkflowClass } from '../core/durable-workflow.js';
import { DefinitionError } from '../core/errors/errors.js';
import type { WorkflowOptions } from './types.js';
import { WORKFLOW_KEY } from './workflow-options.js';

const MarkWorkflow = DiscoveryService.createDecorator<WorkflowOptions<object, never>>();

/** Nest's metadata key for the options of `@Injectable({ scope })`; the same in 11 and 12. */
const SCOPE_KEY = 'scope:options';

/** Nothing when the input class gives what the workflow takes, and `key` takes that; else a type no class has. */
type FitsInput<W, D, K> = W extends abstract new (...args: never[]) => DurableWorkflow<infer I, unknown>
  ? [D] extends [I]
    ? string extends keyof K
      ? unknown
      : [I] extends [K]
        ? unknown
        : { '`concurrency.key` takes another input than the workflow': I }
    : { 'the `input` class is not what the workflow takes as input': I }
  : unknown;

/**
 * Makes the class a workflow and an injectable singleton: list it in the `providers` of any module. It is found at
 * boot, checked, and its definition stored. Default of `name`: the class name in snake_case without `Workflow`.
 *
 * @throws DefinitionError at boot, for a definition that cannot run; here, for a class with a `then`
 * @example
 * ```ts
 * @Workflow({ timeout: hours(2) })
 * export class OrderWorkflow {
 *   @Step()
 *   reserve(order: Order) {
 *     return { ...order, reserved: true };
 *   }
 * }
 * ```
 */
export function Workflow<D extends object = never, K = [D] extends [never] ? Record<string, unknown> : D>(
  options: WorkflowOptions<D, K> = {},
) {
  return <W extends WorkflowClass>(target: W & FitsInput<W, D, K>): void => {
    const type: Function = target;
    refuseThenable(type);
    // An @Injectable({ scope }) of the user's stays: the boot refuses it, where overwriting it would hide it.
    if (!Reflect.hasOwnMetadata(SCOPE_KEY, type)) {
      Injectable()(type);
    }
    MarkWorkflow(options)(type);
    Reflect.defineMetadata(WORKFLOW_KEY, options, type);
  };
}

/** Refused at the decorator: at boot Nest would await the instance, call its `then`, and hang without a message. */
function refuseThenable(type: Function): void {
  if (!('then' in type.prototype)) return;
  throw new DefinitionError(
    `${type.name}.then: a class with a "then" is a promise to Nest, which would wait for it for ever while it boots. ` +
      "Give the method another name; @Step({ name: 'then' }) keeps the step's.",
  );
}
