import type { Execution, RunFilters } from '../../core/run/execution.js';
import type { ExecutionStatus } from '../../core/run/status.js';
import { type Context, flag, type Options, text } from '../command.js';
import { usage } from '../failure.js';
import { ShortIds } from '../database/short-ids.js';
import { runColumns } from '../runs/columns.js';
import { hasError, readFilters } from '../runs/filters.js';
import { boundedPagesOf, LOOKED_AT, untilAfter } from '../runs/pages.js';
import { integer } from '../values.js';

const DEFAULT_LIMIT = 50;
/** Runs that have an error are among these. */
const WITH_ERROR: readonly ExecutionStatus[] = [
  'failed',
  'compensated',
  'compensation_failed',
  'compensating',
  'cancelled',
  'paused',
];

export async function run(context: Context, _: readonly string[], options: Options): Promise<void> {
  const limitText = text(options, 'limit');
  const limit = limitText === undefined ? null : integer('--limit', limitText, 1);
  const error = text(options, 'error');
  if (flag(options, 'group') && flag(options, 'follow')) throw usage('--group and --follow do not go together.');
  const filters = await readFilters(context, options);
  const narrowed = error === undefined || filters.status !== undefined ? filters : { ...filters, status: WITH_ERROR };
  if (flag(options, 'group')) {
    const { printGroups } = await import('../runs/groups.js');
    return printGroups(context, narrowed, error, limit);
  }
  if (flag(options, 'follow')) {
    const { followRuns } = await import('../runs/follow-list.js');
    return followRuns(context, narrowed, error, limit ?? DEFAULT_LIMIT);
  }
  const count = await print(context, narrowed, error, limit ?? DEFAULT_LIMIT);
  // Whoever has named a number knows that it is one.
  if (limit === null && count === DEFAULT_LIMIT)
    context.screen.say(`The newest ${DEFAULT_LIMIT}: there may be more, which --limit shows.`);
}

async function print(context: Context, filters: RunFilters, error: string | undefined, limit: number): Promise<number> {
  const { screen, signal } = context;
  const { reads } = await context.clients();
  const ids = new ShortIds(context);
  const table = screen.table(runColumns(screen, ids));
  let [count, more] = [0, false];
  let last: Execution | undefined;
  for await (const { page, beyond } of boundedPagesOf(reads, filters, error === undefined ? limit : LOOKED_AT)) {
    signal.throwIfAborted();
    last = page.at(-1) ?? last;
    more = beyond;
    const fitting = page.filter((one) => hasError(one, error)).slice(0, limit - count);
    await ids.learn(fitting.map(({ id }) => id));
    // Item by item: a document of any length is never in memory as a whole.
    if (screen.isJson) fitting.forEach((one, at) => screen.jsonItem(one, count + at === 0));
    else if (fitting.length > 0) screen.lines(table.lines(fitting));
    count += fitting.length;
    await screen.flow();
    if (count >= limit) break;
  }
  if (screen.isJson) screen.jsonItemsEnd(count === 0);
  else if (count === 0) screen.say('No run fits.');
  if (error !== undefined && count < limit && more && last !== undefined)
    screen.say(`Looked at the newest ${LOOKED_AT} that the other filters fit; go on with --until ${untilAfter(last)}.`);
  return count;
}
