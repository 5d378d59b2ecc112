import type { Execution, RunFilters } from '../../core/run/execution.js';
import { EXECUTION_STATUSES } from '../../core/run/status.js';
import { type Context, type Options, text, texts } from '../command.js';
import { findRun } from '../database/find-run.js';
import { NAME, QUEUE_NAME } from '../../core/limits.js';
import { fitting, several, tags, time } from '../values.js';

/** The filters that were given. */
export async function readFilters(context: Context, options: Options): Promise<RunFilters> {
  const statuses = texts(options, 'status');
  const [workflow, queue, parent] = ['workflow', 'queue', 'parent'].map((name) => text(options, name));
  const [since, until] = [text(options, 'since'), text(options, 'until')];
  const tagged = texts(options, 'tag');
  const filters = {
    status: statuses.length === 0 ? undefined : several('--status', statuses, EXECUTION_STATUSES),
    tags: tagged.length === 0 ? undefined : tags('--tag', tagged),
    workflow: workflow === undefined ? undefined : fitting('--workflow', workflow, NAME),
    queue: queue === undefined ? undefined : fitting('--queue', queue, QUEUE_NAME),
  };
  const times = (now: number): Pick<RunFilters, 'since' | 'until'> => ({
    ...(since === undefined ? {} : { since: time('--since', since, now) }),
    ...(until === undefined ? {} : { until: time('--until', until, now) }),
  });
  // What cannot be read is told before a database is looked for; so long ago is by the clock of that.
  times(Date.now());
  const database = await context.database();
  const parentId = parent === undefined ? undefined : await findRun(database, parent);
  const given = Object.entries({ ...filters, ...times(database.now()), parentId }).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(given);
}

export function hasFilters(options: Options): boolean {
  return ['status', 'workflow', 'queue', 'tag', 'parent', 'since', 'until', 'error'].some(
    (name) => options[name] !== undefined,
  );
}

/** Whether the text is in the name or the message of its error, whatever the case. */
export function hasError({ error }: Execution, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  return error !== null && `${error.name}: ${error.message}`.toLowerCase().includes(wanted.toLowerCase());
}
