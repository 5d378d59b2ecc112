import type { DurableClient } from '../../client/durable.client.js';
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
  if (screen.isJson) return screen.json({ id, name });
  screen.line(`Event ${name} was sent to run ${id}.`);
  // It was sent, whatever this look comes to.
  if (await isKept(client, id, name).catch(() => false)) {
    screen.say(`No step of it waits for ${name} now: it is kept for the first that does.`);
  }
}

async function isKept(client: DurableClient, id: string, name: string): Promise<boolean> {
  const untaken = await client.listEvents(id, { unmatched: true });
  if (!untaken.some((event) => event.name === name)) return false;
  // One of several that a step waits for is not taken before the last of them.
  const standing = await client.explain(id);
  return standing?.waits.every(({ names }) => !names.includes(name)) === true;
}
