import type { Loop } from '../time/loop.js';

/** State of the engine for health checks. */
export interface EngineHealth {
  readonly state: 'new' | 'running' | 'quiet' | 'stopped';
  /** Stored definitions that this process claims. */
  readonly claimable: readonly number[];
  /** Ages and intervals in ms. None while it does not claim. */
  readonly loops: readonly Pick<Loop, 'name' | 'age' | 'interval'>[];
}
