import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { fault } from './fault.js';
import { admin, comesUp, isDown, replicates, startDebianPostgres } from './servers.js';
import { openProxy, openSite } from './site.js';

const FAILOVERS = { full: 5, short: 1 };
/** ms for which the standby is there and takes no writes, as it is before somebody promotes it. */
const STANDBY = { full: 5_000, short: 2_000 };

fault(
  {
    name: 'failover',
    title: 'failover to a synchronous standby',
    bar: 'goes on within 10 s, no restart; health says down in between',
    how:
      'Two servers, the second a standby that each commit waits for. The first was killed with `kill -9`, what led to it led to the ' +
      'standby from then on, and that was promoted some seconds later. Each time a new standby was made of the new primary.',
    times: 'from the promotion to the next step that begins',
    limit: 10_000,
    needs: ['postgresql-15'],
    injections: FAILOVERS,
    runs: { full: 100, short: 20 },
  },
  async (trial) => {
    let primary = await startDebianPostgres(trial);
    const proxy = await openProxy(trial, primary.url);
    const { ground, load: begin, worker, health: open } = await openSite(trial, { server: proxy.through(primary.url) });
    for (const label of ['one', 'two']) await worker({ label });
    const health = await open();
    const load = begin();
    const times: number[] = [];
    const count = trial.size(FAILOVERS);
    let downs = 0;
    for (let n = 0; n < count; n++) {
      const standby = await startDebianPostgres(trial, primary.url);
      await replicates(primary, 'sync');
      const known = load.runs.length;
      while (load.runs.length < known + 20) await pause(20);
      await primary.kill();
      proxy.aim(Number(new URL(standby.url).port));
      proxy.cut();
      await pause(trial.size(STANDBY));
      if (await isDown(health)) downs += 1;
      await admin(standby, 'SELECT pg_promote()');
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
      await comesUp(health);
      primary = standby;
    }
    expect(downs).toBe(count);
    const verdict = await judge(ground, load);
    return {
      injected: { failover: count },
      runs: load.runs.length,
      load: `${load.runs.length} runs, with ${load.refused} starts refused meanwhile`,
      verdict,
      times,
      seen: [`Health said down each time, and up afterwards.`],
    };
  },
);
