import { actOnRuns } from '../acts/act.js';
import type { Context, Options } from '../command.js';

export function run(context: Context, ids: readonly string[], options: Options): Promise<number> {
  return actOnRuns(
    context,
    {
      verb: 'pause',
      action: 'run.pause',
      past: 'Paused',
      mustChange: false,
      satisfied: ({ status, pauseRequested }) => status === 'paused' || pauseRequested,
      one: async (client, id) => {
        const changed = await client.pause(id);
        return { changed, what: changed ? 'is paused: nothing further of it starts' : 'was paused already' };
      },
    },
    ids,
    options,
  );
}
