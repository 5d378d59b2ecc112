import type { WorkflowHandle } from 'nest-durable';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { judge } from '../support/faults/verdict.js';
import { fault, quantile } from './fault.js';
import { faketimeLibrary } from './needs.js';
import { openSite } from './site.js';
import { delaysOfTicks, delaysOfTimers, doubleTicks, wrongUndone } from './timers.js';

const JUMPS = { full: 20, short: 3 };
/** ms by which a timer may be early or late. */
const OFF = 2_000;

fault(
  {
    name: 'worker-clocks',
    title: 'clocks of workers an hour off, and jumping',
    bar: 'no timer early or late by more than 2 s; undone in the right order; no lease stolen from the living',
    how:
      'Three worker processes under libfaketime: one an hour behind, one an hour ahead, and one whose clock jumped anywhere ' +
      'between every second. The clock of the server was right.',
    times: 'how far a sleep, a retry, a timeout or a due time of a schedule was off by the clock of the server',
    limit: OFF,
    needs: ['libfaketime'],
    injections: JUMPS,
    runs: { full: 100, short: 20 },
  },
  async (trial) => {
    const { ground, client, load: begin, worker } = await openSite(trial);
    const folder = await mkdtemp(join(tmpdir(), 'nest-durable-clock-'));
    trial.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'clock');
    await writeFile(file, '+0');
    const faked = { LD_PRELOAD: faketimeLibrary() ?? '', DONT_FAKE_MONOTONIC: '1' };
    const clocks = [
      { FAKETIME: '-3600' },
      { FAKETIME: '+3600' },
      { FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' },
    ];
    for (const [n, clock] of clocks.entries()) {
      await worker({ label: `${n}`, timed: true }, { env: { ...faked, ...clock } });
    }
    const load = begin();
    const [timers, undone]: WorkflowHandle[][] = [[], []];
    const jumps = trial.size(JUMPS);
    for (let jump = 0; jump < jumps; jump++) {
      await writeFile(file, `${trial.random.chance(0.5) ? '+' : '-'}${trial.random.int(0, 3_600)}`);
      timers?.push(...(await client.startMany('timers', [{ input: {} }, { input: {} }])));
      undone?.push(...(await client.startMany('undone', [{ input: {} }, { input: {} }])));
      await pause(1_000);
    }
    const verdict = await judge(ground, load);
    const [late, ticks] = [await delaysOfTimers(ground, timers ?? []), await delaysOfTicks(ground)];
    expect(late.length).toBe(3 * (timers?.length ?? 0));
    const off = [...late, ...ticks].map(Math.abs);
    const early = [...late, ...ticks].filter((ms) => ms < -OFF).map((ms) => `a timer was ${-ms} ms early`);
    return {
      injected: { jump: jumps, 'hour off': 2 },
      runs: load.runs.length + 4 * jumps,
      load: `${load.runs.length} runs, ${late.length} timers, ${ticks.length} due times of a schedule, ${undone?.length} rollbacks`,
      verdict: {
        ...verdict,
        doubled: [...verdict.doubled, ...(await doubleTicks(ground))],
        broken: [...verdict.broken, ...early, ...(await wrongUndone(ground, undone ?? []))],
      },
      times: off,
      seen: [
        `The earliest timer was off by ${quantile([...late, ...ticks], 0)} ms, the latest by ${quantile([...late, ...ticks], 1)} ms.`,
      ],
    };
  },
);
