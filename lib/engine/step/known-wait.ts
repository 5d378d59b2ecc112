import { decode } from '../../core/codec/codec.js';
import type { WaitSpec } from '../../core/run/wait-spec.js';
import type { NewWait, TakenWait } from '../ports/store.js';

/** A wait as a pass of its step sees it. */
export type KnownWait = TakenWait;

/** The decoded `spec` of a wait. */
export function specOf(wait: Pick<NewWait, 'spec'>): WaitSpec | null {
  return wait.spec === null ? null : (decode(wait.spec) as WaitSpec);
}

/** The wait in words, for messages. */
export function describeWait({ kind, names, key, child }: Pick<KnownWait, 'kind' | 'names' | 'key' | 'child'>): string {
  switch (kind) {
    case 'event':
      return `event "${names[0]}"`;
    case 'any':
      return `any of the events ${names.map((name) => `"${name}"`).join(', ')}`;
    case 'all':
      return `the events ${names.map((name) => `"${name}"`).join(', ')}`;
    case 'input':
      return `input "${names[0]}"`;
    case 'child':
      return child === null ? 'a child workflow' : `child workflow "${child.workflow}"`;
    case 'sleep':
      return `a ${key.split(':')[0]}`;
  }
}
