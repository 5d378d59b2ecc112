import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, until, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import type { Found, Trial } from './fault.js';
import { openSite, openProxy, QUEUES } from './site.js';

/** The network between the engine and its server goes away for so many ms, and comes back. */
export interface Outage {
  away(proxy: TcpProxy): unknown;
  back(proxy: TcpProxy): unknown;
}

/** A minute is two leases of the default; after that some short ones. */
const OUTAGES = { full: [60_000, 10_000, 10_000], short: [4_000] };
export const INJECTIONS = { full: OUTAGES.full.length + 1, short: OUTAGES.short.length + 1 };

const CLOSING = { shutdownTimeout: 2_000, abortGrace: 500 };
/** ms that `close()` may take by what is promised: shutdownTimeout + abortGrace + 2 s. */
const CLOSED_WITHIN = CLOSING.shutdownTimeout + CLOSING.abortGrace + 2_000;

/** Two living workers and a client lose the server. */
export async function suffer(trial: Trial, name: string, { away, back }: Outage): Promise<Found> {
  const proxy = await openProxy(trial);
  const { ground, client, load: begin, worker } = await openSite(trial, { clientUrl: proxy.through });
  // A pause of the machine in a short trial is not to last longer than the lease.
  const options = { ...CLOSING, ...(trial.short ? { leaseTimeout: 1_500 } : {}), queues: QUEUES };
  const workers = [];
  for (const label of ['one', 'two']) {
    workers.push(await worker({ label, engineUrl: proxy.through(ground.url), options }));
  }
  const load = begin({ ms: 100 });
  const times: number[] = [];
  for (const ms of trial.short ? OUTAGES.short : OUTAGES.full) {
    const known = load.runs.length;
    while (load.runs.length < known + 20) await pause(20);
    await away(proxy);
    await pause(ms);
    await back(proxy);
    times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
  }
  const verdict = await judge(ground, load);

  // Told to end while the network is away, with steps that do not.
  const held = await client.startMany(
    'gated',
    Array.from({ length: 10 }, () => ({ input: { gate: 'never' } })),
  );
  const ids = held.map(({ id }) => id);
  const begun = `SELECT FROM effects WHERE step = 'at' AND run = ANY ($1) HAVING count(*) = 10`;
  await until(ground.effects.pool, begun, [ids]);
  await away(proxy);
  const closes = await Promise.all(
    workers.map(async (one) => {
      const since = performance.now();
      await one.end('SIGTERM');
      return performance.now() - since;
    }),
  );
  await back(proxy);
  const longest = Math.round(Math.max(...closes));
  const late = closes
    .filter((ms) => ms > CLOSED_WITHIN + 500)
    .map((ms) => `a worker ended after ${Math.round(ms)} ms only`);
  return {
    injected: { [name]: times.length + 1 },
    runs: load.runs.length + held.length,
    load: `${load.runs.length} runs, with ${load.refused} starts refused meanwhile`,
    verdict: { ...verdict, broken: [...verdict.broken, ...(trial.short ? [] : late)] },
    times,
    seen: [
      `Two workers that were told to end meanwhile, with 10 steps under way that did not end, were gone after ${longest} ms ` +
        `(allowed: ${CLOSED_WITHIN} ms).`,
    ],
  };
}
