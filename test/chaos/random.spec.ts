import { setTimeout as pause } from 'node:timers/promises';
import { judge } from '../support/faults/verdict.js';
import type { WorkerProcess } from '../support/faults/worker-process.js';
import type { Random } from '../support/random.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { fault } from './fault.js';
import { openProxy, openSite, QUEUES } from './site.js';

const SECONDS = { full: 60, short: 8 };
const INJECTIONS = { full: 30, short: 4 };
const LEASE = 2_000;
const options = { leaseTimeout: LEASE, heartbeatInterval: 500, recoveryInterval: 200, queues: QUEUES };

interface Node {
  readonly proxy: TcpProxy;
  worker: WorkerProcess;
  start(): Promise<WorkerProcess>;
}

const FAULTS: Record<string, (node: Node, random: Random) => Promise<void>> = {
  async 'kill -9'(node) {
    await node.worker.end('SIGKILL');
    node.worker = await node.start();
  },
  async restart(node) {
    await node.worker.end('SIGTERM');
    node.worker = await node.start();
  },
  async freeze(node, random) {
    node.worker.send('SIGSTOP');
    await pause(LEASE * (0.5 + 2 * random.next()));
    node.worker.send('SIGCONT');
  },
  async cut({ proxy }) {
    proxy.cut();
  },
  async 'cut before a commit'({ proxy }, random) {
    await Promise.race([proxy.cutAt(random.pick(['commit-group', 'COMMIT']), 'before'), pause(2_000)]);
  },
  async 'cut after a commit'({ proxy }, random) {
    await Promise.race([proxy.cutAt(random.pick(['commit-group', 'COMMIT', 'claim']), 'after'), pause(2_000)]);
  },
  async silence({ proxy }, random) {
    proxy.swallow(random.chance(0.5) ? 'all' : 'replies');
    await pause(LEASE * 2 * random.next());
    if (random.chance(0.5)) proxy.cut();
    proxy.pass();
  },
  async refuse({ proxy }, random) {
    await proxy.down();
    await pause(LEASE * 2 * random.next());
    await proxy.up();
  },
};

fault(
  {
    name: 'random',
    title: 'all of it at random, at three workers at once',
    bar: '0',
    how:
      'Three worker processes, each with a network of its own and a lease of 2 s, and one fault after the other at each of them, ' +
      'beside the others: killed, restarted, frozen, cut off, silent, refused.',
    injections: INJECTIONS,
    runs: { full: 300, short: 20 },
  },
  async (trial) => {
    const { ground, load: begin, worker } = await openSite(trial);
    const nodes: Node[] = [];
    for (let n = 0; n < 3; n++) {
      const proxy = await openProxy(trial);
      const start = (): Promise<WorkerProcess> =>
        worker({ label: `${n}`, engineUrl: proxy.through(ground.url), options });
      nodes.push({ proxy, start, worker: await start() });
    }
    const load = begin({ ms: 50 });
    const until = performance.now() + trial.size(SECONDS) * 1_000;
    const injected: Record<string, number> = {};
    let count = 0;
    const strike = async (node: Node): Promise<void> => {
      // On a slow machine a process may take as long to start as the whole of it.
      while (performance.now() < until || count < trial.size(INJECTIONS)) {
        count++;
        await pause(1_500 * trial.random.next());
        const name = trial.random.pick(Object.keys(FAULTS));
        injected[name] = (injected[name] ?? 0) + 1;
        await FAULTS[name]?.(node, trial.random);
      }
    };
    await Promise.all(nodes.map(strike));
    const verdict = await judge(ground, load, { again: 'all' });
    return { injected, runs: load.runs.length, load: `${load.runs.length} runs started meanwhile`, verdict };
  },
);
