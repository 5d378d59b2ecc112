import { actOnRuns } from '../acts/act.js';
import { type ExecutionStatus, isFinished } from '../../core/run/status.js';
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
        if (changed) return { changed, what: compensate ? 'is cancelled, and what it did is undone' : 'is cancelled' };
        const status = (await client.getExecution(id))?.status;
        return {
          changed,
          already: status === undefined || status === 'cancelled',
          ...(status && { status }),
          what: leftAlone(status),
        };
      },
    },
    ids,
    options,
  );
}

function leftAlone(status: ExecutionStatus | undefined): string {
  if (status === undefined) return 'is gone';
  if (status === 'compensating' || status === 'paused')
    return 'is left alone: it is being undone already; nothing but a pause stops that';
  if (!isFinished(status)) return 'is left alone: nothing can reach it. nest-durable doctor --verify says why';
  return `is left alone: it has ended as ${status.replace('_', ' ')}`;
}
