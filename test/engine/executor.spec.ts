import { jest } from '@jest/globals';
import { Registry } from '../../lib/engine/ports/registry.js';
import { SessionOpener } from '../../lib/engine/worker/session-opener.js';
import { Executor } from '../../lib/engine/worker/executor.js';
import type { Session, SessionDeps } from '../../lib/engine/run/session.js';
import { type ClaimedRow, type EngineStore, type LeasedRow, StoreError } from '../../lib/engine/ports/store.js';

/** What the database says this process holds, and what was given back. */
class Held {
  readonly rows = new Map<string, number>();
  readonly released: string[] = [];
  looks = 0;

  async leasedRows(): Promise<Map<string, LeasedRow>> {
    this.looks++;
    return new Map([...this.rows].map(([id, token]) => [id, { token, wake: false, paused: false, cancel: null }]));
  }

  async release(_: number, rows: readonly { rowId: string }[]): Promise<{ queues: string[] }> {
    for (const { rowId } of rows) {
      this.released.push(rowId);
      this.rows.delete(rowId);
    }
    return { queues: ['default'] };
  }
}

const HOUR = 3_600_000;
let store: Held;
let sessions: Executor;
let told: string[];

beforeEach(async () => {
  store = new Held();
  told = [];
  sessions = new Executor(
    store as unknown as EngineStore,
    () => 1,
    () => {},
    (queues) => told.push(...queues),
  );
  sessions.watch(HOUR, () => {});
  await sessions.look();
});

afterEach(() => sessions.unwatch());

async function look(times: number): Promise<void> {
  for (let n = 0; n < times; n++) await sessions.look();
}

it('gives back what a claim took whose answer was lost, also where nothing else is leased', async () => {
  await look(2);
  const idle = store.looks;
  await look(3);
  // An idle process asks nothing.
  expect(store.looks).toBe(idle);
  const claim = sessions.take(async () => {
    store.rows.set('a', 1);
    throw new Error('the connection broke');
  });
  await expect(claim).rejects.toThrow('broke');
  await look(2);
  expect([store.released, told]).toEqual([['a'], ['default']]);
});

it('keeps what a claim has taken while it is being opened, however long that takes', async () => {
  let opened: () => void = () => {};
  const claim = sessions.take(async () => {
    store.rows.set('a', 1);
    await new Promise<void>((resolve) => (opened = resolve));
    sessions.open(session('a'));
  });
  sessions.suspectOrphans();
  await look(5);
  expect(store.released).toEqual([]);
  opened();
  await claim;
  await look(2);
  expect(store.released).toEqual([]);
});

it('does not wait for claims that began after the row was first seen', async () => {
  store.rows.set('lost', 1);
  sessions.suspectOrphans();
  await look(1);
  let opened: () => void = () => {};
  const claim = sessions.take(() => new Promise<void>((resolve) => (opened = resolve)));
  await look(1);
  expect(store.released).toEqual(['lost']);
  opened();
  await claim;
});

it('what was asked of a run is heard by claims of that time, and not by later ones, which never cease', async () => {
  const ends: (() => void)[] = [];
  const claim = () => sessions.take(() => new Promise<void>((resolve) => ends.push(resolve)));
  const first = claim();
  sessions.expect('a');
  const second = claim();
  sessions.expect('b');
  ends[0]?.();
  await first;
  const looked = jest.spyOn(sessions, 'look');
  sessions.open(session('a'));
  expect(looked).not.toHaveBeenCalled();
  sessions.open(session('b'));
  expect(looked).toHaveBeenCalledTimes(1);
  ends[1]?.();
  await second;
});

describe('a row that is claimed while this process has it, since a failover has lost its lease', () => {
  const row = (token: number): ClaimedRow => ({
    rowId: 'a', runId: 'a', token, workflow: 'w', definitionId: 1, ranBy: 1, queue: 'default', input: '{}',
    snapshot: null, snapshotSeq: 0, round: 1, fresh: true, recoveries: 0, deadlineInMs: null, step: null,
    scheduledTime: null, priority: 0, parentId: null, cancel: null,
  }); // prettier-ignore
  const opener = (): SessionOpener => {
    const deps = { store, worker: () => 1, onDue: () => {}, onTrouble: () => {} };
    return new SessionOpener(deps as unknown as SessionDeps, new Registry(), sessions);
  };

  it('is given back where both leases have one number: the next one has another', async () => {
    const lost: string[] = [];
    sessions.open({ ...session('a', 5), lose: () => lost.push('a') });
    store.rows.set('a', 5);
    await opener().openClaimed([row(5)], sessions.timesLost);
    expect([lost, store.released]).toEqual([['a'], ['a']]);
  });

  it('is not opened where all leases have been lost while it was being claimed: it is looked for', async () => {
    const { timesLost } = sessions;
    sessions.loseAll(new Error('declared dead'));
    const opened = jest.spyOn(sessions, 'open');
    expect(await opener().openClaimed([row(5)], timesLost)).toEqual([]);
    expect(opened).not.toHaveBeenCalled();
    store.rows.set('a', 5);
    await look(2);
    expect(store.released).toEqual(['a']);
  });

  it.each([
    ['ends what this process has under a later one', 7, 5, ['a']],
    ['leaves what this process has under an earlier one alone: it is leaving', 4, 5, []],
  ])('%s', async (_, has, gets, ended) => {
    const lost: string[] = [];
    sessions.open({ ...session('a', has), lose: () => lost.push('a') });
    expect(sessions.displace(row(gets))).toBe(false);
    expect(lost).toEqual(ended);
  });
});

describe('rows of a claim that go on, opened a part at a time', () => {
  const rows = Array.from({ length: 120 }, (_, n) => ({ rowId: `r${String(n)}`, runId: `r${String(n)}`, fresh: false, step: null, snapshot: null, token: 2, definitionId: 1, ranBy: 2 }) as unknown as ClaimedRow); // prettier-ignore
  const openerOf = (loadDefinition: () => Promise<never>, reading = (): void => {}): SessionOpener => {
    const readLeased = async () => {
      reading();
      return { waits: new Map(), records: [], now: 0 };
    };
    const clock = { follow: () => {} };
    const deps = { store: { readLeased, loadDefinition }, clock, worker: () => 1, onTrouble: () => {} };
    const registry = { byId: (id: number) => (id === 1 ? {} : undefined) };
    return new SessionOpener(deps as unknown as SessionDeps, registry as unknown as Registry, sessions);
  };

  /** All leases are lost once so many sessions are open. Gives the rows of those that were. */
  const lostAfter = (count: number): string[] => {
    const opened: string[] = [];
    const open = sessions.open.bind(sessions);
    sessions.open = ({ rowId }) => {
      opened.push(rowId);
      open(session(rowId, 2));
      if (opened.length === count) setImmediate(() => sessions.loseAll(new Error('declared dead')));
    };
    return opened;
  };

  it('are left where all leases are lost in between: no step of theirs begins', async () => {
    const opened = lostAfter(50);
    const stored = async (): Promise<never> => Promise.reject(new Error('it cannot be read'));
    expect(await openerOf(stored).openClaimed(rows, sessions.timesLost)).toEqual(rows.slice(0, 50));
    expect(opened).toHaveLength(50);
  });

  it('are left where all leases are lost while they are being read', async () => {
    const opened = jest.spyOn(sessions, 'open');
    const opener = openerOf(async () => Promise.reject(new Error('it cannot be read')), () => sessions.loseAll(new Error('declared dead'))); // prettier-ignore
    expect(await opener.openClaimed(rows, sessions.timesLost)).toEqual([]);
    expect(opened).not.toHaveBeenCalled();
  });

  it('are left where all leases are lost while those are opened that the claim has read', async () => {
    const opened = lostAfter(50);
    const read = { waits: [], records: [], now: 0, asked: 0 };
    const some = rows.map((row, at) => (at < 60 ? { ...row, read } : row));
    await openerOf(async () => Promise.reject(new Error('it cannot be read'))).openClaimed(some, sessions.timesLost);
    expect(opened).toEqual(rows.slice(0, 50).map(({ rowId }) => rowId));
  });

  it('are not paused where the database cannot be asked for the definition that they ran by', async () => {
    const away = async (): Promise<never> => Promise.reject(new StoreError('unavailable', 'gone'));
    const opened = jest.spyOn(sessions, 'open');
    await expect(openerOf(away).openClaimed(rows, sessions.timesLost)).rejects.toThrow('gone');
    expect(opened).not.toHaveBeenCalled();
  });
});

describe('rows of a claim that go on, of which the server refuses to read some for a passing reason', () => {
  const rows = Array.from({ length: 10 }, (_, n) => ({ rowId: `r${n}`, runId: `r${n}`, fresh: false, step: null, snapshot: null, snapshotSeq: 0, token: 2, recoveries: 0, definitionId: 1, ranBy: 2 }) as unknown as ClaimedRow); // prettier-ignore

  /** Opens all, though these cannot be read. */
  async function openWithout(refused: readonly string[], kind: StoreError['kind'] = 'retry', claimed = rows) {
    const reads: string[][] = [];
    const troubles: string[] = [];
    const readLeased = async (_: number, runs: readonly string[]) => {
      reads.push([...runs]);
      if (runs.some((run) => refused.includes(run)) || refused.includes('all'))
        throw new StoreError(kind, 'took too long');
      return { waits: new Map(), records: [], now: 0 };
    };
    const loadDefinition = (): Promise<never> => Promise.reject(new Error('it cannot be read'));
    const writer = { commit: () => new Promise(() => {}) };
    const deps = { store: { readLeased, loadDefinition }, writer, clock: { follow: () => {} }, worker: () => 1, onTrouble: (message: string) => troubles.push(message) }; // prettier-ignore
    const registry = { byId: (id: number) => (id === 1 ? { definition: { maxRecoveries: 3 } } : undefined) };
    const opener = new SessionOpener(deps as unknown as SessionDeps, registry as unknown as Registry, sessions);
    const opened = await opener.openClaimed(claimed, sessions.timesLost).catch((error: Error) => error.message);
    return { opened: typeof opened === 'string' ? opened : opened.map(({ runId }) => runId), reads, troubles };
  }

  it.each(['retry', 'scarce'] as const)('begin all but that one (%s)', async (kind) => {
    const { opened, troubles } = await openWithout(['r3'], kind);
    expect(opened).toEqual(['r0', 'r1', 'r2', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9']);
    expect(troubles).toEqual(['Could not read claimed runs; retrying: took too long']);
  });

  it('are left where it refuses three in a row: the server is slow, not what they have stored', async () => {
    const { opened, reads } = await openWithout(['r0', 'r2', 'r3', 'r4']);
    expect(opened).toEqual(['r1']);
    expect(reads.slice(1)).toEqual([['r0'], ['r1'], ['r2'], ['r3'], ['r4']]);
  });

  const crashed = (recoveries: number) => rows.map((row) => (row.rowId === 'r3' ? { ...row, recoveries } : row));
  const alone = crashed(3).filter(({ rowId }) => rowId === 'r3');

  it.each([
    ['retry', crashed(2), 9],
    ['retry', crashed(3), 10],
    ['scarce', crashed(3), 10],
    ['retry', alone, 1],
  ] as const)('are paused after as many tries as its worker may crash: %#', async (kind, claimed, opens) => {
    expect((await openWithout(['r3'], kind, claimed)).opened).toHaveLength(opens);
  });

  it('are not paused where it reads for nobody', async () => {
    expect((await openWithout(['all'], 'retry', alone)).opened).toBe('took too long');
  });

  it('are not asked for one by one where the database is away', async () => {
    const { opened, reads } = await openWithout(['r3'], 'unavailable');
    expect([opened, reads.length]).toEqual(['took too long', 1]);
  });
});

function session(rowId: string, token = 1): Session {
  return {
    rowId,
    runId: rowId,
    token,
    queue: 'default',
    start: () => {},
    lose: () => {},
    handBack: () => {},
    handBackNow: () => {},
    abort: () => {},
    refresh: () => {},
    rowSaid: () => {},
    cancel: () => {},
    inFlight: () => [],
    heard: () => null,
  };
}
