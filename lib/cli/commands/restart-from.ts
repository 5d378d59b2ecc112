import { audited } from '../acts/audited.js';
import type { Context } from '../command.js';
import { findRun } from '../database/find-run.js';

export async function run(context: Context, [prefix = '', step = '']: readonly string[]): Promise<void> {
  const { screen } = context;
  const id = await findRun(await context.database(), prefix);
  const { client } = await context.clients();
  const deed = { action: 'run.restart', targetKind: 'run', targetId: id, details: { step } } as const;
  const handle = await audited(
    context,
    deed,
    () => client.restartFrom(id, step),
    (made) => ({ details: { step, newRun: made.id } }),
  );
  if (screen.isJson) screen.json({ id: handle.id, retryOf: id, step });
  else screen.line(`Run ${id} starts anew at ${step} as ${handle.id}.`);
}
