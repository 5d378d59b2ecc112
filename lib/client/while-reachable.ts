import { setTimeout as pause } from 'node:timers/promises';

/** ms between two looks whether the database is there. */
const LOOK_EVERY = 1_000;

/**
 * The result of `work`, which waits outages out. Rejects with what `look` rejects with, once the database stays away:
 * it is asked before the work and every second of it.
 */
export async function whileReachable<T>(look: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  await look();
  const over = new AbortController();
  const { signal } = over;
  const lost = async (): Promise<never> => {
    for (;;) {
      await pause(LOOK_EVERY, undefined, { signal });
      await look();
    }
  };
  try {
    return await Promise.race([work(), lost()]);
  } finally {
    over.abort();
  }
}
