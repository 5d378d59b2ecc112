import { recordMember } from './member-metadata.js';
import type { Arm, ForEachOptions, MemberOf, Method } from './types.js';

type Items = readonly unknown[] | Promise<readonly unknown[]>;

/**
 * A loop: the method is the selector and returns the array of items, any storable values; the arm runs once for each,
 * `concurrency` (10) at a time. Then the data gets `__results__`, an array in item order.
 *
 * @throws DefinitionError at boot, for an arm that holds the loop itself
 * @example
 * ```ts
 * @Workflow()
 * export class TripWorkflow {
 *   @ForEach('book', { concurrency: 3, onError: 'completeAll' })
 *   cities(trip: Trip) {
 *     return trip.cities;
 *   }
 *
 *   @Step()
 *   book(city: string, { index, data }: ItemContext<Trip>) {
 *     return { booking: `${data.id}-${index}`, city };
 *   }
 * }
 * ```
 */
export function ForEach<const A extends Arm>(arm: A, options: ForEachOptions = {}) {
  return <T extends Record<MemberOf<A>, Method>, M extends (...args: never[]) => Items>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M>,
  ): void => recordMember(target, key, { decorator: 'ForEach', options, arm });
}
