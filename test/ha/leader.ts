import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { effectsClock, onceUp, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { type Found, quantile, type Sizes, type Trial } from '../chaos/fault.js';
import type { Need } from '../chaos/needs.js';
import { openSite } from '../chaos/site.js';
import { type Cluster, type NodeName, startCluster } from './cluster.js';

export const TIMES: Sizes = { full: 10, short: 1 };
export const RUNS: Sizes = { full: 200, short: 20 };
export const NEEDS: readonly Need[] = ['postgresql-15', 'patroni', 'etcd-server', 'haproxy'];
export const BAR = 'nothing lost, doubled or stuck; no step of a living worker twice; goes on by itself';
export const MEASURED = 'the longest time in which no step began, of each change of leader';

/** ms in which all must have ended afterwards: three servers, their managers and the load share one machine. */
const PATIENCE = 300_000;

/** What befalls the leader, and what is done afterwards so that all three are there again. */
export interface Fall {
  readonly name: string;
  befall(cluster: Cluster, leader: NodeName, synchronous: NodeName): unknown;
  heal(cluster: Cluster, leader: NodeName): unknown;
}

/** The leader of a cluster under load falls, again and again. */
export async function replace(trial: Trial, { name, befall, heal }: Fall): Promise<Found> {
  const cluster = await startCluster(trial);
  const { ground, load: begin, worker } = await openSite(trial, { server: cluster.url });
  const workers = [await worker({ label: 'one' }), await worker({ label: 'two' })];
  const load = begin({ pace: 300 });
  const count = trial.size(TIMES);
  const times: number[] = [];
  /** Of those, what is the engine's own share: from the moment at which another server takes writes. */
  const own: number[] = [];
  for (let n = 0; n < count; n++) {
    const { leader, synchronous } = await cluster.whole();
    const known = load.runs.length;
    while (load.runs.length < known + 20) await pause(20);
    await pause(trial.random.next() * 1_000);
    const since = await effectsClock(ground.effects.pool);
    await befall(cluster, leader, synchronous);
    await cluster.leftBy(leader);
    const led = await effectsClock(ground.effects.pool);
    own.push(await wentOnAfter(ground.effects.pool, led));
    times.push(await longestGap(ground.effects.pool, since));
    await heal(cluster, leader);
  }
  await cluster.whole();
  const verdict = await onceUp(() => judge(ground, load, { patience: PATIENCE }));
  // By which it is understood.
  if (verdict.stuck.length > 0) for (const one of workers) console.log(one.complaints.slice(-20_000));
  return {
    injected: { [name]: count },
    runs: load.runs.length,
    load: `${load.runs.length} runs, with ${load.refused} starts refused meanwhile`,
    verdict,
    times,
    seen: [
      `Once another server took writes at the proxy's address, the next step began after p50 ${quantile(own, 0.5)} ms, ` +
        `p99 ${quantile(own, 0.99)} ms.`,
    ],
  };
}

/** ms, from `since` on. */
async function longestGap(effects: pg.Pool, since: number): Promise<number> {
  const { rows } = await effects.query<{ ms: number }>(
    `SELECT (extract(epoch FROM max(next - at)) * 1000)::float8 AS ms
     FROM (SELECT at, lead(at) OVER (ORDER BY at) AS next
           FROM (SELECT to_timestamp($1::float8 / 1000) AS at
                 UNION ALL SELECT at FROM effects WHERE at > to_timestamp($1::float8 / 1000)) AS moments) AS gaps`,
    [since],
  );
  return rows[0]?.ms ?? 0;
}
