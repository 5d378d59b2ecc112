import { EVERYBODY, anyDraw, Turns } from '../../lib/engine/worker/turns.js';
import type { WorkerPeer } from '../../lib/engine/ports/store.js';

interface Process {
  readonly id: number;
  readonly code?: string;
  readonly queues?: readonly string[];
  readonly listening?: boolean;
}

/** What each of the processes knows of the others. */
function turnsOf(processes: readonly Process[]): Turns[] {
  return processes.map((self) => {
    const turns = new Turns(() => self.id);
    const peers = processes.map(({ id, code, queues = ['default'], listening = true }): WorkerPeer => {
      return { id, queues, listening, alike: code === self.code, seenAt: '', expiresInMs: 1 };
    });
    // Itself among them, as an answer may say that was asked for under another number: it is not another one.
    turns.know(peers);
    return turns;
  });
}

const draws = Array.from({ length: 300 }, anyDraw);

function firstAt(turns: readonly Turns[], draw: number, queue = 'default'): number[] {
  return [...turns.keys()].filter((at) => turns[at]?.before(queue, draw) === 0);
}

it('of many alike it is the turn of one at each hint, and of each of them at some', () => {
  const turns = turnsOf([{ id: 7 }, { id: 2_147_483_646 }, { id: 1 }, { id: 31 }]);
  const firsts = draws.map((draw) => firstAt(turns, draw));
  expect(firsts.every((first) => first.length === 1)).toBe(true);
  for (const at of turns.keys()) expect(firsts.filter(([first]) => first === at).length).toBeGreaterThan(30);
  // And the second place is another one's.
  for (const draw of draws)
    expect(new Set(turns.map((one) => one.before('default', draw)))).toEqual(new Set([0, 1, 2, 3]));
});

it('all look where the hint says so', () => {
  expect(firstAt(turnsOf([{ id: 7 }, { id: 8 }, { id: 9 }]), EVERYBODY)).toEqual([0, 1, 2]);
});

it('one of each code looks, since others may not claim what it may', () => {
  const turns = turnsOf([
    { id: 7, code: 'new' },
    { id: 8, code: 'new' },
    { id: 9, code: 'old' },
  ]);
  for (const draw of draws) expect(firstAt(turns, draw)).toHaveLength(2);
  expect(turns.map((one) => one.hasOthers('default'))).toEqual([true, true, true]);
  expect(turnsOf([{ id: 7 }, { id: 8 }]).map((one) => one.hasOthers('default'))).toEqual([false, false]);
});

it('goes by no process that is not on the queue, or hears no hints', () => {
  const turns = turnsOf([{ id: 7 }, { id: 8, queues: ['other'] }, { id: 9, listening: false }]);
  for (const draw of draws) expect(turns[0]?.before('default', draw)).toBe(0);
});

it('a process that comes or goes takes turns from the others, and changes none between them', () => {
  const all = [{ id: 7 }, { id: 8 }, { id: 9 }, { id: 10 }];
  const [before, after] = [turnsOf(all), turnsOf(all.slice(0, 3))];
  const kept = draws.filter((draw) => firstAt(before, draw)[0] !== 3);
  expect(kept.map((draw) => firstAt(after, draw))).toEqual(kept.map((draw) => firstAt(before, draw)));
});

it('draws for others, two of them where there are, since it does not hear its own hints', () => {
  const [one, two] = turnsOf([{ id: 7 }, { id: 8 }]);
  for (let n = 0; n < 100; n++) expect(two?.before('default', one?.draw('default') ?? 0)).toBe(0);
  const [first] = turnsOf([{ id: 7 }, { id: 8 }, { id: 9 }, { id: 10 }]);
  for (let n = 0; n < 100; n++) {
    expect(first?.before('default', first.draw('default'))).toBeGreaterThanOrEqual(2);
  }
  const [alone] = turnsOf([{ id: 7 }]);
  expect(alone?.draw('default')).toBeGreaterThan(EVERYBODY);
});

it('nobody leaves a queue to a process that knows of no others like it, as where none of them hears', () => {
  const deaf = turnsOf([
    { id: 7, listening: false },
    { id: 8, listening: false },
  ]);
  expect(deaf.map((one) => one.isShared('default'))).toEqual([false, false]);
  expect(turnsOf([{ id: 7 }, { id: 8 }]).map((one) => one.isShared('default'))).toEqual([true, true]);
  // Before the first pulse there may be anybody.
  const fresh = new Turns(() => 7);
  expect([fresh.isShared('default'), fresh.hasOthers('default')]).toEqual([true, true]);
});
