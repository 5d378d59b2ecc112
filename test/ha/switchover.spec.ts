import { fault } from '../chaos/fault.js';
import { BAR, MEASURED, NEEDS, replace, RUNS, TIMES } from './leader.js';

fault(
  {
    name: 'switchover',
    title: 'switched over',
    bar: BAR,
    how: 'An operator gave the lead to the synchronous standby with `patronictl switchover`, as before maintenance.',
    times: MEASURED,
    needs: NEEDS,
    injections: TIMES,
    runs: RUNS,
  },
  (trial) =>
    replace(trial, {
      name: 'switched over',
      befall: (cluster, leader, synchronous) => cluster.switchOver(leader, synchronous),
      heal: () => {},
    }),
);
