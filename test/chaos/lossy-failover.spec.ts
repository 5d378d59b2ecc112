import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { fault } from './fault.js';
import { admin, replicates, startDebianPostgres } from './servers.js';
import { openProxy, openSite } from './site.js';

const FAILOVERS = { full: 5, short: 1 };
/** ms of commits that the standby does not get. */
const LAG = 1_500;

fault(
  {
    name: 'lossy-failover',
    title: 'failover to an asynchronous standby that lacks the last commits',
    bar: 'no gap accepted, no answer told falsely; runs go on from what is there',
    how:
      'The same with a standby that no commit waits for, whose replication was cut off before the first server was killed, so that ' +
      'it lacked what had been committed since. Runs that began in that time are gone, which nobody can help who replicates ' +
      'asynchronously; they are not counted as lost. Steps that were recorded in it run again. Clients sent their events and ' +
      'answers again, as they have to.',
    times: 'from the promotion to the next step that begins',
    needs: ['postgresql-15'],
    injections: FAILOVERS,
    runs: { full: 100, short: 20 },
  },
  async (trial) => {
    let primary = await startDebianPostgres(trial);
    const proxy = await openProxy(trial, primary.url);
    const { ground, load: begin, worker } = await openSite(trial, { server: proxy.through(primary.url) });
    for (const label of ['one', 'two']) await worker({ label });
    const load = begin({ insistent: true });
    const times: number[] = [];
    const count = trial.size(FAILOVERS);
    for (let n = 0; n < count; n++) {
      const replication = await openProxy(trial, primary.url);
      const standby = await startDebianPostgres(trial, replication.through(primary.url));
      await replicates(primary, 'async');
      const known = load.runs.length;
      while (load.runs.length < known + 20) await pause(20);
      replication.swallow();
      await pause(LAG);
      load.lost();
      await primary.kill();
      load.lost();
      proxy.aim(Number(new URL(standby.url).port));
      proxy.cut();
      await admin(standby, 'SELECT pg_promote()');
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
      primary = standby;
    }
    const verdict = await judge(ground, load, { again: 'all' });
    const gone = verdict.lost.filter((line) => line.endsWith('is not there'));
    // Whoever asks about such a run afterwards is told that it is not there.
    const rightly = /^run \S+ is undefined, its client was told ExecutionNotFoundError$/;
    // A test in which the standby had it all has tried nothing.
    expect(gone.length).toBeGreaterThan(0);
    return {
      injected: { failover: count },
      runs: load.runs.length,
      load: `${load.runs.length} runs`,
      verdict: {
        ...verdict,
        lost: verdict.lost.filter((line) => !gone.includes(line)),
        broken: verdict.broken.filter((line) => !rightly.test(line)),
      },
      times,
      seen: [`${gone.length} runs were gone with their start.`],
    };
  },
);
