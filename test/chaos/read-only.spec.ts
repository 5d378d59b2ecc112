import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { fault } from './fault.js';
import { admin, comesUp, isDown } from './servers.js';
import { openSite } from './site.js';

const TIMES = { full: 4, short: 1 };

fault(
  {
    name: 'read-only',
    title: 'a server that takes no writes for 10 s, then does again; sessions survive',
    bar: 'goes on within 10 s, no restart; health says down in between',
    how:
      '`default_transaction_read_only` was switched on and off again, with no session ended: as it looks from outside when a ' +
      'name leads to a standby that is promoted later.',
    times: 'from the moment at which the server took writes again to the next step that begins',
    limit: 10_000,
    injections: TIMES,
    runs: { full: 80, short: 20 },
  },
  async (trial) => {
    const server = await startPostgres();
    trial.after(() => server.close());
    const { ground, load: begin, worker, health: open } = await openSite(trial, { server: server.url });
    for (const label of ['one', 'two']) await worker({ label });
    const health = await open();
    const load = begin();
    const times: number[] = [];
    const count = trial.size(TIMES);
    let downs = 0;
    for (let n = 0; n < count; n++) {
      const known = load.runs.length;
      while (load.runs.length < known + 20) await pause(20);
      await admin(server, 'ALTER SYSTEM SET default_transaction_read_only = on', 'SELECT pg_reload_conf()');
      await pause(trial.short ? 3_000 : 10_000);
      if (await isDown(health)) downs += 1;
      await admin(server, 'ALTER SYSTEM RESET default_transaction_read_only', 'SELECT pg_reload_conf()');
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
      await comesUp(health);
    }
    expect(downs).toBe(count);
    const verdict = await judge(ground, load);
    return {
      injected: { 'read-only': count },
      runs: load.runs.length,
      load: `${load.runs.length} runs, with ${load.refused} starts refused meanwhile`,
      verdict,
      times,
      seen: [`Health said down each time, and up afterwards.`],
    };
  },
);
