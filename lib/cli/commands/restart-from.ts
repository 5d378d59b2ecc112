import { audited } from '../acts/audited.js';
import type { DurableClient } from '../../client/durable.client.js';
import { read, textOf } from '../../core/text-of.js';
import type { Context } from '../command.js';
import { findRun } from '../database/find-run.js';
import { Failure } from '../failure.js';

/** Steps that are named. */
const NAMED = 20;

export async function run(context: Context, [prefix = '', step = '']: readonly string[]): Promise<void> {
  const { screen } = context;
  const id = await findRun(await context.database(), prefix);
  const { client } = await context.clients();
  const deed = { action: 'run.restart', targetKind: 'run', targetId: id, details: { step } } as const;
  const handle = await audited(
    context,
    deed,
    () =>
      client.restartFrom(id, step).catch(async (error: unknown) => {
        throw isWrongStep(error) ? new Failure(await withPlaces(client, id, error), 1, 'INVALID_INPUT') : error;
      }),
    (made) => ({ details: { step, newRun: made.id } }),
  );
  if (screen.isJson) screen.json({ id: handle.id, retryOf: id, step });
  else screen.line(`Run ${id} starts anew at ${step} as ${handle.id}.`);
}

function isWrongStep(error: unknown): boolean {
  return read(error, 'code') === 'INVALID_INPUT';
}

/** What is wrong of it, and where the run can be restarted. */
async function withPlaces(client: DurableClient, id: string, error: unknown): Promise<string> {
  const why = textOf(error)
    .replace(/\s*\n\s*-?\s*/g, ' ')
    .replace(/[.?]?$/, (end) => end || '.');
  const points = (await client.restartPoints(id)).filter(({ ok }) => ok).map(({ step }) => step);
  if (points.length === 0)
    return `${why} It can be restarted at no step: nest-durable retry starts it anew as a whole.`;
  const shown = points.slice(0, NAMED).join(', ');
  return `${why} It can be restarted at ${shown}${points.length > NAMED ? ', …' : ''}.`;
}
