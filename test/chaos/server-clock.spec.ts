import type { WorkflowHandle } from 'nest-durable';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { fault } from './fault.js';
import { faketimeLibrary } from './needs.js';
import { openSite, QUEUES } from './site.js';
import { doubleTicks, wrongUndone } from './timers.js';

const LEASE = 4_000;
const options = { leaseTimeout: LEASE, queues: QUEUES };
/** Seconds that the server's clock is off, one after the other. */
const CLOCKS = { full: [-10, 3_590, 3_580, 7_180, 7_170, 10_770], short: [-10, 3_590] };

fault(
  {
    name: 'server-clock',
    title: 'the clock of the server set back by 10 s, and forward by an hour',
    bar: 'undone in the right order; no lease stolen from the living',
    how:
      'PostgreSQL under libfaketime, whose clock was set back by 10 s, forward by an hour, back by 10 s, and so on, under load. ' +
      'The lease was one of 4 s. Timers go by that clock, so that they are early or late with it; nothing else may be wrong.',
    times: 'from the moment at which the clock was set to the next step that begins',
    needs: ['libfaketime'],
    injections: { full: CLOCKS.full.length, short: CLOCKS.short.length },
    runs: { full: 100, short: 20 },
  },
  async (trial) => {
    const folder = await mkdtemp('/tmp/nest-durable-clock-');
    trial.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'clock');
    await writeFile(file, '+0');

    await chmod(folder, 0o755);
    const env = {
      LD_PRELOAD: faketimeLibrary() ?? '',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
    };
    const server = await startPostgres({}, { env });
    trial.after(() => server.close());
    const { ground, client, load: begin, worker } = await openSite(trial, { server: server.url });
    for (const label of ['one', 'two']) await worker({ label, timed: true, options });
    const load = begin({ ms: 200 });
    // Whoever has been there for less than a lease judges nobody.
    await pause(2 * LEASE);
    const undone: WorkflowHandle[] = [];
    const clocks = trial.short ? CLOCKS.short : CLOCKS.full;
    const times: number[] = [];
    for (const clock of clocks) {
      const known = load.runs.length;
      undone.push(
        ...(await client.startMany(
          'undone',
          Array.from({ length: 5 }, () => ({ input: {} })),
        )),
      );
      while (load.runs.length < known + 20) await pause(20);
      await writeFile(file, `${clock < 0 ? '' : '+'}${clock}`);
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
      await pause(trial.short ? 2_000 : 5_000);
    }
    const verdict = await judge(ground, load);
    const { rows } = await ground.pool.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM durable.workflow_executions WHERE created_at > to_timestamp($1)`,
      [Date.now() / 1_000 + 1_800],
    );
    // Or the clock was never wrong.
    expect(rows[0]?.n).toBeGreaterThan(0);
    return {
      injected: { 'clock set': clocks.length },
      runs: load.runs.length + undone.length,
      load: `${load.runs.length} runs, ${undone.length} rollbacks, a schedule`,
      verdict: {
        ...verdict,
        doubled: [...verdict.doubled, ...(await doubleTicks(ground))],
        broken: [...verdict.broken, ...(await wrongUndone(ground, undone))],
      },
      times,
    };
  },
);
