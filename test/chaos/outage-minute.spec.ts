import { setTimeout as pause } from 'node:timers/promises';
import { surviveOutage } from '../support/faults/outage.js';
import { report } from './report.js';

/** The database is out of reach for a minute, under load, with every default: twice the lease of 30 s. */

const MINUTE = 60_000;
const RUNS = 400;
const ONCE = { repeated: [], effects: { first: RUNS, second: RUNS, third: RUNS } };
const FOUND = `${RUNS} runs of three steps of 100 ms under way, every default: no step ran twice, no run was lost.`;
const load = { runs: RUNS, stepMs: 100, options: {} };

it(
  'runs no step of a living worker twice when the network falls silent',
  async () => {
    const survival = await surviveOutage({
      ...load,
      async strike(proxy) {
        proxy.swallow();
        await pause(MINUTE);
        proxy.pass();
      },
    });
    expect(survival).toEqual(ONCE);
    report('An outage of a minute, silent network', [FOUND]);
  },
  5 * MINUTE,
);

it(
  'nor when the server refuses every connection',
  async () => {
    const survival = await surviveOutage({
      ...load,
      async strike(proxy) {
        await proxy.down();
        await pause(MINUTE);
        await proxy.up();
      },
    });
    expect(survival).toEqual(ONCE);
    report('An outage of a minute, refused connections', [FOUND]);
  },
  5 * MINUTE,
);
