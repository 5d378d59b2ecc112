import { Closers } from '../../lib/lifecycle/closers.js';

const never = (): Promise<never> => new Promise(() => {});

it('closes all in the opposite order, whatever they throw, and each once', async () => {
  const closed: string[] = [];
  const failures: string[] = [];
  const closers = new Closers((message) => failures.push(message));
  closers.add('the first', async () => closed.push('first'));
  closers.add('the second', async () => {
    closed.push('second');
    throw new Error('no');
  });
  await closers.closeAll();
  await closers.closeAll();
  expect(closed).toEqual(['second', 'first']);
  expect(failures).toEqual(['Closing the second failed: no']);
});

it('gives those that do not end no more time together than it is told, and closes the rest all the same', async () => {
  const closed: string[] = [];
  const closers = new Closers(() => {});
  closers.add('one that has its own time', async () => closed.push('own'), 60_000, false);
  for (const name of ['a', 'b', 'c', 'd']) {
    closers.add(
      name,
      () => {
        closed.push(name);
        return never();
      },
      60_000,
    );
  }
  await closers.closeAll(100);
  expect(closed).toEqual(['d', 'c', 'b', 'a', 'own']);
});
