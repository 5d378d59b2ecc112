import { QueuePoller } from '../../lib/engine/worker/poller.js';
import { PeerHints } from '../../lib/engine/worker/peer-hints.js';
import { EVERYBODY, Turns } from '../../lib/engine/worker/turns.js';
import type { WorkerPeer } from '../../lib/engine/ports/store.js';

/** Several processes with one queue between them, and what they say to each other. */

const GOES_ON = 3_600_000;

class Cluster {
  /** Rows that are ready. */
  ready = 0;
  readonly claims: number[] = [];
  readonly told: string[] = [];
  private readonly processes: { id: number; poller: QueuePoller; hints: PeerHints; turns: Turns }[] = [];

  constructor(count: number, concurrency: number, listening = true) {
    for (let id = 1; id <= count; id++) {
      const turns = new Turns(() => id);
      const peers = Array.from({ length: count }, (_, at): WorkerPeer => {
        return { id: at + 1, queues: ['default'], alike: true, listening, seenAt: '', expiresInMs: 1 };
      });
      turns.know(peers);
      const poller = new QueuePoller(
        { queue: 'default', concurrency, pollInterval: GOES_ON },
        (_queue, room) => this.claim(id, room),
        {
          tell: (whom) => {
            this.told.push(whom);
            this.hint(whom === 'all' ? EVERYBODY : turns.draw('default'), id);
          },
        },
        () => {},
        () => false,
      );
      const pollers = new Map([['default', poller]]);
      const hints = new PeerHints({ pollers, turns } as unknown as ConstructorParameters<typeof PeerHints>[0]);
      this.processes.push({ id, poller, hints, turns });
    }
  }

  async start(): Promise<void> {
    for (const { poller } of this.processes) poller.start();
    await this.looked();
    this.claims.length = 0;
  }

  /** Sends a hint to all but who sends it. */
  hint(draw: number, from = 0): void {
    setImmediate(() => {
      for (const { id, hints } of this.processes) if (id !== from) hints.queue('default', draw);
    });
  }

  async looked(): Promise<void> {
    for (let n = 0; n < 20; n++) {
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all(this.processes.map(({ poller }) => poller.looked()));
    }
  }

  stop(): Promise<unknown> {
    return Promise.all(this.processes.map(({ poller }) => poller.stop()));
  }

  private async claim(id: number, room: number): Promise<number> {
    this.claims.push(id);
    const got = Math.min(room, this.ready);
    this.ready -= got;
    return got;
  }
}

it('of many that are idle one looks', async () => {
  const cluster = new Cluster(8, 10);
  await cluster.start();
  const hints = 20;
  for (let n = 1; n <= hints; n++) {
    cluster.ready = 1;
    cluster.hint(n);
    await cluster.looked();
    expect([cluster.ready, cluster.told]).toEqual([0, []]);
  }
  // Those that have not looked for 150 ms look too, where the machine takes so long for this.
  expect(new Set(cluster.claims).size).toBeGreaterThan(1);
  await cluster.stop();
});

it('what is too much for one is taken by all, from one to the next', async () => {
  const cluster = new Cluster(8, 10);
  await cluster.start();
  cluster.ready = 75;
  cluster.hint(1);
  while (cluster.ready > 0) await cluster.looked();
  expect(new Set(cluster.claims).size).toBe(8);
  await cluster.stop();
});

it('what falls to one that is full is taken by another', async () => {
  const cluster = new Cluster(3, 5);
  cluster.ready = 10;
  await cluster.start();
  // Two of them have five, and no place.
  for (let n = 1; n <= 5; n++) {
    cluster.ready++;
    cluster.hint(n);
    while (cluster.ready > 0) await cluster.looked();
  }
  expect(cluster.ready).toBe(0);
  await cluster.stop();
});

it('where none of them hears, each looks for itself, and none tells the others', async () => {
  const cluster = new Cluster(4, 5, false);
  await cluster.start();
  cluster.ready = 1_000;
  cluster.hint(1);
  await cluster.looked();
  expect([cluster.told, cluster.claims.toSorted((a, b) => a - b)]).toEqual([[], [1, 2, 3, 4]]);
  await cluster.stop();
});
