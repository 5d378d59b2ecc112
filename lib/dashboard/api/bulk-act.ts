import { type Execution, isFinished, textOf } from '../durable.js';
import type { Call } from '../http/call.js';
import { toRequestError } from '../http/errors.js';
import type { Act, Prepared } from './bulk-book.js';

/** Why a run is not started anew by an act on many: one that was broken off would start it twice when it is asked for again. */
export const RETRIED = 'was retried already';

/** Acts that start another run. */
export const startsAnew = (act: Act): boolean => act === 'retry' || act === 'restart';

/** Why it cannot be done to the run as it stands; null: it can. */
export function obstacle(act: Act, { status, pauseRequested }: Execution): string | null {
  const ended = isFinished(status);
  if (startsAnew(act)) return ended ? null : 'has not ended';
  if (ended) return 'has ended';
  if (act === 'resume') return status === 'paused' || pauseRequested ? null : 'is not paused';
  if (act === 'pause' && pauseRequested) return 'is to be paused already';
  if (act === 'pause' && status === 'paused') return 'is paused already';
  return act === 'cancel' && status === 'compensating' ? 'is being undone already' : null;
}

/** What came of it, for the audit row; null: it was left alone, as one that was started anew already. */
type Did = { readonly changed: boolean } | { readonly newRun: string } | null;

/**
 * Does it to one run, and keeps that it did: the run's history says who. It resolves to why the run was left as it is, null
 * where it was changed.
 * @throws RequestError
 */
export function actor(call: Call, { act, options }: Prepared): (id: string) => Promise<string | null> {
  const { services } = call;
  const [reason, step] = [options['reason'] as string | undefined, options['step'] as string | undefined];
  const { client } = services;
  const changes = async (work: Promise<boolean>): Promise<Did> => ({ changed: await work });
  const anew = (newRun: string | null): Did => (newRun === null ? null : { newRun });
  const does: Readonly<Record<Act, (id: string) => Promise<Did>>> = {
    // Since the preview somebody else may have done it, or this same act in another process.
    retry: async (id) => anew(await (await services.starts()).retryOnce(id)),
    restart: async (id) => anew(await (await services.starts()).restartOnce(id, step ?? '')),
    cancel: (id) => changes(client.cancel(id, reason, { compensate: options['compensate'] === true })),
    pause: (id) => changes(client.pause(id)),
    resume: (id) => changes(client.resume(id)),
  };
  const details = { bulk: true, ...(reason !== undefined && { reason }), ...(step !== undefined && { step }) };
  const write = writer(call, act);
  return async (id) => {
    let did: Did;
    try {
      did = await does[act](id);
    } catch (thrown) {
      const error = toRequestError(thrown, services.warn);
      await write(id, details, 'failed', error.code);
      throw error;
    }
    if (did === null) return RETRIED;
    if ('newRun' in did) await write(id, { ...details, newRun: did.newRun });
    else await write(id, did.changed ? details : { ...details, changed: false });
    return 'newRun' in did || did.changed ? null : whyNot(call, act, id);
  };
}

/** Why it changed nothing. */
async function whyNot({ services }: Call, act: Act, id: string): Promise<string> {
  const look = services.looks.reads().then((reads) => reads.byIds([id]));
  // That it changed nothing is known, whether this can be read or not.
  const [run] = await look.catch(() => []);
  return (run && obstacle(act, run)) ?? 'had nothing to change';
}

type Write = (id: string, details: object, outcome?: 'done' | 'failed', code?: string | null) => Promise<void>;

function writer({ services, actor: who, request: { ip } }: Call, act: Act): Write {
  const action = `run.${act}`;
  return async (id, details, outcome = 'done', code = null) => {
    const row = { actor: who, action, targetKind: 'run', targetId: id, outcome, code, ip } as const;
    await services.audit({ ...row, details: { ...details } }).catch((error: unknown) => {
      services.warn(`No audit row could be written for ${action} of ${id}: ${textOf(error)}`);
    });
  };
}
