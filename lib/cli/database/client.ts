import { NO_REDACTION } from '../../core/redact/redact.js';
import { DurableClient } from '../../client/durable.client.js';
import type { ClientHost, ClientRuntime } from '../../lifecycle/host.js';
import { DurableQueues } from '../../client/durable.queues.js';
import { Registry } from '../../engine/ports/registry.js';
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
  const runtime: ClientRuntime = {
    engine,
    deps: {},
    events: engine.events,
    registry: new Registry(),
    pool,
    readers: () => pool,
    schema,
    appDataSource: null,
    instanceId,
    listening: () => false,
    // Nobody's transaction is joined here.
    hint: null,
    unmatchedHint: null,
  };
  const options = {
    maxPayloadBytes: MAX_PAYLOAD,
    redact: NO_REDACTION,
    queues: new Map<string, never>(),
    notify: false,
  };
  const host: ClientHost = { options, ready: async () => runtime };
  return { client: new DurableClient(host), queues: new DurableQueues(host), close: () => engine.close() };
}
