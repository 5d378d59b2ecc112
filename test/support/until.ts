/** ms between two looks. */
const PAUSE = 10;

/** Resolves when the state is reached: looks again and again. A test that never reaches it fails by its own timeout. */
export async function until(isReached: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isReached())) await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
