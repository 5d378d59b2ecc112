import type { Execution, RunFilters } from '../../core/run/execution.js';
import type { Context } from '../command.js';
import { tone } from '../output/text.js';
import { ShortIds } from '../database/short-ids.js';
import { runColumns } from './columns.js';
import { hasError } from './filters.js';
import { follow } from './follow.js';

/** ms between looks. */
const INTERVAL = 1_000;
/** Runs that are watched: one that changes must be among the newest so many that fit, of those that one look goes through. */
const WATCHED = 1_000;

/** Prints the runs that fit, then each that is new or has another status than before, until Ctrl-C. */
export async function followRuns(
  context: Context,
  filters: RunFilters,
  error: string | undefined,
  limit: number,
): Promise<void> {
  const { screen } = context;
  const { reads } = await context.clients();
  const print = screen.redraws ? redrawn(context, limit) : printed(context, limit);
  await follow(context, INTERVAL, async () => {
    const { runs } = await reads.page({ ...filters, limit: WATCHED });
    await print(runs.filter((run) => hasError(run, error)));
    return false;
  });
}

/** The newest at the top, as many as the terminal holds. */
function redrawn(context: Context, limit: number): (runs: readonly Execution[]) => Promise<void> {
  const { screen } = context;
  const ids = new ShortIds(context);
  return async (runs) => {
    const table = screen.table(runColumns(screen, ids));
    const shown = runs.slice(0, Math.min(limit, screen.height - 2));
    await ids.learn(shown.map(({ id }) => id));
    screen.redraw([...table.lines(shown), tone('dim', `${screen.clock(new Date(screen.now()))}  Ctrl-C ends this.`)]);
  };
}

/** The oldest first, as lines of a log are. */
function printed(context: Context, limit: number): (runs: readonly Execution[]) => Promise<void> {
  const { screen } = context;
  const ids = new ShortIds(context);
  const table = screen.table(runColumns(screen, ids));
  let known: Map<string, string> | null = null;
  return async (runs) => {
    const changed = runs.filter(({ id, status }) => known?.get(id) !== status);
    const fresh = known === null ? changed.slice(0, limit) : changed;
    known = new Map(runs.map(({ id, status }) => [id, status]));
    await ids.learn(fresh.map(({ id }) => id));
    if (screen.isJson) for (const run of fresh.toReversed()) screen.jsonLine(run);
    else if (fresh.length > 0) screen.lines(table.lines(fresh.toReversed()));
  };
}
