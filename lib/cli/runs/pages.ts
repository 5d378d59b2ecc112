import type { Execution, RunFilters } from '../../core/run/execution.js';
import type { DurableClient } from '../../client/durable.client.js';

/** Runs that one command looks at for what no index has: a text in their errors may be in none of a million. */
export const LOOKED_AT = 10_000;
/** Runs of one statement. */
const PAGE = 500;

/** Runs that fit, the newest first, page by page: as many as are asked for, in the memory of one page. */
export async function* pagesOf(client: DurableClient, filters: RunFilters, limit: number): AsyncGenerator<Execution[]> {
  let before: string | undefined;
  for (let left = limit; left > 0;) {
    const size = Math.min(left, PAGE);
    const page = await client.listExecutions({ ...filters, limit: size, ...(before === undefined ? {} : { before }) });
    if (page.length > 0) yield page;
    if (page.length < size) return;
    left -= page.length;
    before = page.at(-1)?.id;
  }
}

/** The same pages, and of each whether there are runs beyond those that are asked for: one further is looked for. */
export async function* boundedPagesOf(
  client: DurableClient,
  filters: RunFilters,
  limit: number,
): AsyncGenerator<{ readonly page: readonly Execution[]; readonly beyond: boolean }> {
  let count = 0;
  for await (const page of pagesOf(client, filters, limit + 1)) {
    count += page.length;
    yield count > limit ? { page: page.slice(0, -1), beyond: true } : { page, beyond: false };
  }
}

/** The value of `--until` that goes on behind a run. No run of its millisecond is left out; it may come again. */
export function untilAfter({ createdAt }: Execution): string {
  return new Date(createdAt.getTime() + 1).toISOString();
}
