import { WHY_NOT, wouldChange } from '../../client/bulk.js';
import { ExecutionNotFoundError } from '../../core/errors/errors.js';
import { read } from '../../core/text-of.js';
import { type Context, flag, type Options, text } from '../command.js';
import { findRun } from '../database/find-run.js';
import { Interrupted, usage } from '../failure.js';
import { hasFilters } from '../runs/filters.js';
import type { RunAct } from './run-act.js';
import { once } from './once.js';
import { type Refusal, refusalLine, refusalOf } from './refusal.js';

/** @returns the exit code: 1 where a run was refused */
export async function actOnRuns(
  context: Context,
  act: RunAct,
  ids: readonly string[],
  options: Options,
): Promise<number> {
  const filtered = hasFilters(options);
  if (ids.length > 0 && filtered) throw usage(`${act.verb} takes ids or filters, not both.`);
  if (filtered) {
    const { actOnMany } = await import('./bulk.js');
    return actOnMany(context, act, options);
  }
  if (ids.length === 0) throw usage(`Which runs? Give ids, or filters such as --status and --workflow.`);
  if (text(options, 'limit') !== undefined) throw usage('--limit belongs to filters.');
  return actOnIds(context, act, ids, flag(options, 'dryRun'));
}

async function actOnIds(context: Context, act: RunAct, prefixes: readonly string[], dryRun: boolean): Promise<number> {
  const { screen, signal } = context;
  const database = await context.database();
  // All are looked up before anything is done: a wrong id stops it at the beginning.
  const found = new Set<string>();
  for (const prefix of prefixes) found.add(await findRun(database, prefix));
  const ids = [...found];
  const { client } = await context.clients();
  const [only] = ids;
  if (ids.length === 1 && only !== undefined && !dryRun) {
    const done = await once(context, act, client, only);
    if (screen.isJson) screen.json({ id: only, changed: done.changed, ...done.result });
    else screen.line(`Run ${only} ${done.what}.`);
    return 0;
  }
  const refused: Refusal[] = [];
  const runs: object[] = [];
  let count = 0;
  let outage: unknown;
  for (const id of ids) {
    if (signal.aborted) break;
    if (dryRun) {
      const run = await client.getExecution(id);
      if (run === null) throw new ExecutionNotFoundError(id);
      if (wouldChange(act.verb, run)) {
        count++;
        if (!screen.isJson) screen.line(`Would ${act.verb} run ${id}.`);
      } else if (act.satisfied(run)) {
        screen.say(`Run ${id} would be left alone: ${WHY_NOT[act.verb]}`);
      } else {
        refused.push({ id, code: 'UNCHANGED', message: WHY_NOT[act.verb] });
        screen.say(`Run ${id} would be refused: ${WHY_NOT[act.verb]}`);
      }
      continue;
    }
    try {
      const done = await once(context, act, client, id);
      count += done.changed ? 1 : 0;
      runs.push({ id, changed: done.changed, ...done.result });
      if (!screen.isJson) screen.line(`Run ${id} ${done.what}.`);
    } catch (error) {
      // It says nothing of this run, and each of the others would wait as long.
      if (read(error, 'code') === 'DATABASE_UNAVAILABLE') {
        outage = error;
        break;
      }
      const refusal = refusalOf(id, error);
      refused.push(refusal);
      screen.say(refusalLine(refusal));
    }
  }
  // Also of what was broken off: what was done stays done.
  if (screen.isJson) screen.json({ count, refused, ...(dryRun ? { dryRun } : { runs }) });
  if (outage !== undefined) throw outage;
  if (signal.aborted) throw new Interrupted();
  return refused.length > 0 && !dryRun ? 1 : 0;
}
