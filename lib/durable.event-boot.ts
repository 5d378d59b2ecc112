import type { Logger } from '@nestjs/common';
import type { Pool } from 'pg';
import type { Redaction } from './core/redact.js';
import type { Closers } from './durable.closers.js';
import { EventHub } from './durable.event-hub.js';
import type { HintConnection } from './durable.hints.js';
import type { DatabaseTarget } from './storage/database-target.js';
import { EventLink } from './storage/event-link.js';
import { PgEventReads } from './storage/event-reads.js';

/** The hub of one instance; it opens connections of its own only when somebody listens. */
export function openEvents(
  pool: Pool,
  target: DatabaseTarget,
  schema: string,
  redact: Redaction,
  { listener }: HintConnection,
  closers: Closers,
  log: Logger,
): EventHub {
  const remote = listener === null ? null : { listener, link: new EventLink(target, schema) };
  const reads = new PgEventReads(pool, schema, redact);
  const hub = new EventHub({ reads, remote, redact, warn: (message) => log.warn(message) });
  closers.add('the events', () => hub.close());
  return hub;
}
