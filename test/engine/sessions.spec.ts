import { Sessions } from '../../lib/engine/sessions.js';
import type { Session } from '../../lib/engine/session.js';
import type { EngineStore, HeldRow } from '../../lib/engine/store.js';

/** What the database says this process holds, and what was given back. */
class Held {
  readonly rows = new Map<string, number>();
  readonly released: string[] = [];
  looks = 0;

  async held(): Promise<Map<string, HeldRow>> {
    this.looks++;
    return new Map([...this.rows].map(([id, token]) => [id, { token, wake: false, cancel: null }]));
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
let sessions: Sessions;
let told: string[];

beforeEach(async () => {
  store = new Held();
  told = [];
  sessions = new Sessions(
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

it('gives back what a claim took whose answer was lost, also where nothing else is held', async () => {
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
    sessions.open(session('a'), 'default');
  });
  sessions.doubt();
  await look(5);
  expect(store.released).toEqual([]);
  opened();
  await claim;
  await look(2);
  expect(store.released).toEqual([]);
});

it('does not wait for claims that began after the row was first seen', async () => {
  store.rows.set('lost', 1);
  sessions.doubt();
  await look(1);
  let opened: () => void = () => {};
  const claim = sessions.take(() => new Promise<void>((resolve) => (opened = resolve)));
  await look(1);
  expect(store.released).toEqual(['lost']);
  opened();
  await claim;
});

function session(rowId: string): Session {
  return {
    rowId,
    runId: rowId,
    token: 1,
    run: () => new Promise(() => {}),
    lose: () => {},
    handBack: () => {},
    handBackNow: () => {},
    abort: () => {},
    refresh: () => {},
    cancel: () => {},
    inFlight: () => [],
  };
}
