import { actOnRuns } from '../acts/act.js';
import { isFinished } from '../../core/run/status.js';
import type { Context, Options } from '../command.js';

export function run(context: Context, ids: readonly string[], options: Options): Promise<number> {
  return actOnRuns(
    context,
    {
      verb: 'resume',
      action: 'run.resume',
      past: 'Resumed',
      mustChange: false,
      satisfied: ({ status, pauseRequested }) => !isFinished(status) && status !== 'paused' && !pauseRequested,
      one: async (client, id) => {
        const changed = await client.resume(id);
        return { changed, what: changed ? 'goes on' : 'was not paused' };
      },
    },
    ids,
    options,
  );
}
