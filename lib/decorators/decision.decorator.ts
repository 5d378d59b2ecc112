import { recordMember } from './member-metadata.js';
import type { DecisionOptions, Method, OnlyGoto } from './types.js';

/**
 * A step that may also return `goto('member', data)` to jump forwards or backwards, or `finish(data)` to end the run
 * as completed. A jump stays in its own sequence or goes to an enclosing one through branch arms.
 *
 * @throws DefinitionError at boot, for a jump out of a parallel or a loop; fails the run for a target that `goto` does
 * not declare, and for more than `maxVisits` (1000) visits
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async quote(order: Order) {
 *     return { ...order, approval: await waitForApproval('price') };
 *   }
 *
 *   @Decision({ goto: ['quote'], maxVisits: 5 })
 *   decide(order: Order & { approval: string }) {
 *     return order.approval === 'approved' ? finish(order) : goto('quote', order);
 *   }
 * }
 * ```
 */
export function Decision<const C extends string = never, const G extends string = never>(
  options: DecisionOptions<C, G> = {},
) {
  return <T extends Record<C | G, Method>, M extends Method>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M> & OnlyGoto<M, G>,
  ): void => recordMember(target, key, { decorator: 'Decision', options });
}
