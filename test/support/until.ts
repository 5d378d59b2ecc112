/** ms between two looks. */
const PAUSE = 10;

/** What is looked for is not there yet. */
type Missing = false | null | undefined;

/**
 * Looks again and again until what is looked for is there, and gives it. A test that never sees it fails by its own
 * timeout.
 */
export async function until<T>(look: () => T | Promise<T>): Promise<Exclude<T, Missing>> {
  for (;;) {
    const found = await look();
    if (found !== false && found !== null && found !== undefined) return found as Exclude<T, Missing>;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
