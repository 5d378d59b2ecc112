import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, onceUp, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { fault } from './fault.js';
import { openSite } from './site.js';

const KILLS = { full: 60, short: 5 };
const SESSIONS = `SELECT pid, application_name AS name FROM pg_stat_activity
  WHERE application_name LIKE 'nest-durable%' AND pid <> pg_backend_pid() ORDER BY pid`;

fault(
  {
    name: 'backends',
    title: 'one backend of the server killed every second',
    bar: '0; no step of a living worker twice',
    how:
      'One of the server processes that serve the engine was ended each second, chosen at random: by `pg_terminate_backend()`, ' +
      'or by `kill -9`, upon which PostgreSQL ends all sessions and goes through recovery.',
    times: 'from the kill to the next step that begins anywhere',
    injections: KILLS,
    runs: { full: 300, short: 20 },
  },
  async (trial) => {
    const server = await startPostgres();
    trial.after(() => server.close());
    const { ground, load: begin, worker } = await openSite(trial, { server: server.url });
    for (const label of ['one', 'two']) await worker({ label });
    const load = begin();
    const injected = { 'kill -9': 0, pg_terminate_backend: 0 };
    const times: number[] = [];
    while (injected['kill -9'] + injected.pg_terminate_backend < trial.size(KILLS)) {
      const turn = pause(1_000);
      const { rows } = await onceUp(() => ground.pool.query<{ pid: number }>(SESSIONS));
      if (rows.length > 0) {
        const { pid } = trial.random.pick(rows);
        const since = await effectsClock(ground.effects.pool);
        if (trial.random.chance(0.5)) {
          process.kill(pid, 'SIGKILL');
          injected['kill -9']++;
        } else {
          await onceUp(() => ground.pool.query('SELECT pg_terminate_backend($1)', [pid]));
          injected.pg_terminate_backend++;
        }
        times.push(await wentOnAfter(ground.effects.pool, since));
      }
      await turn;
    }
    const verdict = await judge(ground, load);
    const told = `${load.runs.length} runs started meanwhile, by a client whose sessions were killed too`;
    return { injected, runs: load.runs.length, load: told, verdict, times };
  },
);
