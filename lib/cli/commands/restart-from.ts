import type { Context } from '../command.js';
import { findRun } from '../database/find-run.js';

export async function run(context: Context, [prefix = '', step = '']: readonly string[]): Promise<void> {
  const { screen } = context;
  const id = await findRun(await context.database(), prefix);
  const { client } = await context.clients();
  const handle = await client.restartFrom(id, step);
  if (screen.isJson) screen.json({ id: handle.id, retryOf: id, step });
  else screen.line(`Run ${id} starts anew at ${step} as ${handle.id}.`);
}
