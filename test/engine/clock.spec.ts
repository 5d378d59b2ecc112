import { jest } from '@jest/globals';
import { DatabaseClock } from '../../lib/engine/time/clock.js';

/** The server's time as a process knows it. */

const T = 1_800_000_000_000;
let clock: DatabaseClock;

beforeEach(() => {
  jest.useFakeTimers();
  clock = new DatabaseClock();
  clock.sync(T);
});

afterEach(() => jest.useRealTimers());

/** The server is asked for its time, which is `now` then, and the answer takes some ms to arrive. */
function read(now: number, onItsWay: number): void {
  const asked = performance.now();
  jest.advanceTimersByTime(onItsWay);
  clock.follow(now, asked);
}

it('goes on by itself', () => {
  jest.advanceTimersByTime(1_234);
  expect(clock.now()).toBe(T + 1_234);
});

it.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
])('follows a server whose clock was set %s', (_, by) => {
  read(T + by, 3);
  expect(clock.now()).toBe(T + by);
});

it('takes an answer that was long on its way for no clock that was set back', () => {
  read(T, 5_000);
  expect(clock.now()).toBe(T + 5_000);
});

it('follows one that was set back by more than the answer was on its way', () => {
  read(T - 10_000, 5_000);
  expect(clock.now()).toBe(T - 10_000);
});

it.each([-900, 900])('leaves a difference of %i ms to the next heartbeat', (by) => {
  read(T + by, 0);
  expect(clock.now()).toBe(T);
});
