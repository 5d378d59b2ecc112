import { StoreError } from './store.js';

/** ms between two tries. */
const AGAIN = 200;

/**
 * Does something that only reads, or that may be done twice, until the database has answered, or nobody wants to know
 * any more.
 */
export async function persist<T>(work: () => Promise<T>, isOver: () => boolean): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind === 'rejected' || isOver()) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}
