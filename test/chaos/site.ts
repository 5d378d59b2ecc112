import { type DurableClient, DurableHealthIndicator } from 'nest-durable';
import { openApp } from '../support/faults/app.js';
import { Effects } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { Load, type LoadOptions } from '../support/faults/load.js';
import type { WorkerSettings } from '../support/faults/worker.js';
import { type ProcessMaking, WorkerProcess } from '../support/faults/worker-process.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitWorkflows } from '../support/faults/wait-workflows.js';
import { faultWorkflows } from '../support/faults/workflows.js';
import type { Trial } from './fault.js';

/** Where a trial takes place: a database, a client on it, and worker processes. All of it ends with the trial. */
export interface Site {
  readonly ground: Ground;
  /** In the test's own process, past the faults of the network. */
  readonly client: DurableClient;
  /** Of a worker in the test's own process, on the client's way to the database. */
  health(): Promise<DurableHealthIndicator>;
  load(options?: LoadOptions): Load;
  worker(settings: Partial<WorkerSettings>, making?: ProcessMaking): Promise<WorkerProcess>;
}

export interface SiteOptions {
  /** URL of a server for the engine alone. Default: that of the test run. */
  readonly server?: string;
  /** The client's way to the database. Default: straight. */
  readonly clientUrl?: (url: string) => string;
}

/** The queues that the workflows of the fault tests use. */
export const QUEUES = { default: {}, elsewhere: {} };

export async function openSite(trial: Trial, { server, clientUrl }: SiteOptions = {}): Promise<Site> {
  const ground = await openGround(server);
  trial.after(() => ground.close());
  const database = { url: clientUrl?.(ground.url) ?? ground.url };
  const effects = new Effects(ground.effects.pool, 'local');
  const app = await openApp({ database, workers: false });
  trial.after(() => app.close());
  return {
    ground,
    client: app.client,
    async health() {
      const local = await openApp({ database, queues: QUEUES }, [...faultWorkflows, ...waitWorkflows], effects);
      trial.after(() => local.close());
      return local.app.get(DurableHealthIndicator);
    },
    load(options) {
      const load = new Load(app.client, options);
      trial.after(() => load.abandon());
      return load;
    },
    async worker(settings, making) {
      const worker = await WorkerProcess.start(
        {
          url: ground.effects.url,
          engineUrl: ground.url,
          label: 'worker',
          options: { queues: QUEUES },
          dataSource: true,
          ...settings,
        },
        making,
      );
      trial.after(() => worker.end('SIGKILL'));
      return worker;
    },
  };
}

/** A network of its own to a server; to that of the test run where no other is named. */
export async function openProxy(trial: Trial, server = process.env['TEST_SERVER_URL'] ?? ''): Promise<TcpProxy> {
  const proxy = await startProxy(Number(new URL(server).port));
  trial.after(() => proxy.close());
  return proxy;
}
