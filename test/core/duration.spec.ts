import { days, hours, minutes, seconds } from '../../lib/core/time/duration.js';
import { InvalidInputError } from '../../lib/core/errors/errors.js';

it.each([
  [seconds(1), 1000],
  [seconds(0.1), 100],
  [seconds(1.0005), 1001],
  [minutes(2), 120_000],
  [hours(1.5), 5_400_000],
  [days(30), 2_592_000_000],
  [seconds(0), 0],
  [seconds(-0), 0],
])('%d ms is %d', (ms, expected) => {
  expect(ms).toBe(expected);
});

it.each([NaN, Infinity, -1, 1e300, '5' as never, undefined as never])('%p is refused', (n) => {
  expect(() => hours(n)).toThrow(InvalidInputError);
  expect(() => hours(n)).toThrow(/hours\(n\).*n: expected a finite number/);
});
