import { fault } from '../chaos/fault.js';
import { BAR, MEASURED, NEEDS, replace, RUNS, TIMES } from './leader.js';

fault(
  {
    name: 'leader-stopped',
    title: 'leader stopped',
    bar: BAR,
    how:
      'All processes of the leader were stopped with `SIGSTOP`, as by a hypervisor that moves a machine, and continued when ' +
      'another had taken its place: the old one woke up and took itself for the leader.',
    times: MEASURED,
    needs: NEEDS,
    injections: TIMES,
    runs: RUNS,
  },
  (trial) =>
    replace(trial, {
      name: 'leader stopped',
      befall: (cluster, leader) => cluster.freeze(leader),
      heal: (cluster, leader) => cluster.thaw(leader),
    }),
);
