import { recordMember } from './member-metadata.js';
import type { CompensateOptions, Method, NoJump } from './types.js';

/**
 * A compensation: undoes the steps that name it when the run fails. It gets `(data, info)`: the data as that step left it
 * (its input, where the step's outcome is unknown) and a `CompensationInfo`. It is no part of the sequence, and runs only
 * in a rollback.
 *
 * @throws DefinitionError at boot, for one that no step names
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step({ compensate: 'refund' })
 *   async charge(order: Order) {
 *     return { ...order, chargeId: await payments.charge(order.id) };
 *   }
 *
 *   @Compensate({ retry: { maxAttempts: 10 } })
 *   async refund(order: Order, { error }: CompensationInfo) {
 *     console.log(`refund after ${error.message}`);
 *     await payments.refund(order.chargeId);
 *   }
 * }
 * ```
 */
export function Compensate(options: CompensateOptions = {}) {
  return <M extends Method>(target: object, key: string, _descriptor: TypedPropertyDescriptor<M> & NoJump<M>): void =>
    recordMember(target, key, { decorator: 'Compensate', options });
}
