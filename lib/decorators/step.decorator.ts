import { recordMember } from './member-metadata.js';
import type { Method, NoJump, StepOptions } from './types.js';

/**
 * A step: `(data) => data`. It gets the data that the member before it returned, the first one the input. Returning
 * nothing keeps the data as it was. A recorded step never runs again.
 *
 * @throws DefinitionError at boot, for options that cannot be; `InvalidStepResultError` fails the run when the method
 * returns anything but an object or nothing
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step({ retry: { maxAttempts: 3 }, timeout: seconds(30) })
 *   async charge(order: Order) {
 *     return { ...order, chargeId: await payments.charge(order.id) };
 *   }
 * }
 * ```
 */
export function Step<const C extends string = never>(options: StepOptions<C> = {}) {
  return <T extends Record<C, Method>, M extends Method>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M> & NoJump<M>,
  ): void => recordMember(target, key, { decorator: 'Step', options });
}
