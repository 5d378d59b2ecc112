import { NO_REDACTION } from '../../core/redact/redact.js';
import { DurableClient } from '../../client/durable.client.js';
import type { DurableHost, DurableRuntime } from '../../lifecycle/host.js';
import { DurableQueues } from '../../client/durable.queues.js';
import { Registry } from '../../engine/ports/registry.js';
import { channelOf } from '../../storage/notify/listener.js';
import { packHints } from '../../storage/notify/notifier.js';
import { PgControl } from '../../storage/client/control.js';
import type { Database } from './database.js';
import { OutsideEngine } from './outside-engine.js';

/** Largest payload that is taken, bytes: the module's default. */
const MAX_PAYLOAD = 2 * 1024 * 1024;

/** The client and the queues of an app, on a database alone: no Nest, no workers, no workflow's code. */
export interface Clients {
  readonly client: DurableClient;
  readonly queues: DurableQueues;
  /** Sends what waits to be sent. */
  close(): Promise<void>;
}

export function openClients(database: Database): Clients {
  const { pool, schema, instanceId } = database;
  const control = new PgControl({ pool, schema, instanceId, hint: null });
  const engine = new OutsideEngine({ pool, schema, control, now: () => database.now() });
  const runtime = {
    engine,
    deps: {},
    events: engine.events,
    registry: new Registry(),
    store: { lastCommitAge: null },
    schedules: [],
    pool,
    schema,
    appDataSource: null,
    instanceId,
    listening: () => false,
    hint: (queue: string, later: boolean) => ({
      channel: channelOf(schema),
      payload: packHints(later ? { t: [queue] } : { q: [queue] }, 'tx')[0] ?? '',
    }),
    looseHint: null,
  };
  const options = { maxPayloadBytes: MAX_PAYLOAD, redact: NO_REDACTION, queues: new Map() };
  const host = {
    name: 'cli',
    options,
    ready: async () => runtime as unknown as DurableRuntime,
  } as unknown as DurableHost;
  return { client: new DurableClient(host), queues: new DurableQueues(host), close: () => engine.close() };
}
