import { setTimeout as pause } from 'node:timers/promises';
import type { InFlight } from '../../lib/core/run/execution.js';
import { DatabaseClock } from '../../lib/engine/time/clock.js';
import { Membership, type MembershipEvents, type MembershipSettings } from '../../lib/engine/worker/membership.js';
import type { ProcessIdentity } from '../../lib/engine/worker/process-identity.js';
import { until } from '../support/until.js';
import type { EngineStore, WorkerRegistration, WorkerSighting } from '../../lib/engine/ports/store.js';

/** A database of the two verbs that matter here, which may keep its answers back. */
class SilentStore {
  readonly declaredDead: number[] = [];
  silent = false;
  sightings: WorkerSighting[] = [];
  private kept: { answer: () => void; kind: 'heartbeat' | 'look' }[] = [];

  async registerWorker(): Promise<{ id: number; now: number }> {
    return { id: 1, now: 0 };
  }

  heartbeat(): Promise<number> {
    return this.answered('heartbeat', () => 0);
  }

  lookAtWorkers(): Promise<WorkerSighting[]> {
    return this.answered('look', () => this.sightings);
  }

  async recover(dead: readonly { id: number }[]): Promise<{ queues: string[]; recovered: number }> {
    this.declaredDead.push(...dead.map(({ id }) => id));
    return { queues: [], recovered: 0 };
  }

  async deregisterWorker(): Promise<{ queues: string[] }> {
    return { queues: [] };
  }

  waits(kind: 'heartbeat' | 'look'): boolean {
    return this.kept.some((one) => one.kind === kind);
  }

  /** The network is back, and brings the answers of one kind first. */
  release(first: 'heartbeat' | 'look'): void {
    this.silent = false;
    const kept = this.kept.splice(0);
    for (const { answer } of kept.filter(({ kind }) => kind === first)) answer();
    for (const { answer } of kept.filter(({ kind }) => kind !== first)) answer();
  }

  private answered<T>(kind: 'heartbeat' | 'look', value: () => T): Promise<T> {
    if (!this.silent) return Promise.resolve(value());
    return new Promise((resolve) => this.kept.push({ kind, answer: () => resolve(value()) }));
  }
}

const HERE: ProcessIdentity = { pid: 1, processKey: 'here', processStart: 'early' };
const NO_EVENTS: MembershipEvents = {
  onRecovered: () => {},
  onPeersChanged: () => {},
  onDeclaredDead: () => {},
  onOutOfTouch: () => {},
  onTrouble: () => {},
};

interface Given {
  /** Default: a process of which nothing is known but its number. */
  readonly self?: ProcessIdentity;
  readonly inFlight?: () => readonly InFlight[];
  readonly onPeersChanged?: () => void;
  readonly isNeeded?: () => boolean;
}

function membershipOf(store: object, settings: MembershipSettings, given: Given = {}): Membership {
  const { self = { pid: 1, processKey: null, processStart: null }, inFlight = () => [], isNeeded } = given;
  const { onPeersChanged = NO_EVENTS.onPeersChanged } = given;
  const registration = {} as WorkerRegistration;
  return new Membership(
    store as EngineStore,
    new DatabaseClock(),
    self,
    () => registration,
    settings,
    inFlight,
    () => true,
    { ...NO_EVENTS, onPeersChanged },
    isNeeded,
  );
}

it('says what runs only where that has changed, and anew where the answer was lost or the process entered anew', async () => {
  const said: (string | null)[] = [];
  const attempt = (runId: string) => ({ runId }) as InFlight;
  const [first, second] = [[attempt('1')], [attempt('2')]];
  let running = first;
  let answer: () => Promise<number | null> = async () => 0;
  const store = {
    registerWorker: async () => ({ id: 1, now: 0 }),
    heartbeat: (_worker: number, _lease: number, text: string | null) => {
      said.push(text);
      return answer();
    },
    lookAtWorkers: async () => [],
    deregisterWorker: async () => ({ queues: [] }),
  };
  const membership = membershipOf(
    store,
    { leaseTimeout: 3_600_000, heartbeatInterval: 3_000_000, recoveryInterval: 3_000_000 },
    { self: HERE, inFlight: () => [...running] },
  );
  await membership.join();
  const beat = async (): Promise<string | null | undefined> => {
    await membership.publish();
    return said.at(-1);
  };
  expect(await beat()).toBe(said.length === 1 ? JSON.stringify(first) : null);
  expect(said[0]).toBe(JSON.stringify(first));
  expect(await beat()).toBeNull();
  running = second;
  expect(await beat()).toBe(JSON.stringify(second));
  answer = () => Promise.reject(new Error('gone'));
  expect(await beat()).toBeNull();
  answer = async () => null;
  expect(await beat()).toBe(JSON.stringify(second));
  answer = async () => 0;
  expect(await beat()).toBe(JSON.stringify(second));
  expect(await beat()).toBeNull();
  await membership.leave();
});

const LEASE = 200;
const neighbour = { id: 2, pid: 0, processKey: null, processStart: null, seenAt: 'x', dead: false, owes: false };

it('judges others by their leases also where the option lets a heartbeat take place twice a lease, and answers take a while', async () => {
  const store = new SilentStore();
  const late = {
    registerWorker: () => store.registerWorker(),
    heartbeat: () => pause(20).then(() => store.heartbeat()),
    lookAtWorkers: () => store.lookAtWorkers(),
    recover: (dead: { id: number }[]) => store.recover(dead),
    deregisterWorker: () => store.deregisterWorker(),
  };
  store.sightings = [{ ...neighbour, expiresInMs: -1, connected: true }];
  const membership = membershipOf(late, { leaseTimeout: LEASE, heartbeatInterval: 95, recoveryInterval: 20 });
  try {
    await membership.join();
    await until(() => store.declaredDead.length > 0);
    expect(store.declaredDead[0]).toBe(neighbour.id);
  } finally {
    await membership.leave();
  }
});

it.each(['look', 'heartbeat'] as const)(
  'judges nobody by its lease right after an outage, also when the first answer is that to a %s',
  async (first) => {
    const store = new SilentStore();
    const membership = membershipOf(store, { leaseTimeout: LEASE, heartbeatInterval: 60, recoveryInterval: 20 });
    try {
      await membership.join();
      // It has been in touch for longer than a lease.
      await pause(LEASE + 100);
      store.silent = true;
      while (!store.waits('look') || !store.waits('heartbeat')) await pause(5);
      await pause(LEASE);
      // The neighbour lives, and its heartbeat is on its way like ours: its lease has run out for the same reason.
      store.sightings = [{ ...neighbour, expiresInMs: -1, connected: true }];
      store.release(first);
      await membership.lookNow();
      expect(store.declaredDead).toEqual([]);
      // Still expired a whole lease later: it is dead.
      while (store.declaredDead.length === 0) await pause(5);
      expect(store.declaredDead[0]).toBe(2);
    } finally {
      store.release(first);
      await membership.leave();
    }
  },
);

it('tells when a worker came, left or died, and not at other looks, nor when leases only look expired', async () => {
  const store = new SilentStore();
  let told = 0;
  const membership = membershipOf(
    store,
    { leaseTimeout: 60_000, heartbeatInterval: 20_000, recoveryInterval: 600_000 },
    { self: HERE, onPeersChanged: () => told++ },
  );
  const look = async (...sightings: WorkerSighting[]): Promise<number> => {
    told = 0;
    store.sightings = sightings;
    await membership.lookNow();
    await membership.lookNow();
    return told;
  };
  const one = { ...neighbour, expiresInMs: 60_000, connected: true };
  const two = { ...one, id: 3 };
  await membership.join();
  try {
    expect(await look(one)).toBe(1);
    expect(await look({ ...one, seenAt: 'y' })).toBe(0);
    expect(await look(one, two)).toBe(1);
    expect(await look(two, one)).toBe(0);
    expect(await look(one, { ...two, dead: true })).toBe(1);
    expect(await look(one)).toBe(0);
    // In the place of another, between two looks.
    expect(await look(two)).toBe(1);
    expect(await look({ ...two, expiresInMs: -1 })).toBe(0);
    expect(await look(two)).toBe(0);
    expect(await look()).toBe(1);
    // Found dead at first sight: gone from this machine.
    expect(await look({ ...one, pid: process.pid, processKey: 'here', processStart: 'never' })).toBeGreaterThan(0);
  } finally {
    await membership.leave();
  }
});

it('takes a worker without its session for dead at a later look, when one that lives would have beaten, and at no other', async () => {
  const store = new SilentStore();
  // A process that stands still for a part of its lease judges nobody: no machine is so slow here.
  const membership = membershipOf(store, {
    leaseTimeout: 60_000,
    heartbeatInterval: 20_000,
    recoveryInterval: 600_000,
  });
  await membership.join();
  try {
    store.sightings = [{ ...neighbour, expiresInMs: 60_000, connected: false }];
    const begun = performance.now();
    await membership.lookNow();
    await membership.lookNow();
    await membership.lookNow();
    // Asks for the later look by itself, long before the interval.
    while (store.declaredDead.length === 0) await pause(5);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(600);
    expect(store.declaredDead).toEqual([2]);
  } finally {
    await membership.leave();
  }
});

it('takes nobody for dead by a session that is missing while its own was lost too: the server may have restarted', async () => {
  const store = new SilentStore();
  // Two looks 20 ms apart would do, and the lease is far away.
  const membership = membershipOf(store, { leaseTimeout: 2_000, heartbeatInterval: 500, recoveryInterval: 20 });
  await membership.join();
  try {
    membership.sessionChanged(true);
    membership.sessionChanged(false);
    // It had to wait for no answer: its connection for heartbeats was idle meanwhile.
    membership.sessionChanged(true);
    const back = performance.now();
    store.sightings = [{ ...neighbour, expiresInMs: 60_000, connected: false }];
    while (store.declaredDead.length === 0) await pause(5);
    // Still missing a whole lease later: it is dead.
    expect(performance.now() - back).toBeGreaterThanOrEqual(2_000);
    expect(store.declaredDead[0]).toBe(2);
  } finally {
    await membership.leave();
  }
});

it.each([
  ['forward: leases that look expired are not, as long as the heartbeats come', true],
  ['back: a worker that says nothing for a lease is dead, though its lease looks good for long', false],
])('goes by its own clock where that of the server was set %s', async (_, forward) => {
  const store = new SilentStore();
  const membership = membershipOf(store, { leaseTimeout: LEASE, heartbeatInterval: 60, recoveryInterval: 600_000 });
  await membership.join();
  try {
    const begun = performance.now();
    // In touch for two leases, with a look at each heartbeat of the neighbour's.
    for (let beat = 0; performance.now() - begun < 2 * LEASE; beat++) {
      store.sightings = [
        { ...neighbour, seenAt: `beat ${beat}`, expiresInMs: forward ? -1 : 3_600_000, connected: true },
      ];
      await membership.lookNow();
      await pause(10);
    }
    expect(store.declaredDead).toEqual([]);
    const silent = performance.now();
    while (store.declaredDead.length === 0) {
      await membership.lookNow();
      await pause(10);
    }
    expect(performance.now() - silent).toBeGreaterThan(forward ? LEASE - 60 - 20 : LEASE + 60 - 20);
  } finally {
    await membership.leave();
  }
});

describe('as the pulse tells of heartbeats, with no look by an interval', () => {
  const FOREVER = 600_000;
  const make = (store: object): Membership =>
    membershipOf(
      store,
      { leaseTimeout: LEASE, heartbeatInterval: 60, recoveryInterval: FOREVER },
      { isNeeded: () => false },
    );

  /** Pulses for so long that this process has been in touch for a lease, with a heartbeat of the neighbour's in each. */
  async function hear(membership: Membership, expiresInMs: number): Promise<void> {
    const begun = performance.now();
    for (let beat = 0; performance.now() - begun < 2 * LEASE; beat++) {
      membership.sighted([{ id: 2, seenAt: `beat ${beat}`, expiresInMs }], false);
      await pause(10);
    }
  }

  it('a worker that stands still is dead when its lease is over, at the first look after that, and not before', async () => {
    /** ms that the lease had at each look since it was last renewed. */
    const left: number[] = [];
    let renewed = Infinity;
    const store = new (class extends SilentStore {
      override async lookAtWorkers(): Promise<WorkerSighting[]> {
        const expiresInMs = renewed === Infinity ? LEASE : renewed + LEASE - performance.now();
        if (renewed < Infinity) left.push(expiresInMs);
        return [{ ...neighbour, seenAt: 'last', expiresInMs, connected: true }];
      }
    })();
    const membership = make(store);
    await membership.join();
    try {
      await hear(membership, LEASE);
      expect(store.declaredDead).toEqual([]);
      renewed = performance.now();
      membership.sighted([{ id: 2, seenAt: 'last', expiresInMs: LEASE }], false);
      // Nobody pokes it any more.
      while (store.declaredDead.length === 0) await pause(5);
      expect(store.declaredDead).toEqual([2]);
      // A heartbeat may be late by the time of one: the first look after that is the last.
      expect(left.filter((ms) => ms <= -60)).toHaveLength(1);
    } finally {
      await membership.leave();
    }
  });

  it('a worker that stands still is dead although the server was set back, so that its lease looks good for long', async () => {
    const store = new SilentStore();
    const membership = make(store);
    store.sightings = [{ ...neighbour, seenAt: 'last', expiresInMs: 3_600_000, connected: true }];
    await membership.join();
    try {
      await hear(membership, 3_600_000);
      expect(store.declaredDead).toEqual([]);
      const silent = performance.now();
      membership.sighted([{ id: 2, seenAt: 'last', expiresInMs: 3_600_000 }], false);
      while (store.declaredDead.length === 0) await pause(5);
      expect(performance.now() - silent).toBeGreaterThanOrEqual(LEASE);
    } finally {
      await membership.leave();
    }
  });

  it('workers whose leases are renewed in time cost no look', async () => {
    let looks = 0;
    const store = new (class extends SilentStore {
      override async lookAtWorkers(): Promise<WorkerSighting[]> {
        looks++;
        return [];
      }
    })();
    const membership = membershipOf(
      store,
      { leaseTimeout: 30_000, heartbeatInterval: 10_000, recoveryInterval: 50 },
      { isNeeded: () => false },
    );
    await membership.join();
    try {
      await membership.lookNow();
      const before = looks;
      for (let beat = 0; beat < 20; beat++) {
        membership.sighted([{ id: 2, seenAt: `beat ${beat}`, expiresInMs: 20_000 }], false);
        await pause(10);
      }
      expect(looks).toBe(before);
    } finally {
      await membership.leave();
    }
  });
});
