import type { WorkflowHandle } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { expectInvariants } from '../support/invariants.js';
import { Random } from '../support/random.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { report } from './report.js';

/**
 * Three worker processes, each with a network of its own, and faults at random: kill -9, SIGSTOP past the lease, cut
 * and silent connections. Then a time without faults, in which all must come to its end.
 *
 * CHAOS_SEED repeats the faults of an earlier run, CHAOS_SECONDS sets how long they go on.
 */

const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000_000);
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 60);
const LEASE = 2_000;
const options = {
  leaseTimeout: LEASE,
  heartbeatInterval: 500,
  recoveryInterval: 200,
  queues: { default: { concurrency: 10 }, elsewhere: { concurrency: 10 } },
};

interface Node {
  readonly proxy: TcpProxy;
  worker: WorkerProcess;
}

let ground: Ground;
let client: FaultApp;
const nodes: Node[] = [];

beforeAll(async () => {
  ground = await openGround();
  client = await openApp({ database: { url: ground.url }, workers: false });
  for (let n = 0; n < 3; n++) {
    const proxy = await startProxy(Number(new URL(ground.url).port));
    nodes.push({ proxy, worker: await startWorker(proxy) });
  }
}, 120_000);

afterAll(async () => {
  await Promise.all(nodes.map(({ worker }) => worker.end('SIGTERM')));
  await client.close();
  await Promise.all(nodes.map(({ proxy }) => proxy.close()));
  await ground.pool.end();
}, 120_000);

function startWorker(proxy: TcpProxy): Promise<WorkerProcess> {
  const { url } = ground;
  return WorkerProcess.start({ url, engineUrl: proxy.through(url), label: 'worker', options, dataSource: true });
}

const FAULTS: Record<string, (node: Node, random: Random) => Promise<void>> = {
  async kill(node) {
    await node.worker.end('SIGKILL');
    node.worker = await startWorker(node.proxy);
  },
  async stop(node, random) {
    node.worker.send('SIGSTOP');
    await pause(LEASE * (0.5 + 2 * random.next()));
    node.worker.send('SIGCONT');
  },
  async cut({ proxy }) {
    proxy.cut();
  },
  async cutBeforeCommit({ proxy }) {
    await Promise.race([proxy.cutAt('commit-group', 'before'), pause(2_000)]);
  },
  async cutAfterCommit({ proxy }) {
    await Promise.race([proxy.cutAt('commit-group', 'after'), pause(2_000)]);
  },
  async cutTransaction({ proxy }, random) {
    await Promise.race([proxy.cutAt('COMMIT', random.chance(0.5) ? 'before' : 'after'), pause(2_000)]);
  },
  async cutClaim({ proxy }) {
    await Promise.race([proxy.cutAt('claim', 'after'), pause(2_000)]);
  },
  async silence({ proxy }, random) {
    proxy.swallow(random.chance(0.5) ? 'all' : 'replies');
    await pause(LEASE * 2 * random.next());
    if (random.chance(0.5)) proxy.cut();
    proxy.pass();
  },
  async down({ proxy }, random) {
    await proxy.down();
    await pause(LEASE * 2 * random.next());
    await proxy.up();
  },
};

it(
  `loses no run and records nothing twice (CHAOS_SEED=${SEED})`,
  async () => {
    const random = new Random(SEED);
    const until = performance.now() + SECONDS * 1_000;
    const counts: Record<string, number> = {};
    const runs: WorkflowHandle[] = [];
    const names = ['three', 'life', 'booking'];
    const starting = (async () => {
      for (let n = 0; performance.now() < until; n++) {
        runs.push(await client.client.start(names[n % 3] ?? 'three', { ms: 50 }));
        await pause(20);
      }
    })();
    // Each node has its faults one after the other, beside the others'.
    const striking = nodes.map(async (node) => {
      while (performance.now() < until) {
        await pause(1_500 * random.next());
        const fault = random.pick(Object.keys(FAULTS));
        counts[fault] = (counts[fault] ?? 0) + 1;
        await FAULTS[fault]?.(node, random);
      }
    });
    await Promise.all([starting, ...striking]);
    // Told before it is judged, so that a failure can be repeated.
    console.log(`CHAOS_SEED=${SEED}: ${runs.length} runs, faults ${JSON.stringify(counts)}`);
    const ends = await Promise.all(runs.map((run) => run.result().then(() => 'completed', String)));
    expect(ends.filter((end) => end !== 'completed')).toEqual([]);
    const { rows } = await ground.pool.query('SELECT run FROM bookings GROUP BY run HAVING count(*) > 1');
    expect(rows).toEqual([]);
    await expectInvariants(ground.pool, { runs, records: 2 * runs.length });
    const faults = Object.values(counts).reduce((sum, n) => sum + n, 0);
    expect(faults).toBeGreaterThanOrEqual(SECONDS / 6);
    report('Random faults', [
      `${SECONDS} s of faults at three worker processes, a lease of 2 s (seed ${SEED}): ${faults} faults ` +
        `(${Object.entries(counts)
          .map(([fault, n]) => `${fault} ${n}`)
          .toSorted()
          .join(', ')}), ${runs.length} runs: ` +
        'all completed, 0 steps recorded twice, every invariant holds.',
    ]);
  },
  (SECONDS + 300) * 1_000,
);
