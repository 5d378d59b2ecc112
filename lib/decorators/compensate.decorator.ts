import { recordMember } from './member-metadata.js';
import type { CompensateOptions, Method, NoJump } from './types.js';

/**
 * Undoes the steps that name it when the run fails: `(data, info)`, where `data` is the data as that step left it (its
 * input, when nobody knows how far it came) and `info` a `CompensationInfo`.
 * It is no part of the sequence, and runs only in a rollback.
 */
export function Compensate(options: CompensateOptions = {}) {
  return <M extends Method>(target: object, key: string, _descriptor: TypedPropertyDescriptor<M> & NoJump<M>): void =>
    recordMember(target, key, { decorator: 'Compensate', options });
}
