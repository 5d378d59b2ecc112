import type { Logger } from '@nestjs/common';
import type { Redaction } from './core/redact.js';
import type { Closers } from './durable.closers.js';
import { EventHub } from './durable.event-hub.js';
import type { HintConnection } from './durable.hints.js';
import type { BootContext } from './engine/boot-context.js';
import type { Connections } from './storage/connections.js';
import { EventLink } from './storage/event-link.js';
import { PgEventReads } from './storage/event-reads.js';
import { queryOf } from './storage/transaction.js';

/** ms for the last events at shutdown. */
const LAST_EVENTS = 300;

/** The hub of one instance; it opens connections of its own only when somebody listens. */
export function openEvents(
  { pool }: Connections,
  schema: string,
  redact: Redaction,
  { listener }: HintConnection,
  context: BootContext,
  closers: Closers,
  log: Logger,
): EventHub {
  const remote = listener === null ? null : { listener, link: new EventLink(listener, queryOf(pool), schema) };
  const reads = new PgEventReads(pool, schema, redact);
  const hub = new EventHub({ reads, remote, redact, context, warn: (message) => log.warn(message) });
  closers.add('the events', () => hub.close(), LAST_EVENTS);
  return hub;
}
