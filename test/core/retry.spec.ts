import { DEFAULT_RETRY, type RetryPolicy } from '../../lib/core/definition/definition.js';
import { retryDelay } from '../../lib/core/run/retry.js';

const policy = (changes: Partial<RetryPolicy>): RetryPolicy => ({ ...DEFAULT_RETRY, jitter: false, ...changes });
const delays = (changes: Partial<RetryPolicy>, attempts = [1, 2, 3, 4]): number[] =>
  attempts.map((attempt) => retryDelay(policy(changes), attempt));

it('grows as the policy says', () => {
  expect(delays({ backoff: 'exponential' })).toEqual([1000, 2000, 4000, 8000]);
  expect(delays({ backoff: 'exponential', factor: 3, initialDelay: 10 })).toEqual([10, 30, 90, 270]);
  expect(delays({ backoff: 'exponential', factor: 1 })).toEqual([1000, 1000, 1000, 1000]);
  expect(delays({ backoff: 'linear', initialDelay: 500 })).toEqual([500, 1000, 1500, 2000]);
  expect(delays({ backoff: 'constant', initialDelay: 700 })).toEqual([700, 700, 700, 700]);
});

it('never above maxDelay, also where numbers overflow', () => {
  expect(delays({ maxDelay: 3000 })).toEqual([1000, 2000, 3000, 3000]);
  expect(delays({ backoff: 'linear', maxDelay: 2500 })).toEqual([1000, 2000, 2500, 2500]);
  expect(delays({ backoff: 'constant', maxDelay: 10 })).toEqual([10, 10, 10, 10]);
  expect(delays({}, [1e6, Number.MAX_SAFE_INTEGER])).toEqual([3_600_000, 3_600_000]);
  expect(delays({ initialDelay: 0 }, [1, 5000])).toEqual([0, 0]);
  expect(delays({ maxDelay: 0 }, [1, 5000])).toEqual([0, 0]);
});

it('jitter moves it by 25 % either way, and maxDelay still holds', () => {
  const at = (random: number, changes: Partial<RetryPolicy> = {}): number =>
    retryDelay(policy({ jitter: true, ...changes }), 1, () => random);
  expect([at(0), at(0.5), at(0.999999)]).toEqual([750, 1000, 1250]);
  expect([at(0, { maxDelay: 1000 }), at(0.999999, { maxDelay: 1000 })]).toEqual([750, 1000]);
  const spread = Array.from({ length: 1000 }, () => retryDelay(policy({ jitter: true }), 3));
  expect(Math.min(...spread)).toBeGreaterThanOrEqual(3000);
  expect(Math.max(...spread)).toBeLessThanOrEqual(5000);
  expect(new Set(spread).size).toBeGreaterThan(100);
});
