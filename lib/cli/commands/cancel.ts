import { actOnRuns } from '../acts/act.js';
import { REASON } from '../../core/limits.js';
import { fitting } from '../values.js';
import { type Context, flag, type Options, text } from '../command.js';

export function run(context: Context, ids: readonly string[], options: Options): Promise<number> {
  const reason = text(options, 'reason');
  if (reason !== undefined) fitting('--reason', reason, REASON);
  const compensate = flag(options, 'compensate');
  return actOnRuns(
    context,
    {
      verb: 'cancel',
      action: 'run.cancel',
      ...(reason === undefined && !compensate
        ? {}
        : { details: { ...(reason === undefined ? {} : { reason }), compensate } }),
      past: 'Cancelled',
      mustChange: true,
      satisfied: () => false,
      one: async (client, id) => {
        const changed = await client.cancel(id, reason, { compensate });
        const after = changed ? null : ((await client.getExecution(id))?.status ?? null);
        return {
          changed,
          already: after === 'cancelled',
          what: changed
            ? compensate
              ? 'is cancelled, and what it did is undone'
              : 'is cancelled'
            : `is left alone: it is ${after?.replace('_', ' ')}`,
        };
      },
    },
    ids,
    options,
  );
}
