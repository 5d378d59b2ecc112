import { NO_REDACTION } from '../../core/redact/redact.js';
import type { BulkClient } from '../../client/bulk.js';
import { DurableClient } from '../../client/durable.client.js';
import type { ClientHost, ClientRuntime } from '../../lifecycle/host.js';
import { InstanceStorage } from '../../lifecycle/storage.js';
import { StartsClient } from '../../client/starts.js';
import { DurableQueues } from '../../client/durable.queues.js';
import { Registry } from '../../engine/ports/registry.js';
import type { Database } from './database.js';
import { OutsideEngine } from './outside-engine.js';

/** Largest payload that is taken, bytes: the module's default. */
const MAX_PAYLOAD = 2 * 1024 * 1024;

/** The client and the queues of an app, on a database alone: no Nest, no workers, no workflow's code. */
export interface Clients {
  readonly client: DurableClient;
  readonly queues: DurableQueues;
  /** What an act on many runs looks at, and how it retries one of them: null: it was retried before. */
  readonly bulk: Omit<BulkClient, 'act'> & { readonly retryOnce: (id: string) => Promise<string | null> };
  /** Pages of runs. */
  readonly reads: Pick<InstanceStorage['reads'], 'page'>;
  /** Reads that only people need. */
  readonly storage: Pick<InstanceStorage, 'logs' | 'queues' | 'waitReads'>;
  /** Sends what waits to be sent. */
  close(): Promise<void>;
}

export function openClients(database: Database): Clients {
  const { pool, schema, instanceId } = database;
  // Nobody's transaction is joined here.
  const hints = { hint: null, unmatchedHint: null };
  const redact = NO_REDACTION;
  const storage = new InstanceStorage({ pool, schema, instanceId, redact, ...hints, engine: () => engine });
  const engine: OutsideEngine = new OutsideEngine({ pool, schema, storage, now: () => database.now() });
  const runtime: ClientRuntime = {
    engine,
    deps: {},
    events: engine.events,
    registry: new Registry(),
    storage,
    readers: () => pool,
    schema,
    appDataSource: null,
    listening: () => false,
  };
  const options = {
    maxPayloadBytes: MAX_PAYLOAD,
    redact,
    queues: new Map<string, never>(),
    notify: false,
  };
  const host: ClientHost = { options, ready: async () => runtime };
  const { reads } = storage;
  const starts = new StartsClient(runtime);
  return {
    client: new DurableClient(host),
    queues: new DurableQueues(host),
    bulk: {
      now: () => reads.now(),
      ids: (filters) => reads.listIds(filters),
      byIds: (ids) => reads.byIds(ids),
      retried: (ids) => reads.retried(ids),
      retryOnce: (id) => starts.retryOnce(id),
    },
    reads,
    storage,
    close: () => engine.close(),
  };
}
