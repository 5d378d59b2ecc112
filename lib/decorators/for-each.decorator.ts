import { recordMember } from './member-metadata.js';
import type { Arm, ForEachOptions, MemberOf, Method } from './types.js';

type Items = readonly unknown[] | Promise<readonly unknown[]>;

/**
 * A loop: the method is the selector and returns the array of items, any values; the arm runs once for each, 10 at a
 * time unless told. Then the data gets `__results__`, an array in item order.
 */
export function ForEach<const A extends Arm>(arm: A, options: ForEachOptions = {}) {
  return <T extends Record<MemberOf<A>, Method>, M extends (...args: never[]) => Items>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M>,
  ): void => recordMember(target, key, { decorator: 'ForEach', options, arm });
}
