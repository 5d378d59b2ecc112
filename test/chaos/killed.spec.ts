import type { WorkflowHandle } from 'nest-durable';
import { effectsClock, effectsOf, openGate, until } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import type { WorkerProcess } from '../support/faults/worker-process.js';
import { fault, quantile } from './fault.js';
import { missing } from './needs.js';
import { openSite } from './site.js';

const KILLS = { full: 20, short: 2 };
/** In the middle of a step of the process that is killed. */
const RUNS = 10;
/** Runs of which the step has begun so often in all. */
const BEGUN = `SELECT FROM effects WHERE step = 'at' AND run = ANY ($1) HAVING count(*) = $2`;

fault(
  {
    name: 'killed',
    title: '`kill -9` of workers in the middle of steps',
    bar: 'p99 ≤ 2 s',
    how:
      `Each worker process had ${RUNS} runs in the middle of a step when it was killed, one after the other, with every ` +
      'default (a lease of 30 s), beside a load of other runs. A second process was there to take over. In two of three kills ' +
      'the two were in PID namespaces of their own, as on two machines, so that nobody could see that the process was gone.',
    times: 'from the kill to the step that runs again in the other process, of each run',
    limit: 2_000,
    injections: KILLS,
    runs: { full: KILLS.full * RUNS, short: KILLS.short * RUNS },
  },
  async (trial) => {
    const { ground, client, load: begin, worker } = await openSite(trial);
    const { pool } = ground.effects;
    const kills = trial.size(KILLS);
    const start = (n: number): Promise<WorkerProcess> =>
      worker({ label: `worker ${n}` }, { apart: n % 3 === 2 && missing('mount') === null });
    const [near, apart]: number[][] = [[], []];
    const held: WorkflowHandle[] = [];
    let victim = await start(0);
    const load = begin({ lanes: 2 });
    for (let kill = 1; kill <= kills; kill++) {
      const gate = `gate ${kill}`;
      const items = Array.from({ length: RUNS }, () => ({ input: { gate } }));
      const runs = await client.startMany('gated', items, { priority: 1 });
      const ids = runs.map(({ id }) => id);
      held.push(...runs);
      await until(pool, BEGUN, [ids, RUNS]);
      const survivor = await start(kill);
      const killedAt = await effectsClock(pool);
      await victim.end('SIGKILL');
      await until(pool, BEGUN, [ids, 2 * RUNS]);
      const { rows } = await pool.query<{ ms: number }>(
        `SELECT (extract(epoch FROM max(at)) * 1000)::float8 - $2 AS ms FROM effects
         WHERE step = 'at' AND run = ANY ($1) GROUP BY run`,
        [ids, killedAt],
      );
      (kill % 3 === 1 ? near : apart)?.push(...rows.map(({ ms }) => ms));
      await openGate(pool, gate);
      await Promise.all(runs.map((run) => run.result()));
      expect(await effectsOf(pool, runs)).toEqual({ before: RUNS, at: 2 * RUNS, after: RUNS });
      victim = survivor;
    }
    const verdict = await judge(ground, load, { again: 'all' });
    return {
      injected: { 'kill -9': kills },
      runs: held.length,
      load: `${RUNS} runs in a step, ${load.runs.length} others`,
      verdict,
      times: [...(near ?? []), ...(apart ?? [])],
      seen: [near, apart].map(
        (times = [], n) =>
          `${['On one machine', 'As on two machines'][n]}: p50 ${quantile(times, 0.5)} ms, ` +
          `p99 ${quantile(times, 0.99)} ms.`,
      ),
    };
  },
);
