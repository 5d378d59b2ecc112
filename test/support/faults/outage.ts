import type { DurableModuleOptions, WorkflowHandle } from 'nest-durable';
import { expectInvariants } from '../invariants.js';
import { startProxy, type TcpProxy } from '../tcp-proxy.js';
import { type FaultApp, openApp } from './app.js';
import { Effects, effectsOf, repeatedEffects, until } from './effects.js';
import { openGround } from './ground.js';
import { faultWorkflows } from './workflows.js';

export interface Outage {
  readonly runs: number;
  readonly options: DurableModuleOptions;
  /** ms that a step takes. */
  readonly stepMs: number;
  /** The database goes away and comes back: resolves when it is back. */
  readonly strike: (proxy: TcpProxy) => Promise<void>;
}

export interface Survival {
  readonly effects: Record<string, number>;
  /** Those that were made more than once. */
  readonly repeated: readonly string[];
}

/**
 * Two workers under load lose the database, and get it back. They live all the while, so that no step may run twice,
 * however long it lasts; nor is a run lost.
 */
export async function surviveOutage({ runs: count, options, stepMs, strike }: Outage): Promise<Survival> {
  const { url, pool } = await openGround();
  const proxy = await startProxy(Number(new URL(url).port));
  const apps: FaultApp[] = [];
  try {
    for (const label of ['one', 'two']) {
      const database = { url: proxy.through(url) };
      apps.push(await openApp({ ...options, database }, faultWorkflows, new Effects(pool, label)));
    }
    const [one, two] = apps as [FaultApp, FaultApp];
    const items = Array.from({ length: count }, () => ({ input: { ms: stepMs } }));
    const runs: WorkflowHandle[] = await one.client.startMany('three', items);
    // Both are at it, with steps under way.
    for (const label of ['one', 'two']) await until(pool, 'SELECT FROM effects WHERE worker = $1', [label]);
    await strike(proxy);
    await Promise.all(runs.map((run, n) => (n % 2 === 0 ? run : two.client.handle(run.id)).result()));
    await expectInvariants(pool, { runs, records: 3 * count });
    return { repeated: await repeatedEffects(pool), effects: await effectsOf(pool, runs) };
  } finally {
    await proxy.up().catch(() => {});
    proxy.pass();
    await Promise.all(apps.map((app) => app.close()));
    await proxy.close();
    await pool.end();
  }
}
