import { AsyncLocalStorage } from 'node:async_hooks';
import { BootContext } from '../../lib/engine/ports/boot-context.js';

const storage = new AsyncLocalStorage<string>();
const context = storage.run('boot', () => new BootContext());
const look = (): string | undefined => storage.getStore();

it('does work in the context in which it was made, whoever asks for it', () => {
  storage.run('request', () => {
    expect(context.run(look)).toBe('boot');
    expect(context.bind(look)()).toBe('boot');
    expect(look()).toBe('request');
  });
});

it('keeps nothing of what work has set in it, at once or later, and lets none of it out', async () => {
  const leaks = async (): Promise<string | undefined> => {
    storage.enterWith('set at once');
    await Promise.resolve();
    storage.enterWith('set later');
    return look();
  };
  expect(await storage.run('request', () => context.run(leaks).then((left) => [left, look()]))).toEqual([
    'set later',
    'request',
  ]);
  expect(look()).toBeUndefined();
  expect(context.run(look)).toBe('boot');
});

it('makes forks, which have nothing to do with each other', () => {
  const fork = context.fork();
  fork.runInAsyncScope(() => storage.enterWith('mine'));
  expect(context.fork().runInAsyncScope(look)).toBe('boot');
  const inside = context.fork((make) => storage.run('put around', make));
  expect(inside.runInAsyncScope(look)).toBe('put around');
});

it('guards an object: its methods run in it, with the object as it is', () => {
  class Counter {
    private count = 0;
    readonly limit = 2;

    add(): [number, string | undefined] {
      return [++this.count, look()];
    }

    get isFull(): boolean {
      return this.count >= this.limit;
    }
  }
  const guarded = context.guard(new Counter());
  expect(storage.run('request', () => guarded.add())).toEqual([1, 'boot']);
  expect([guarded.add(), guarded.isFull, guarded.limit]).toEqual([[2, 'boot'], true, 2]);
});
