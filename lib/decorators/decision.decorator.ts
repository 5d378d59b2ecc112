import { recordMember } from './member-metadata.js';
import type { DecisionOptions, Method, OnlyGoto } from './types.js';

/**
 * A step that may also return `goto('member', data)` to jump forwards or backwards, or `finish(data)` to end the run
 * as completed. A jump stays in its own sequence or goes to an enclosing one through branch arms.
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
