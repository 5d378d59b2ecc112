import { actOnRuns } from '../acts/act.js';
import type { Context, Options } from '../command.js';
import type { Done } from '../acts/run-act.js';

export function run(context: Context, ids: readonly string[], options: Options): Promise<number> {
  return actOnRuns(
    context,
    {
      verb: 'retry',
      action: 'run.retry',
      past: 'Started anew',
      mustChange: true,
      satisfied: () => false,
      one: async (client, id) => started(id, (await client.retry(id)).id),
      oneOfMany: async (bulk, id) => {
        const made = await bulk.retryOnce(id);
        return made === null ? { changed: false, code: 'UNCHANGED', what: 'was retried before' } : started(id, made);
      },
    },
    ids,
    options,
  );
}

function started(id: string, made: string): Done {
  return { changed: true, made, what: `starts anew as ${made}`, result: { id: made, retryOf: id } };
}
