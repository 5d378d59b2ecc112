import { ExecutionNotFoundError } from '../../core/errors/errors.js';
import { NAME } from '../../core/limits.js';
import { isFinished } from '../../core/run/status.js';
import type { NumberedEntry } from '../../storage/reads/log-reads.js';
import { type Context, flag, type Options, text } from '../command.js';
import type { Clients } from '../database/client.js';
import { findRun } from '../database/find-run.js';
import { follow } from '../runs/follow.js';
import { logLine } from '../runs/log-line.js';
import { fitting } from '../values.js';

/** ms between looks. */
const INTERVAL = 500;
/** Lines that are read at a time. */
const PAGE = 1_000;

export async function run(context: Context, [prefix = '']: readonly string[], options: Options): Promise<void> {
  const { screen, signal } = context;
  const step = text(options, 'step');
  if (step !== undefined) fitting('--step', step, NAME);
  const id = await findRun(await context.database(), prefix);
  const clients = await context.clients();
  const follows = flag(options, 'follow');
  let count = 0;
  let last: number | null = null;
  let known = false;
  const look = async (): Promise<boolean> => {
    const execution = await clients.client.getExecution(id);
    // One that was deleted while it was followed has ended.
    if (execution === null && !known) throw new ExecutionNotFoundError(id);
    known = true;
    for await (const page of pagesAfter(clients, id, step ?? null, last)) {
      signal.throwIfAborted();
      last = page.at(-1)?.seq ?? last;
      // Records of what runs at a time come one after the other.
      for (const { seq: _, ...entry } of page.toSorted((a, b) => a.time.getTime() - b.time.getTime())) {
        if (!screen.isJson) screen.lines(screen.wrap(logLine(screen, entry), 2));
        else if (follows) screen.jsonLine(entry);
        else screen.jsonItem(entry, count === 0);
        count++;
      }
      await screen.flow();
    }
    return execution === null || isFinished(execution.status);
  };
  if (follows) return follow(context, INTERVAL, look);
  await look();
  if (screen.isJson) screen.jsonItemsEnd(count === 0);
  else if (count === 0) screen.say('Nothing was logged.');
}

/** Lines after that one, in the memory of one page; null: from the first. */
async function* pagesAfter(
  { storage }: Clients,
  id: string,
  step: string | null,
  after: number | null,
): AsyncGenerator<readonly NumberedEntry[]> {
  for (let at = after; ;) {
    const from = at === null ? null : ({ way: 'next', seq: at } as const);
    const found = await storage.logs.page(id, { step, levels: null, text: null, from, limit: PAGE });
    if (found === null) return;
    if (found.entries.length > 0) yield found.entries;
    if (found.reached === null) return;
    at = found.reached;
  }
}
