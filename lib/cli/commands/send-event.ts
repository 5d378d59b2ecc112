import { audited } from '../acts/audited.js';
import { type Context, type Options, text } from '../command.js';
import { findRun } from '../database/find-run.js';
import { KEY } from '../../core/limits.js';
import { dataOf, fitting } from '../values.js';

export async function run(
  context: Context,
  [prefix = '', name = '', payload]: readonly string[],
  options: Options,
): Promise<void> {
  const { screen } = context;
  const dedupeKey = text(options, 'dedupeKey');
  fitting('NAME', name, KEY);
  if (dedupeKey !== undefined) fitting('--dedupe-key', dedupeKey, KEY);
  const data = dataOf(payload, text(options, 'jsonFile'), 'the payload');
  const id = await findRun(await context.database(), prefix);
  const { client } = await context.clients();
  const deed = { action: 'event.send', targetKind: 'run', targetId: id, details: { name } } as const;
  await audited(context, deed, () => client.sendEvent(id, name, data, dedupeKey === undefined ? {} : { dedupeKey }));
  if (screen.isJson) screen.json({ id, name });
  else screen.line(`Event ${name} was sent to run ${id}.`);
}
