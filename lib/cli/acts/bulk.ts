import { actOnMany as actOnAll, type BulkOutcome, type BulkWatch } from '../../client/bulk.js';
import type { Execution } from '../../core/run/execution.js';
import { read, textOf } from '../../core/text-of.js';
import { type Context, flag, type Options, text } from '../command.js';
import { Failure, Interrupted } from '../failure.js';
import { hasError, readFilters } from '../runs/filters.js';
import { LOOKED_AT } from '../runs/pages.js';
import { integer } from '../values.js';
import { refusalLine } from './refusal.js';
import type { RunAct } from './run-act.js';
import { once } from './once.js';

/** Refusals that are told one by one; of more only how many. */
const TOLD = 10;

/** Acts on all runs that fit, the oldest first, after a yes; Ctrl-C ends it between two runs. */
export async function actOnMany(context: Context, act: RunAct, options: Options): Promise<number> {
  const { screen, signal } = context;
  const limitText = text(options, 'limit');
  const limit = limitText === undefined ? Infinity : integer('--limit', limitText, 1);
  const filters = await readFilters(context, options);
  const error = text(options, 'error');
  const { client, bulk } = await context.clients();
  const look = { fits: (run: Execution) => hasError(run, error), satisfied: act.satisfied, signal };
  let changed = 0;
  const change = async (id: string): Promise<boolean | null> => {
    try {
      const isChanged = (await once(context, act, client, id, bulk)).changed;
      if (isChanged) changed++;
      return isChanged || null;
    } catch (refusal) {
      if (refusal instanceof Failure) return false;
      throw refusal;
    }
  };
  const carryOut = (dryRun: boolean, watch: BulkWatch): Promise<BulkOutcome> =>
    actOnAll({ ...bulk, act: change }, act.verb, filters, { limit, dryRun }, watch);

  const [dryRun, yes] = [flag(options, 'dryRun'), flag(options, 'yes')];
  // Before the question so many are looked at; the act goes through all that fit, page by page.
  const would = dryRun || !yes ? await carryOut(true, { ...look, most: LOOKED_AT }) : null;
  if (signal.aborted) throw new Interrupted();
  let done = would;
  // Nobody is asked about nothing; a script that lacks the yes is told so whatever fits.
  if (!dryRun && (would?.count !== 0 || would.more === true || !context.screen.interactive)) {
    if (would !== null) await askFor(context, `${capital(act.verb)} ${runsOf(would)}?`, false);
    const since = performance.now();
    const total = would === null || would.more === true ? null : would.count;
    const onProgress = (count: number): void => screen.progress(act.past, count, total, since);
    done = await carryOut(false, { ...look, onProgress }).catch((cause: unknown) => {
      throw changed === 0 || signal.aborted ? cause : brokenOff(cause, act, changed);
    });
  }
  return tell(context, act, done ?? { count: 0, refused: [] }, dryRun);
}

/** As a rule an outage: what was done before stays done, and would be told by nobody. */
function brokenOff(error: unknown, { past }: RunAct, count: number): Failure {
  const done = `${runs(count)} ${count === 1 ? 'was' : 'were'} ${past.toLowerCase()} before; give it again to go on.`;
  const code = read(error, 'code');
  return new Failure(`${textOf(error).replace(/\.?$/, '.')} ${done}`, 1, typeof code === 'string' ? code : null);
}

function tell({ screen, signal }: Context, act: RunAct, outcome: BulkOutcome, dryRun: boolean): number {
  const { count, refused, more } = outcome;
  if (screen.isJson) screen.json({ ...outcome, ...(dryRun ? { dryRun } : {}) });
  else if (count === 0 && refused.length === 0 && more !== true && !signal.aborted)
    screen.line(`No run fits: there is nothing to ${act.verb}.`);
  else if (dryRun) screen.line(`Would ${act.verb} ${runsOf(outcome)}.`);
  else screen.line(`${act.past} ${runs(count)}.`);
  if (more === true)
    screen.say(`Of the oldest ${LOOKED_AT} runs that the filters fit; without --dry-run it goes through all.`);
  const was = dryRun ? 'would be' : 'was';
  for (const refusal of refused.slice(0, TOLD)) screen.say(refusalLine(refusal, was));
  if (refused.length > TOLD) screen.say(`And ${refused.length - TOLD} more; --json has all.`);
  if (signal.aborted) throw new Interrupted();
  return refused.length > 0 && !dryRun ? 1 : 0;
}

/** @throws Failure without a yes */
export async function askFor({ screen, signal }: Context, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  // What is asked rests on a count that Ctrl-C may have cut short.
  if (signal.aborted) throw new Interrupted();
  if (!screen.interactive) throw new Failure(`${question} Nobody can be asked here: give --yes.`);
  const agreed = await screen.confirm(question);
  if (signal.aborted) throw new Interrupted();
  if (!agreed) throw new Failure('Nothing was done.');
}

function runsOf({ count, more }: BulkOutcome): string {
  return more === true ? `${count} or more runs` : runs(count);
}

function runs(count: number): string {
  return count === 1 ? '1 run' : `${count} runs`;
}

function capital(verb: string): string {
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)}`;
}
