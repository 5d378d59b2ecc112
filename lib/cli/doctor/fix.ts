import { EVERYBODY } from '../../engine/worker/turns.js';
import { describeTarget } from '../../storage/connection/database-target.js';
import { type Lender, queryOf, readsOf } from '../../storage/connection/transaction.js';
import { findUnsound, repair } from '../../storage/engine/reconcile.js';
import { migrate, pendingMigrations } from '../../storage/migrations/migrator.js';
import { channelOf } from '../../storage/notify/listener.js';
import { notify, packHints } from '../../storage/notify/notifier.js';
import type { Context } from '../command.js';
import type { Reached } from '../database/target.js';

/** Rows of the queue that one statement looks through. */
const STRETCH = 1_000;

/** Repairs what is safe at any time: lacking migrations, and runs that nothing would wake. Each is named first. */
export async function fix({ screen, signal }: Context, { target, schema }: Reached, pool: Lender): Promise<void> {
  const pending = await pendingMigrations({ target, schema });
  if (pending.length > 0) {
    screen.say(`Applies ${pending.map(({ name }) => name).join(', ')} on ${describeTarget(target)}.`);
    await migrate({ target, schema });
  }
  const query = readsOf(pool);
  let after: string | null = null;
  do {
    const found: { rows: string[]; next: string | null } = await findUnsound(query, schema, after, STRETCH);
    after = found.next;
    if (found.rows.length === 0) continue;
    screen.say(`Wakes what stands still: ${found.rows.join(', ')}.`);
    const mended = await repair(query, schema, found.rows);
    for (const { subject, what } of mended.found) screen.say(`Mended ${subject}: ${what}.`);
    const queues = [...new Set(mended.woken.map((run) => run.queue))].map((queue) => [queue, EVERYBODY] as const);
    await notify(queryOf(pool), channelOf(schema), packHints({ q: queues }, 'cli'));
  } while (after !== null && !signal.aborted);
}
