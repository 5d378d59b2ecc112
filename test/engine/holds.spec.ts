import { Holds } from '../../lib/engine/holds.js';
import { QueuePoller } from '../../lib/engine/poller.js';
import type { QueueClaims } from '../../lib/engine/queue-claims.js';
import type { SessionOpener } from '../../lib/engine/session-opener.js';
import { Sessions } from '../../lib/engine/sessions.js';
import type { ClaimedRow, EngineStore, Hold, Wake, WokenRun } from '../../lib/engine/store.js';

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
  readonly holds: Holds;

  constructor(concurrency: Record<string, number>) {
    for (const [queue, places] of Object.entries(concurrency)) {
      const settings = { queue, concurrency: places, pollInterval: 3_600_000 };
      this.pollers.set(
        queue,
        new QueuePoller(
          settings,
          async () => 0,
          () => {},
        ),
      );
    }
    const sessions = new Sessions(
      {} as EngineStore,
      () => 7,
      () => {},
      () => {},
    );
    const doubt = sessions.doubt.bind(sessions);
    sessions.doubt = () => {
      this.doubts++;
      doubt();
    };
    this.holds = new Holds({
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
        },
      } as unknown as SessionOpener,
      claims: {
        mayHold: (queue: string) => !this.closed.has(queue),
        unlimited: () => DEFINITIONS,
      } as unknown as QueueClaims,
      pollers: this.pollers,
      mayHold: () => this.may,
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
  async send(wake: Partial<Wake> | Error): Promise<Hold | null> {
    let offered: Hold | null = null;
    await this.holds.wake(async (hold) => {
      offered = hold;
      if (wake instanceof Error) throw wake;
      return { woken: [], held: null, unsure: false, ...wake };
    });
    return offered;
  }
}

let around: Surroundings;

afterEach(() => around.stop());

it('offers the queues with a place, opens what is held, and keeps only the place of that', async () => {
  around = await new Surroundings({ default: 2, other: 1, paused: 5, full: 1 }).start();
  around.closed.add('paused');
  around.pollers.get('full')?.reserve();
  const hold = await around.send({ held: RUN });
  expect(hold).toEqual({ worker: 7, queues: ['default', 'other'], definitions: DEFINITIONS });
  await around.holds.settled();
  expect([around.opened, around.woken, around.taken(), around.doubts]).toEqual([['r'], [], [1, 0, 0, 1], 0]);
});

it('tells of what is not held, and frees the places', async () => {
  around = await new Surroundings({ default: 1 }).start();
  await around.send({ woken: [WOKEN] });
  await around.holds.settled();
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

it('holds one at a time: of many that are sent at once the rest is left to one claim', async () => {
  around = await new Surroundings({ default: 10 }).start();
  let opened: () => void = () => {};
  around.open = () => new Promise((resolve) => (opened = resolve));
  const [first, ...rest] = await Promise.all([
    around.send({ held: RUN }),
    around.send({ woken: [WOKEN] }),
    around.send({ woken: [WOKEN] }),
  ]);
  expect([first === null, rest]).toEqual([false, [null, null]]);
  // The sender does not wait for the session: only a stop does.
  let settled = false;
  const settling = around.holds.settled().then(() => (settled = true));
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
  await around.holds.settled();
  expect([around.troubles, around.taken()]).toEqual([[], [0]]);
});

it('what is held and cannot be opened, or may be held without an answer, is looked for', async () => {
  around = await new Surroundings({ default: 1 }).start();
  around.open = async () => {
    throw new Error('the connection broke');
  };
  await around.send({ held: RUN });
  await around.holds.settled();
  expect([around.troubles.length, around.taken(), around.doubts]).toEqual([1, [0], 1]);
  expect(around.troubles[0]).toContain('Run r could not be read and will be again: the connection broke');
  await around.send({ unsure: true });
  expect(around.doubts).toBe(2);
});

describe('a run that takes long to wake, since its row or a connection is waited for', () => {
  /** An offer whose answer the test gives. */
  function slow(): { wake: (wake: Wake) => void; sent: Promise<void> } {
    let answer: (wake: Wake) => void = () => {};
    const sent = around.holds.wake(() => new Promise((resolve) => (answer = resolve)));
    return { wake: (wake) => answer(wake), sent };
  }

  /** The places that were kept for it are free again, and looked at by the pollers, which had none before. */
  async function withdrawn(): Promise<void> {
    const isBusy = (poller: QueuePoller): boolean => poller.isLooking || poller.inFlight > 0;
    while ([...around.pollers.values()].some(isBusy)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  const held = { woken: [], held: RUN, unsure: false };

  it('keeps no place, and takes one when it comes', async () => {
    around = await new Surroundings({ default: 1, other: 1 }).start();
    const { wake, sent } = slow();
    expect(around.taken()).toEqual([1, 1]);
    await withdrawn();
    // The next offer is made meanwhile.
    expect(await around.send({})).not.toBeNull();
    await withdrawn();
    wake(held);
    await sent;
    await around.holds.settled();
    expect([around.opened, around.released, around.taken()]).toEqual([['r'], [], [1, 0]]);
  });

  it('is given back where the place went to another', async () => {
    around = await new Surroundings({ default: 1 }).start();
    const { wake, sent } = slow();
    await withdrawn();
    expect(around.pollers.get('default')?.reserve()).toBe(true);
    wake(held);
    await sent;
    await around.holds.settled();
    expect([around.opened, around.released, around.work, around.taken()]).toEqual([[], ['r 2'], ['default'], [1]]);
  });
});
