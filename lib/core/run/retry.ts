import type { RetryPolicy } from '../definition/definition.js';

/**
 * ms from the end of attempt `attempt` (1-based) to the start of the next one: exponential
 * `initialDelay × factor^(attempt-1)`, linear `initialDelay × attempt`, constant `initialDelay`. At most `maxDelay`, also
 * with jitter, which moves the delay by up to ±25 % so that runs that failed together don't all come back together.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, random: () => number = Math.random): number {
  const capped = Math.min(rawDelay(policy, Math.max(1, attempt)), policy.maxDelay);
  const delay = policy.jitter ? capped * (0.75 + random() * 0.5) : capped;
  return Math.round(Math.min(delay, policy.maxDelay));
}

function rawDelay({ backoff, initialDelay, factor }: RetryPolicy, attempt: number): number {
  if (initialDelay === 0) {
    // factor^(attempt-1) is infinite from some attempt on, and 0 × ∞ is no number.
    return 0;
  }
  switch (backoff) {
    case 'exponential':
      return initialDelay * factor ** (attempt - 1);
    case 'linear':
      return initialDelay * attempt;
    case 'constant':
      return initialDelay;
  }
}
