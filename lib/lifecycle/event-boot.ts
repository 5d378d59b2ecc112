import type { Logger } from '@nestjs/common';
import type { Redaction } from '../core/redact/redact.js';
import type { Closers } from './closers.js';
import { EventHub } from '../events/hub.js';
import type { HintConnection } from './hints.js';
import type { BootContext } from '../engine/ports/boot-context.js';
import type { Connections } from '../storage/connection/connections.js';
import { EventLink } from '../storage/notify/event-link.js';
import type { PgEventReads } from '../storage/reads/event-reads.js';
import { queryOf } from '../storage/connection/transaction.js';

/** ms for the last events at shutdown. */
const LAST_EVENTS = 300;

interface EventParts {
  readonly connections: Connections;
  readonly schema: string;
  readonly redact: Redaction;
  readonly reads: PgEventReads;
  readonly hints: HintConnection;
  readonly context: BootContext;
  readonly closers: Closers;
  readonly log: Logger;
}

/** The hub of one instance; it opens connections of its own only when somebody listens. */
export function openEvents({ connections, schema, redact, reads, hints, context, closers, log }: EventParts): EventHub {
  const { listener } = hints;
  const query = queryOf(connections.pool);
  const remote = listener === null ? null : { listener, link: new EventLink(listener, query, schema) };
  const hub = new EventHub({ reads, remote, redact, context, warn: (message) => log.warn(message) });
  closers.add('the events', () => hub.close(), LAST_EVENTS);
  return hub;
}
