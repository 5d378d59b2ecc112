import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { fault } from './fault.js';
import { openSite } from './site.js';

const KILLS = { full: 10, short: 2 };

fault(
  {
    name: 'postmaster',
    title: '`kill -9` of the PostgreSQL postmaster',
    bar: 'p99 ≤ 5 s after the server is back',
    how: 'The whole server died under load, and was started again: at once, or some seconds later.',
    times: 'from the moment at which the server took connections again to the next step that begins',
    limit: 5_000,
    injections: KILLS,
    runs: { full: 200, short: 20 },
  },
  async (trial) => {
    const server = await startPostgres();
    trial.after(() => server.close());
    const { ground, load: begin, worker } = await openSite(trial, { server: server.url });
    for (const label of ['one', 'two']) await worker({ label });
    const load = begin();
    const kills = trial.size(KILLS);
    const times: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const known = load.runs.length;
      while (load.runs.length < known + 20) await pause(20);
      await pause(500 * trial.random.next());
      await server.kill();
      if (kill % 2 === 1) await pause(5_000 * trial.random.next());
      await server.start();
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
    }
    const verdict = await judge(ground, load);
    const told = `${load.runs.length} runs started meanwhile`;
    return { injected: { 'kill -9': kills }, runs: load.runs.length, load: told, verdict, times };
  },
);
