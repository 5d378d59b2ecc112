import { recordMember } from './member-metadata.js';
import type { MemberOf, Method, OnlyGoto, ParallelArms, ParallelOptions, TakesResults } from './types.js';

/**
 * Runs arms concurrently, each on its own copy of the data. The method is the collector, called with
 * `(data, results)` once they are done; what it returns is the next data. Returning nothing puts the results into
 * the data as `__results__`.
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
