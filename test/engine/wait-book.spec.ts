import type { TakenWait } from '../../lib/engine/ports/store.js';
import { WaitBook } from '../../lib/engine/step/wait-book.js';

/** What becomes of one wait costs nothing for the others. */

const WAITS = 1_000;
let reads = 0;

/** A wait that counts what is read of it. */
function counted(n: number, over: Partial<TakenWait> = {}): TakenWait {
  const wait = {
    id: `w${n}`,
    path: `all[${n}]/one`,
    visit: 1,
    key: 'k',
    kind: 'event',
    state: 'open',
    ended: null,
    dueAt: n,
  };
  return new Proxy({ ...wait, ...over } as TakenWait, {
    get(target, key) {
      reads++;
      return Reflect.get(target, key) as unknown;
    },
  });
}

function opened(): WaitBook {
  const book = new WaitBook(Array.from({ length: WAITS }, (_, n) => counted(n)));
  book.takeChanges();
  reads = 0;
  return book;
}

it('a wait that is over is taken out without a look at the others', () => {
  const book = opened();
  book.remove([{ id: 'w500', path: 'all[500]/one' }]);
  expect(reads).toBeLessThan(20);
  expect(book.size).toBe(WAITS - 1);
  expect(book.of('all[500]/one', 1)).toEqual([]);
  expect([...book.takeChanges()]).toEqual(['all[500]/one']);
  expect([...book.takeChanges()]).toEqual([]);
});

it('whether one is open, or due, is known without a look at all', () => {
  const book = opened();
  expect([book.hasOpen, book.isEmpty, book.isDue(-1), book.isDue(0)]).toEqual([true, false, false, true]);
  book.remove([{ id: 'w0', path: 'all[0]/one' }]);
  expect([book.isDue(0), book.isDue(1)]).toEqual([false, true]);
  expect(reads).toBeLessThan(50);
  book.clear();
  expect([book.hasOpen, book.isEmpty, book.isDue(5_000)]).toEqual([false, true, false]);
});

it('tells of which steps the waits have changed, and which waits it has not seen', () => {
  const book = opened();
  const said = Array.from({ length: WAITS }, (_, n) => counted(n, n === 7 ? { state: 'done', ended: 1 } : {}));
  expect(book.replace([...said.slice(0, -1), counted(WAITS)])).toEqual([`all[${WAITS}]/one`]);
  expect([...book.takeChanges()].toSorted((one, other) => one.localeCompare(other))).toEqual(
    [7, WAITS - 1, WAITS].map((n) => `all[${n}]/one`).toSorted((one, other) => one.localeCompare(other)),
  );
});

it('of waits that it does not know to be committed each is put in again once', () => {
  const book = new WaitBook();
  book.add(Array.from({ length: WAITS }, (_, n) => ({ ...counted(n), round: 1, type: 'step', input: 0 })));
  reads = 0;
  book.replace(Array.from({ length: WAITS }, (_, n) => counted(n)));
  expect(book.size).toBe(WAITS);
  expect(reads).toBeLessThan(30 * WAITS);
});
