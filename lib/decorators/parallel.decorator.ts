import { recordMember } from './member-metadata.js';
import type { MemberOf, Method, OnlyGoto, ParallelArms, ParallelOptions, TakesResults } from './types.js';

/**
 * Runs arms concurrently, each on its own copy of the data. The method is the collector, called with
 * `(data, results)` once they are done; what it returns is the next data. Returning nothing puts the results into
 * the data as `__results__`.
 *
 * @throws DefinitionError at boot, for a member that stands in two arms or in an arm of its own
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async pay(order: Order) {
 *     return { chargeId: await payments.charge(order.id) };
 *   }
 *
 *   @Step()
 *   pack() {
 *     return { boxes: 1 };
 *   }
 *
 *   @Parallel({ payment: 'pay', parcel: 'pack' })
 *   fulfil(order: Order, results: ParallelResults<{ payment: { chargeId: string }; parcel: { boxes: number } }>) {
 *     const { payment, parcel } = unwrap(results);
 *     return { ...order, ...payment, ...parcel };
 *   }
 * }
 * ```
 */
export function Parallel<const A extends ParallelArms, const G extends string = never>(
  arms: A,
  options: ParallelOptions<G> = {},
) {
  return <T extends Record<MemberOf<A> | G, Method>, M extends Method>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M> & OnlyGoto<M, G> & TakesResults<M, T, A>,
  ): void => recordMember(target, key, { decorator: 'Parallel', options, arms });
}
