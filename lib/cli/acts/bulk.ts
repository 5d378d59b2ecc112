import type { Execution, RunFilters } from '../../core/run/execution.js';
import type { DurableClient } from '../../client/durable.client.js';
import { type Context, flag, type Options, text } from '../command.js';
import { Failure, Interrupted } from '../failure.js';
import { hasError, readFilters } from '../runs/filters.js';
import { pagesOf } from '../runs/pages.js';
import { integer } from '../values.js';
import type { RunAct } from './run-act.js';
import { once } from './once.js';
import { type Refusal, refusalOf } from './refusal.js';

/** Runs that are acted on at a time. */
const AT_A_TIME = 4;
/** Refusals that are told one by one; of more only how many. */
const TOLD = 10;

interface Work {
  readonly context: Context;
  readonly act: RunAct;
  readonly filters: RunFilters;
  readonly error: string | undefined;
  readonly limit: number;
}

/** Acts on all runs that fit, after a yes; Ctrl-C ends it between two runs. */
export async function actOnMany(context: Context, act: RunAct, options: Options): Promise<number> {
  const { screen } = context;
  const limitText = text(options, 'limit');
  const limit = limitText === undefined ? Infinity : integer('--limit', limitText, 1);
  const given = await readFilters(context, options);
  const filters = given.status === undefined ? { ...given, status: act.statuses } : given;
  const work = { context, act, filters, error: text(options, 'error'), limit };
  const fitting = Math.min(limit, await countOf(work));
  if (flag(options, 'dryRun')) {
    if (screen.isJson) screen.json({ count: fitting, refused: [], dryRun: true });
    else screen.line(`Would ${act.verb} ${runs(fitting)}.`);
    return 0;
  }
  await askFor(context, `${capital(act.verb)} ${runs(fitting)}?`, flag(options, 'yes'));
  const { count, refused } = await actOnAll(work, fitting);
  if (screen.isJson) screen.json({ count, refused });
  else screen.line(`${act.past} ${runs(count)}.`);
  for (const { id, message } of refused.slice(0, TOLD)) screen.say(`Run ${id} was refused: ${message}`);
  if (refused.length > TOLD) screen.say(`And ${refused.length - TOLD} more were refused; --json has all.`);
  if (context.signal.aborted) throw new Interrupted();
  return refused.length > 0 ? 1 : 0;
}

/** @throws Failure without a yes */
export async function askFor({ screen, signal }: Context, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!screen.interactive) throw new Failure(`${question} Nobody can be asked here: give --yes.`);
  const agreed = await screen.confirm(question);
  if (signal.aborted) throw new Interrupted();
  if (!agreed) throw new Failure('Nothing was done.');
}

async function countOf({ context, filters, error }: Work): Promise<number> {
  const { client } = await context.clients();
  if (error === undefined) return client.countExecutions(filters);
  let count = 0;
  for await (const page of pagesOf(client, filters, Infinity))
    count += page.filter((run) => hasError(run, error)).length;
  return count;
}

async function actOnAll(work: Work, total: number): Promise<{ count: number; refused: Refusal[] }> {
  const { context, act, filters, error, limit } = work;
  const { screen, signal } = context;
  const { client } = await context.clients();
  const refused: Refusal[] = [];
  const since = performance.now();
  let count = 0;
  for await (const page of pagesOf(client, filters, Infinity)) {
    const fitting = page.filter((run) => hasError(run, error));
    for (let at = 0; at < fitting.length && count < limit && !signal.aborted; at += AT_A_TIME) {
      const batch = fitting.slice(at, at + Math.min(AT_A_TIME, limit - count));
      const done = await Promise.all(batch.map((run) => actOn(context, client, act, run)));
      count += done.filter((one) => one === null).length;
      refused.push(...done.filter((one) => one !== null));
      screen.progress(act.past, count, total, since);
    }
    if (count >= limit || signal.aborted) break;
  }
  return { count, refused };
}

/** @returns null: it was done */
async function actOn(context: Context, client: DurableClient, act: RunAct, { id }: Execution): Promise<Refusal | null> {
  try {
    const { changed, what } = await once(context, act, client, id);
    return changed ? null : { id, code: 'UNCHANGED', message: what };
  } catch (error) {
    return refusalOf(id, error);
  }
}

function runs(count: number): string {
  return count === 1 ? '1 run' : `${count} runs`;
}

function capital(verb: string): string {
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)}`;
}
