import { createRequire } from 'node:module';
import { jest } from '@jest/globals';

it('gets the mock of a package that it has set, and so do packages that require it', async () => {
  jest.mock('class-transformer', () => ({ plainToInstance: 'of the mock' }));
  jest.mock('luxon', () => ({ DateTime: { mocked: true } }));
  expect((await import('class-transformer')).plainToInstance).toBe('of the mock');
  const { CronExpressionParser } = await import('cron-parser');
  expect(() => CronExpressionParser.parse('* * * * *').next()).toThrow(/DateTime/);
});

it('gets lib/ and packages anew after resetModules, and in isolateModulesAsync', async () => {
  const load = async (): Promise<unknown[]> => [
    (await import('../../lib/helpers.js')).append,
    (await import('class-validator')).IsString,
  ];
  const first = await load();
  expect(await load()).toEqual(first);
  let isolated: unknown[] = [];
  await jest.isolateModulesAsync(async () => {
    isolated = await load();
  });
  jest.resetModules();
  const last = await load();
  for (const place of [0, 1]) expect(new Set([first[place], isolated[place], last[place]]).size).toBe(3);
});

it("has jest's own AsyncLocalStorage for as long as it runs: Node 20 adds each one to every promise", () => {
  const load = createRequire(import.meta.url);
  const { prototype } = load('./runtime.cjs') as { prototype: OwnStorages };
  const runtime = Object.create(prototype) as OwnStorages;
  runtime.noteStorages();
  const circus = load.resolve('jest-circus');
  const { AsyncLocalStorage } = runtime.requireModule(circus, 'node:async_hooks', { isInternalModule: true });
  const storage = new AsyncLocalStorage();
  storage.enterWith('a test');
  expect(storage.getStore()).toBe('a test');
  runtime.disableStorages();
  expect(storage.getStore()).toBeUndefined();
});

interface OwnStorages {
  noteStorages(): void;
  disableStorages(): void;
  requireModule(from: string, name: string, options: object): typeof import('node:async_hooks');
}
