import { jest } from '@jest/globals';
import { Waker } from '../../lib/engine/worker/waker.js';
import type { DueRows } from '../../lib/engine/ports/store.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('wakes what is due next by the time at which it looked, however long the answer took', async () => {
  const looks: number[] = [];
  const wakeDue = async (): Promise<DueRows> => {
    looks.push(performance.now());
    await new Promise((resolve) => setTimeout(resolve, 40));
    return { queues: [], woken: 0, late: [], nextInMs: looks.length === 1 ? 100 : null };
  };
  const waker = new Waker({
    store: { wakeDue, endLate: () => Promise.reject(new Error('nothing is late')) },
    settings: { wakeInterval: 10_000, wakeBatchSize: 10 },
    onWork: () => {},
    onCancelled: async () => {},
    onTrouble: () => {},
    isNeeded: () => true,
  });
  waker.loop.start();
  await jest.advanceTimersByTimeAsync(200);
  const [first = 0, second = 0] = looks;
  expect(second - first).toBe(100);
  const stopped = waker.loop.stop();
  await jest.advanceTimersByTimeAsync(40);
  await stopped;
});
