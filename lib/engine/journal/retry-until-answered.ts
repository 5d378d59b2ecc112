import { StoreError } from '../ports/store.js';

/** ms between two tries; after refusals it grows. */
const AGAIN = 200;
const MOST_WAIT = 2_000;
/** Refusals for a passing reason that are taken: a minute's worth, beside the time of the statements. */
const MOST_REFUSALS = 30;

/**
 * Does something that only reads, or that may be done twice, until the database has answered, or nobody wants to know
 * any more. @throws what the database refuses it with, for good or for the 30th time
 */
export async function retryUntilAnswered<T>(work: () => Promise<T>, isOver: () => boolean): Promise<T> {
  for (let refusals = 0; ;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind === 'rejected' || isOver()) throw error;
      if (error.kind === 'retry' && ++refusals >= MOST_REFUSALS) throw error;
      const wait = Math.min(AGAIN * 2 ** Math.min(refusals, 10), MOST_WAIT);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** True for a refusal for a passing reason: the same may be taken at another time. */
export function isPassing(error: unknown): boolean {
  return error instanceof StoreError && (error.kind === 'retry' || error.kind === 'scarce');
}
