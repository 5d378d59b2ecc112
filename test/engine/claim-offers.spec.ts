import { newRun } from '../../lib/core/run/new-run.js';
import { ClaimOffers } from '../../lib/engine/worker/claim-offers.js';
import { QueuePoller } from '../../lib/engine/worker/poller.js';
import type { QueueClaims } from '../../lib/engine/worker/queue-claims.js';
import type { SessionOpener } from '../../lib/engine/worker/session-opener.js';
import { Executor } from '../../lib/engine/worker/executor.js';
import type { ClaimedRow, ClaimOffer, EngineStore, StartOp, Wake, WokenRun } from '../../lib/engine/ports/store.js';

const DEFINITIONS = [{ id: 3, runAs: 4, timeout: null }];
const RUN = { runId: 'r', rowId: 'r', token: 2, queue: 'default' } as ClaimedRow;
const WOKEN: WokenRun = { runId: 'r', queue: 'default', paused: false, state: 'ready' };

/** What is around it, with what it was asked for; a test opens the sessions by hand. */
class Surroundings {
  readonly pollers = new Map<string, QueuePoller>();
  readonly woken: WokenRun[] = [];
  readonly troubles: string[] = [];
  readonly opened: string[] = [];
  readonly released: string[] = [];
  readonly work: string[] = [];
  doubts = 0;
  may = true;
  closed = new Set<string>();
  open: () => Promise<void> = async () => {};
  readonly offers: ClaimOffers;

  constructor(concurrency: Record<string, number>) {
    for (const [queue, places] of Object.entries(concurrency)) {
      const settings = { queue, concurrency: places, pollInterval: 3_600_000 };
      this.pollers.set(
        queue,
        new QueuePoller(
          settings,
          async () => 0,
          { tell: () => {} },
          () => {},
        ),
      );
    }
    const sessions = new Executor(
      {} as EngineStore,
      () => 7,
      () => {},
      () => {},
    );
    const suspectOrphans = sessions.suspectOrphans.bind(sessions);
    sessions.suspectOrphans = () => {
      this.doubts++;
      suspectOrphans();
    };
    this.offers = new ClaimOffers({
      store: {
        release: async (_, rows) => {
          this.released.push(...rows.map(({ rowId, token }) => `${rowId} ${token}`));
          return { queues: ['default'] };
        },
      },
      worker: () => 7,
      sessions,
      opener: {
        openClaimed: async (rows: readonly ClaimedRow[]) => {
          await this.open();
          this.opened.push(...rows.map((row) => row.runId));
          return rows;
        },
      } as unknown as SessionOpener,
      claims: {
        isOpen: (queue: string) => !this.closed.has(queue),
        unlimited: () => DEFINITIONS,
      } as unknown as QueueClaims,
      pollers: this.pollers,
      mayClaim: () => this.may,
      onWoken: (woken) => this.woken.push(...woken),
      onWork: (queues) => this.work.push(...queues),
      onTrouble: (message) => this.troubles.push(message),
    });
  }

  /** The pollers have looked, and there is nothing to claim. */
  async start(): Promise<this> {
    for (const poller of this.pollers.values()) poller.start();
    while ([...this.pollers.values()].some((poller) => poller.isLooking)) await new Promise(setImmediate);
    return this;
  }

  async stop(): Promise<void> {
    for (const poller of this.pollers.values()) await poller.stop();
  }

  taken(): number[] {
    return [...this.pollers.values()].map((poller) => poller.inFlight);
  }

  /** Sends, and says what was offered to it. */
  async send(wake: Partial<Wake> | Error): Promise<ClaimOffer | null> {
    let offered: ClaimOffer | null = null;
    await this.offers.wake(async (offer) => {
      offered = offer;
      if (wake instanceof Error) throw wake;
      return { woken: [], claimed: [], unsure: false, ...wake };
    });
    return offered;
  }
}

let around: Surroundings;

afterEach(() => around.stop());

it('offers a place in each queue that has one, opens what was claimed, and keeps only the place of that', async () => {
  around = await new Surroundings({ default: 2, other: 1, paused: 5, full: 1 }).start();
  around.closed.add('paused');
  around.pollers.get('full')?.reserve();
  const offer = await around.send({ claimed: [RUN] });
  const places = ['default', 'other'].map((queue) => ({ queue, places: 1 }));
  expect(offer).toEqual({ worker: 7, places, definitions: DEFINITIONS });
  await around.offers.settled();
  expect([around.opened, around.woken, around.taken(), around.doubts]).toEqual([['r'], [], [1, 0, 0, 1], 0]);
});

it('tells of what was not claimed, and frees the places', async () => {
  around = await new Surroundings({ default: 1 }).start();
  await around.send({ woken: [WOKEN] });
  await around.offers.settled();
  expect([around.opened, around.woken, around.taken()]).toEqual([[], [WOKEN], [0]]);
});

it('offers nothing where a backlog waits, no place is free, or this process claims nothing', async () => {
  around = new Surroundings({ default: 1 });
  expect(await around.send({ woken: [WOKEN] })).toBeNull();
  await around.start();
  around.may = false;
  expect(await around.send({ woken: [WOKEN] })).toBeNull();
  around.may = true;
  around.pollers.get('default')?.reserve();
  expect(await around.send({ woken: [WOKEN] })).toBeNull();
  expect([around.woken.length, around.taken()]).toEqual([3, [1]]);
});

it('offers to one event at a time: of many that are sent at once the rest is left to one claim', async () => {
  around = await new Surroundings({ default: 10 }).start();
  let opened: () => void = () => {};
  around.open = () => new Promise((resolve) => (opened = resolve));
  const [first, ...rest] = await Promise.all([
    around.send({ claimed: [RUN] }),
    around.send({ woken: [WOKEN] }),
    around.send({ woken: [WOKEN] }),
  ]);
  expect([first === null, rest]).toEqual([false, [null, null]]);
  // The sender does not wait for the session: only a stop does.
  let settled = false;
  const settling = around.offers.settled().then(() => (settled = true));
  await new Promise(setImmediate);
  expect(settled).toBe(false);
  opened();
  await settling;
  expect([around.opened, around.taken()]).toEqual([['r'], [1]]);
  expect(await around.send({})).not.toBeNull();
});

it('an error of the sender is the sender’s alone; the places are free again', async () => {
  around = await new Surroundings({ default: 1 }).start();
  await expect(around.send(new Error('no such run'))).rejects.toThrow('no such run');
  await around.offers.settled();
  expect([around.troubles, around.taken()]).toEqual([[], [0]]);
});

it('what was claimed and cannot be opened, or may have been without an answer, is looked for', async () => {
  around = await new Surroundings({ default: 1 }).start();
  around.open = async () => {
    throw new Error('the connection broke');
  };
  await around.send({ claimed: [RUN] });
  await around.offers.settled();
  expect([around.troubles.length, around.taken(), around.doubts]).toEqual([1, [0], 1]);
  expect(around.troubles[0]).toContain('Could not read run r; retrying: the connection broke');
  await around.send({ unsure: true });
  expect(around.doubts).toBe(2);
});

it('what was claimed beyond the places is given back, though the rest cannot be opened', async () => {
  around = await new Surroundings({ default: 1 }).start();
  around.open = async () => {
    throw new Error('the connection broke');
  };
  await around.send({ claimed: [RUN, { ...RUN, runId: 's', rowId: 's' }] });
  await around.offers.settled();
  expect([around.released, around.work, around.taken()]).toEqual([['s 2'], ['default'], [0]]);
});

describe('a run that takes long to wake, since its row or a connection is waited for', () => {
  /** An offer whose answer the test gives. */
  function slow(): { wake: (wake: Wake) => void; sent: Promise<void> } {
    let answer: (wake: Wake) => void = () => {};
    const sent = around.offers.wake(() => new Promise((resolve) => (answer = resolve)));
    return { wake: (wake) => answer(wake), sent };
  }

  /** The places that were kept for it are free again, and looked at by the pollers, which had none before. */
  async function withdrawn(): Promise<void> {
    const isBusy = (poller: QueuePoller): boolean => poller.isLooking || poller.inFlight > 0;
    while ([...around.pollers.values()].some(isBusy)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  const claimed = { woken: [], claimed: [RUN], unsure: false };

  it('keeps no place, and takes one when it comes', async () => {
    around = await new Surroundings({ default: 1, other: 1 }).start();
    const { wake, sent } = slow();
    expect(around.taken()).toEqual([1, 1]);
    await withdrawn();
    // The next offer is made meanwhile.
    expect(await around.send({})).not.toBeNull();
    await withdrawn();
    wake(claimed);
    await sent;
    await around.offers.settled();
    expect([around.opened, around.released, around.taken()]).toEqual([['r'], [], [1, 0]]);
  });

  it('is given back where the place went to another', async () => {
    around = await new Surroundings({ default: 1 }).start();
    const { wake, sent } = slow();
    await withdrawn();
    expect(around.pollers.get('default')?.reserve()).toBe(true);
    wake(claimed);
    await sent;
    await around.offers.settled();
    expect([around.opened, around.released, around.work, around.taken()]).toEqual([[], ['r 2'], ['default'], [1]]);
  });
});

it('gives back what it has claimed where this process has begun to leave meanwhile', async () => {
  around = await new Surroundings({ default: 1 }).start();
  await around.offers.wake(async () => {
    around.may = false;
    return { woken: [], claimed: [RUN], unsure: false };
  });
  await around.offers.settled();
  expect([around.opened, around.released, around.taken()]).toEqual([[], ['r 2'], [0]]);
});

describe('starts', () => {
  const start = (id: string, more: Partial<StartOp> = {}): StartOp =>
    newRun({ id, workflow: 'w', definitionId: 3, queue: 'default', priority: 0, input: '{}', ...more });
  const row = (runId: string, queue = 'default'): ClaimedRow => ({ ...RUN, runId, rowId: runId, queue });

  /** What was offered to the commit of the starts, and what was open when it had returned. */
  async function begin(starts: readonly StartOp[], claimed: readonly ClaimedRow[]) {
    let offered: ClaimOffer | null = null;
    await around.offers.starting(starts, async (offer) => {
      offered = offer;
      return { claimed };
    });
    return { places: (offered as ClaimOffer | null)?.places ?? null, opened: [...around.opened] };
  }

  it('are offered as many places as there are, in each of their queues; what was claimed is open when they are', async () => {
    around = await new Surroundings({ default: 2, other: 5 }).start();
    around.open = () => Promise.resolve();
    const starts = [start('a'), start('b'), start('c'), start('d', { queue: 'other' }), start('e', { queue: 'far' })];
    const { places } = await begin(starts, [row('x'), row('d', 'other')]);
    expect(places).toEqual([{ queue: 'default', places: 2 }, { queue: 'other', places: 1 }]); // prettier-ignore
    await around.offers.settled();
    expect([around.opened, around.taken()]).toEqual([
      ['x', 'd'],
      [1, 1],
    ]);
  });

  it.each<[string, Partial<StartOp>]>([
    ['is for later', { delayMs: 1 }],
    ['has a time', { scheduledAt: '2100-01-01T00:00:00Z' }],
    ['is of a workflow that is not claimed without counting', { definitionId: 9 }],
    ['goes to a queue that gives nothing', { queue: 'paused' }],
  ])('are offered none for one that %s', async (_, more) => {
    around = await new Surroundings({ default: 2, paused: 2 }).start();
    around.closed.add('paused');
    expect(await begin([start('a', more)], [])).toEqual({ places: null, opened: [] });
    expect(around.taken()).toEqual([0, 0]);
  });

  it('free their places where the commit fails, and what may have been claimed is looked for', async () => {
    around = await new Surroundings({ default: 2 }).start();
    const sent = around.offers.starting([start('a')], () => Promise.reject(new Error('the connection broke')));
    await expect(sent).rejects.toThrow('the connection broke');
    await around.offers.settled();
    expect([around.taken(), around.doubts, around.troubles]).toEqual([[0], 1, []]);
  });
});
