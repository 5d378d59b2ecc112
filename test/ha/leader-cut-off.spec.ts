import { fault } from '../chaos/fault.js';
import { BAR, MEASURED, NEEDS, replace, RUNS, TIMES } from './leader.js';

fault(
  {
    name: 'leader-cut-off',
    title: 'leader cut off',
    bar: BAR,
    how:
      'The network of the leader went silent: its server, its Patroni and its way to etcd, with every connection left open. It ' +
      'came back when another had taken its place, and the machine was started anew.',
    times: MEASURED,
    needs: NEEDS,
    injections: TIMES,
    runs: RUNS,
  },
  (trial) =>
    replace(trial, {
      name: 'leader cut off',
      befall: (cluster, leader) => cluster.cutOff(leader),
      // Patroni 3.0 demotes a server twice whose goodbye to its standbys is not heard, and may not get over that by itself.
      async heal(cluster, leader) {
        cluster.reconnect(leader);
        await cluster.kill(leader);
        await cluster.restart(leader);
      },
    }),
);
