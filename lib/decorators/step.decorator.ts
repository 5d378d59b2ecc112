import { recordMember } from './member-metadata.js';
import type { Method, NoJump, StepOptions } from './types.js';

/**
 * A step: `(data) => data`. It gets the data that the member before it returned, the first one the input. Returning
 * nothing keeps the data as it was. A recorded step never runs again.
 */
export function Step<const C extends string = never>(options: StepOptions<C> = {}) {
  return <T extends Record<C, Method>, M extends Method>(
    target: T,
    key: string,
    _descriptor: TypedPropertyDescriptor<M> & NoJump<M>,
  ): void => recordMember(target, key, { decorator: 'Step', options });
}
