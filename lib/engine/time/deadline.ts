import { LONGEST_TIMER } from '../../core/limits.js';

/** Resolves when the work is done, or after so many ms. */
export async function withDeadline(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.min(ms, LONGEST_TIMER))));
  await Promise.race([work, late]);
  clearTimeout(timer);
}
