import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { fault } from './fault.js';
import { openSite } from './site.js';

const TIMES = { full: 5, short: 1 };

fault(
  {
    name: 'connections',
    title: '`max_connections` of the server reached',
    bar: '0',
    how:
      'Other clients took every connection that the server has, and the engine lost all of its own in that moment: each try to ' +
      'connect again was refused for some seconds. A worker that was started meanwhile had to come up afterwards.',
    times: 'from the moment at which connections were to be had again to the next step that begins',
    injections: TIMES,
    runs: { full: 100, short: 20 },
  },
  async (trial) => {
    const server = await startPostgres({ max_connections: 60 });
    trial.after(() => server.close());
    const { ground, load: begin, worker } = await openSite(trial, { server: server.url });
    for (const label of ['one', 'two']) await worker({ label });
    const load = begin();
    const times: number[] = [];
    const count = trial.size(TIMES);
    for (let n = 0; n < count; n++) {
      const known = load.runs.length;
      while (load.runs.length < known + 20) await pause(20);
      const taken = await takeAll(server.url);
      // The app's own pool would not be there either, and is none of the engine's.
      const late = worker({ label: `late ${n}`, dataSource: false });
      await pause(trial.short ? 2_000 : 6_000);
      await Promise.all(taken.map((client) => client.end()));
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
      await (await late).end('SIGTERM');
    }
    const verdict = await judge(ground, load, { again: 'all' });
    return {
      injected: { 'max_connections reached': count },
      runs: load.runs.length,
      load: `${load.runs.length} runs, with ${load.refused} starts refused meanwhile`,
      verdict,
      times,
    };
  },
);

/** Every connection: what is free at once, and those of the engine as they are ended. */
async function takeAll(url: string): Promise<pg.Client[]> {
  const taken: pg.Client[] = [];
  let ended = false;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      taken.push(client);
    } catch (error) {
      if ((error as { code?: string }).code !== '53300') throw error;
      if (ended) return taken;
      ended = true;
      const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> ALL ($1)`;
      const own = taken.map((one) => (one as unknown as { processID: number }).processID);
      await taken[0]?.query(others, [own]);
    }
  }
}
