import { recordMember } from './member-metadata.js';
import type { BranchArms, MemberOf, MemberOptions, Method, NoJump } from './types.js';

/**
 * A selector: what the method returns picks one arm by `String(value)`; the arm `default` catches the rest. A value
 * with no arm, and no `default`, fails the run with an error that names it.
 *
 * @throws DefinitionError at boot, for a member that stands in two arms or in an arm of its own
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Branch({ large: ['review', 'ship'], default: 'ship' })
 *   bySize(order: Order) {
 *     return order.total > 1000 ? 'large' : 'small';
 *   }
 *
 *   @Step()
 *   async review() {
 *     await waitForApproval('review');
 *   }
 *
 *   @Step()
 *   ship(order: Order) {
 *     return { ...order, shipped: true };
 *   }
 * }
 * ```
 */
export function Branch<const A extends BranchArms>(arms: A, options: MemberOptions = {}) {
  return <T extends Record<MemberOf<A>, Method>, M extends Method>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M> & NoJump<M>,
  ): void => recordMember(target, key, { decorator: 'Branch', options, arms });
}
