import { actOnRuns } from '../acts/act.js';
import type { Context, Options } from '../command.js';

export function run(context: Context, ids: readonly string[], options: Options): Promise<number> {
  return actOnRuns(
    context,
    {
      verb: 'retry',
      action: 'run.retry',
      past: 'Started anew',
      mustChange: true,
      satisfied: () => false,
      one: async (client, id) => {
        const handle = await client.retry(id);
        return {
          changed: true,
          made: handle.id,
          what: `starts anew as ${handle.id}`,
          result: { id: handle.id, retryOf: id },
        };
      },
    },
    ids,
    options,
  );
}
