import { fault } from '../chaos/fault.js';
import { BAR, MEASURED, NEEDS, replace, RUNS, TIMES } from './leader.js';

fault(
  {
    name: 'leader-killed',
    title: 'leader killed',
    bar: BAR,
    how:
      'All processes of the leader, Patroni and every one of PostgreSQL, were killed with `kill -9` at once, as by a power cut, and ' +
      'started again when another had taken its place.',
    times: MEASURED,
    needs: NEEDS,
    injections: TIMES,
    runs: RUNS,
  },
  (trial) =>
    replace(trial, {
      name: 'leader killed',
      befall: (cluster, leader) => cluster.kill(leader),
      heal: (cluster, leader) => cluster.restart(leader),
    }),
);
