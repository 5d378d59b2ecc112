import { describe } from '../describe.js';
import { InvalidInputError } from '../errors/errors-execution.js';

/** `n` seconds in ms, to the whole ms. @throws InvalidInputError unless `n` is a finite number, 0 or more */
export function seconds(n: number): number {
  return inMs('seconds', n, 1000);
}

/** `n` minutes in ms, to the whole ms. @throws InvalidInputError unless `n` is a finite number, 0 or more */
export function minutes(n: number): number {
  return inMs('minutes', n, 60_000);
}

/** `n` hours in ms, to the whole ms. @throws InvalidInputError unless `n` is a finite number, 0 or more */
export function hours(n: number): number {
  return inMs('hours', n, 3_600_000);
}

/** `n` days of 24 hours in ms, to the whole ms. @throws InvalidInputError unless `n` is a finite number, 0 or more */
export function days(n: number): number {
  return inMs('days', n, 86_400_000);
}

function inMs(unit: string, n: number, factor: number): number {
  const ms = typeof n === 'number' ? Math.round(n * factor) : NaN;
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new InvalidInputError(`The duration ${unit}(n)`, [
      { path: 'n', message: `expected a finite number, 0 or more, got ${describe(n)}` },
    ]);
  }
  return ms === 0 ? 0 : ms;
}
