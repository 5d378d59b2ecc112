import type { Execution, RunFilters, RunMark } from '../../core/run/execution.js';
import type { PgReads } from '../../storage/reads/reads.js';

/** Runs that one command looks at for what no index has: a text in their errors may be in none of a million. */
export const LOOKED_AT = 10_000;
/** Runs of one statement. */
const PAGE = 500;

/** Where runs are read: pages that say how far they have looked. */
export type RunPages = Pick<PgReads, 'page'>;

/**
 * Runs that fit, the newest first, page by page: as many as are asked for, in the memory of one page. What no index has is
 * looked for through all of history, some thousand runs a statement; pages may be empty.
 */
export async function* pagesOf(reads: RunPages, filters: RunFilters, limit: number): AsyncGenerator<Execution[]> {
  let { until } = filters;
  let behind: RunMark | undefined;
  for (let left = limit; left > 0;) {
    const size = Math.min(left, PAGE);
    const { runs, lookedTo, next } = await reads.page({ ...filters, until, behind, limit: size });
    yield runs;
    left -= runs.length;
    if (next !== null) behind = next;
    else if (lookedTo === null) return;
    else [until, behind] = [lookedTo, undefined];
  }
}

/** The same pages, and of each whether there are runs beyond those that are asked for: one further is looked for. */
export async function* boundedPagesOf(
  reads: RunPages,
  filters: RunFilters,
  limit: number,
): AsyncGenerator<{ readonly page: readonly Execution[]; readonly beyond: boolean }> {
  let count = 0;
  for await (const page of pagesOf(reads, filters, limit + 1)) {
    count += page.length;
    yield count > limit ? { page: page.slice(0, -1), beyond: true } : { page, beyond: false };
  }
}

/** The value of `--until` that goes on behind a run. No run of its millisecond is left out; it may come again. */
export function untilAfter({ createdAt }: Execution): string {
  return new Date(createdAt.getTime() + 1).toISOString();
}
