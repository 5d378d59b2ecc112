import { DatabaseUnavailableError } from '../../lib/core/errors/errors.js';
import { newRun } from '../../lib/core/run/new-run.js';
import { StartPatience } from '../../lib/engine/journal/start-patience.js';
import { type WaitingStart, WriterQueue } from '../../lib/engine/journal/writer-queue.js';

/** Starts that came in one burst are given up in one, when the database has been away for too long. */

interface Burst {
  readonly queue: WriterQueue;
  readonly errors: unknown[];
  /** ms */
  readonly took: number;
}

function giveUp(count: number): Burst {
  const queue = new WriterQueue();
  const errors: unknown[] = [];
  for (let n = 0; n < count; n++) {
    const op = newRun({ id: `r${n}`, workflow: 'order', definitionId: 1, queue: 'default', priority: 0, input: '{}' });
    const start: WaitingStart = {
      op,
      resolve: () => {},
      reject: (error) => errors.push(error),
      since: performance.now() - 60_000,
      most: Infinity,
      settled: false,
      again: false,
      alone: false,
      notBefore: 0,
      tries: 0,
      refusals: 0,
      successes: 0,
    };
    queue.starts.push(start);
  }
  const begun = performance.now();
  new StartPatience(queue).look();
  return { queue, errors, took: performance.now() - begun };
}

it('gives each an error, and keeps none', () => {
  const { queue, errors } = giveUp(3);
  expect(errors).toEqual([1, 2, 3].map(() => expect.any(DatabaseUnavailableError)));
  expect(queue.isEmpty).toBe(true);
});

it('takes so much the longer as there are more of them: a standing event loop loses the leases of the process', () => {
  const least = (count: number): number => Math.min(...[1, 2, 3].map(() => giveUp(count).took));
  giveUp(1_000);
  expect(least(24_000) / least(4_000)).toBeLessThan(18);
});
