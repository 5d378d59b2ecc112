import { read } from '../../core/text-of.js';
import { type AuditEntry, PgAudit } from '../../storage/client/audit.js';
import type { Context } from '../command.js';
import { Failure } from '../failure.js';
import { actor } from './actor.js';

/** What is done, in the words of the dashboard's actions, to what. No payloads. */
export interface Deed {
  readonly action: string;
  readonly targetKind: AuditEntry['targetKind'];
  readonly targetId: string | null;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Does it, and writes down who did, whether it was done or not. `after`: what is known then. */
export async function audited<T>(
  context: Context,
  deed: Deed,
  work: () => Promise<T>,
  after: (result: T) => Partial<Deed> = () => ({}),
): Promise<T> {
  context.acts();
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const code = read(error, 'code');
    const further = error instanceof Failure ? error.details : {};
    const failed = { ...deed, details: { ...deed.details, ...further } };
    await write(context, failed, 'failed', typeof code === 'string' ? code : null);
    throw error;
  }
  await write(context, { ...deed, ...after(result) }, 'done', null);
  return result;
}

async function write(
  context: Context,
  { action, targetKind, targetId, details = {} }: Deed,
  outcome: AuditEntry['outcome'],
  code: string | null,
): Promise<void> {
  try {
    const { pool, schema } = await context.database();
    const entry = { actor: actor(), action, targetKind, targetId, outcome, code, details, ip: null };
    await new PgAudit(pool, schema).add(entry);
  } catch {
    // What was done stays done.
    context.screen.say(`No audit row could be written for ${action}${targetId === null ? '' : ` of ${targetId}`}.`);
  }
}
