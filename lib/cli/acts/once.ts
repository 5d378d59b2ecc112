import type { DurableClient } from '../../client/durable.client.js';
import { isFinished } from '../../core/run/status.js';
import type { Clients } from '../database/client.js';
import type { Context } from '../command.js';
import { Failure } from '../failure.js';
import { audited } from './audited.js';
import type { Done, RunAct } from './run-act.js';

/**
 * @param bulk of one of many that fit: that it has become so meanwhile, as a child with its parent, is no refusal
 * @throws Failure where it is not what it was asked to become
 */
export function once(
  context: Context,
  act: RunAct,
  client: DurableClient,
  id: string,
  bulk: Clients['bulk'] | null = null,
): Promise<Done> {
  const { action, details = {} } = act;
  const deed = { action, targetKind: 'run', targetId: id, details } as const;
  return audited(
    context,
    deed,
    async () => {
      const isOfMany = bulk !== null && act.oneOfMany !== undefined;
      const done = await (isOfMany ? act.oneOfMany(bulk, id) : act.one(client, id));
      const isWrong = !done.changed && act.mustChange && !(bulk !== null && done.already === true);
      if (isWrong) {
        const { status } = done;
        const { code = status === undefined || isFinished(status) ? 'EXECUTION_FINISHED' : 'UNCHANGED' } = done;
        throw new Failure(`Run ${id} ${done.what}.`, 1, code, {
          changed: false,
          ...(status === undefined ? {} : { status }),
        });
      }
      return done;
    },
    ({ changed, made }) => ({
      details: { ...details, ...(changed ? {} : { changed }), ...(made === undefined ? {} : { newRun: made }) },
    }),
  );
}
