import { jest } from '@jest/globals';
import { Waker } from '../../lib/engine/worker/waker.js';
import type { DueRows } from '../../lib/engine/ports/store.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const wakerOf = (wakeDue: () => Promise<DueRows>): Waker =>
  new Waker({
    store: { wakeDue, endLate: () => Promise.reject(new Error('nothing is late')) },
    settings: { wakeInterval: 10_000, wakeBatchSize: 10 },
    onWork: () => {},
    onCancelled: async () => {},
    onTrouble: () => {},
    isNeeded: () => true,
  });

it('looks again soon for what is due and locked, then ever less often', async () => {
  const looks: number[] = [];
  let locked = true;
  const waker = wakerOf(async () => {
    looks.push(performance.now());
    return { queues: [], woken: 0, locked, late: [], nextInMs: null };
  });
  waker.loop.start();
  await jest.advanceTimersByTimeAsync(3_000);
  const apart = looks.slice(1).map((at, n) => at - (looks[n] ?? 0));
  expect(apart.slice(0, 7)).toEqual([20, 40, 80, 160, 320, 500, 500]);
  locked = false;
  await jest.advanceTimersByTimeAsync(1_000);
  const { length } = looks;
  await jest.advanceTimersByTimeAsync(5_000);
  expect(looks).toHaveLength(length);
  await waker.loop.stop();
});

it('wakes what is due next by the time at which it looked, however long the answer took', async () => {
  const looks: number[] = [];
  const wakeDue = async (): Promise<DueRows> => {
    looks.push(performance.now());
    await new Promise((resolve) => setTimeout(resolve, 40));
    return { queues: [], woken: 0, locked: false, late: [], nextInMs: looks.length === 1 ? 100 : null };
  };
  const waker = wakerOf(wakeDue);
  waker.loop.start();
  await jest.advanceTimersByTimeAsync(200);
  const [first = 0, second = 0] = looks;
  expect(second - first).toBe(100);
  const stopped = waker.loop.stop();
  await jest.advanceTimersByTimeAsync(40);
  await stopped;
});
