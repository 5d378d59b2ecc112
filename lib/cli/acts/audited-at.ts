import { read } from '../../core/text-of.js';
import { type AuditEntry, PgAudit } from '../../storage/client/audit.js';
import { Connections } from '../../storage/connection/connections.js';
import { serverAnswer } from '../../storage/connection/connection-errors.js';
import type { Context } from '../command.js';
import type { Reached } from '../database/target.js';
import { actor } from './actor.js';

/** SQLSTATE: no such schema, no such table. */
const NO_TABLES = new Set(['3F000', '42P01']);

/** As `audited()`, of acts on the tables themselves: where they are not there there is no row. */
export async function auditedAt<T>(
  context: Context,
  { target, schema }: Reached,
  action: string,
  work: () => Promise<T>,
  detailsOf: (result: T) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<T> {
  const write = async (outcome: AuditEntry['outcome'], code: string | null, details: AuditEntry['details']) => {
    const connections = new Connections(target, { direct: false, poolSize: 1 });
    try {
      const entry = { actor: actor(), action, targetKind: null, targetId: null, outcome, code, details, ip: null };
      await new PgAudit(connections.pool, schema).add(entry);
    } catch (error) {
      const answer = serverAnswer(error) ?? serverAnswer(read(error, 'cause'));
      if (!NO_TABLES.has(answer?.code ?? '')) context.screen.say(`No audit row could be written for ${action}.`);
    } finally {
      await connections.close();
    }
  };
  context.acts();
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const code = read(error, 'code');
    await write('failed', typeof code === 'string' ? code : null, {});
    throw error;
  }
  await write('done', null, detailsOf(result));
  return result;
}
