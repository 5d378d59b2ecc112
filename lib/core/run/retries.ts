import { itemPrefix, armPrefix, nodePath } from '../definition/definition-path.js';
import type { RunState, SequenceState } from './run-state.js';

/** An attempt that is made again after a delay. */
export interface RetryPlace {
  readonly path: string;
  /** Number of the next attempt, from 1. */
  readonly attempt: number;
  /** Database time in ms. */
  readonly at: number;
}

/** The attempts of a suspended run that wait for a delay. */
export function retriesIn(state: RunState, now: number): RetryPlace[] {
  const { rollback } = state;
  if (rollback !== null) {
    const { current } = rollback;
    if (current === null || current.retryAt === null || current.retryAt <= now) return [];
    return [{ path: current.path, attempt: current.attempt, at: current.retryAt }];
  }
  const found: RetryPlace[] = [];
  look(state.root, '', now, found);
  return found;
}

function look({ node, step, failedBy }: SequenceState, prefix: string, now: number, found: RetryPlace[]): void {
  if (node === null || step === null || failedBy !== null) return;
  const path = nodePath(prefix, node);
  if (step.retryAt !== null && step.retryAt > now) found.push({ path, attempt: step.attempt, at: step.retryAt });
  const { fan } = step;
  if (fan === null) return;
  if (fan.kind === 'branch') return look(fan.sequence, armPrefix(path, fan.arm), now, found);
  if (fan.kind === 'parallel') {
    for (const [arm, sequence] of Object.entries(fan.arms)) look(sequence, armPrefix(path, arm), now, found);
    return;
  }
  for (const [index, sequence] of Object.entries(fan.open)) look(sequence, itemPrefix(path, Number(index)), now, found);
}

/** Ends the delays of a suspended run: its attempts are made as soon as it is claimed. Changes the state in place. */
export function endDelays(state: RunState): void {
  if (state.rollback?.current) state.rollback.current.retryAt = null;
  endIn(state.root);
}

function endIn({ step }: SequenceState): void {
  if (step === null) return;
  step.retryAt = null;
  const { fan } = step;
  if (fan?.kind === 'branch') endIn(fan.sequence);
  if (fan?.kind === 'parallel') for (const arm of Object.values(fan.arms)) endIn(arm);
  if (fan?.kind === 'forEach') for (const item of Object.values(fan.open)) endIn(item);
}
