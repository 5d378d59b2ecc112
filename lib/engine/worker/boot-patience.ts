import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError } from '../../core/errors/errors.js';
import { textOf } from '../../core/text-of.js';
import { StoreError } from '../ports/store.js';

/** ms for which each part of a boot is tried, and between two tries. */
const PATIENCE = 25_000;
const RETRY = 200;

/** For what a boot does before its loops, which try again by themselves: as patient as all else of a boot. */
export class BootPatience {
  /** @param isWanted false: a shutdown has overtaken the boot */
  constructor(private readonly isWanted: () => boolean) {}

  async run(what: string, work: () => Promise<void>): Promise<void> {
    const until = performance.now() + PATIENCE;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const passes = error instanceof StoreError && error.kind !== 'rejected';
        if (!passes) throw error;
        if (performance.now() >= until || !this.isWanted()) {
          const message = `Could not ${what}, tried for ${PATIENCE / 1_000} s: ${textOf(error)}`;
          throw new DatabaseUnavailableError(message, { cause: error });
        }
        await pause(RETRY);
      }
    }
  }
}
