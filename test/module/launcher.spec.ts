import 'reflect-metadata';
import { jest } from '@jest/globals';
import { type DynamicModule, Global, Injectable, Logger, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { DurableLauncher, DurableLauncherModule, type Launchable } from '../../lib/lifecycle/durable.launcher.js';

const log: string[] = [];

class Runner implements Launchable {
  constructor(
    readonly name: string,
    readonly works = true,
  ) {}
  async launch(): Promise<void> {
    log.push(`launch ${this.name}`);
  }
  async quiet(): Promise<void> {
    log.push(`quiet ${this.name}`);
  }
  async drain(): Promise<void> {
    log.push(`drain ${this.name}`);
  }
}

/** Says when each of its hooks has ended; they take a turn of the event loop, as real ones do. */
function hooks(name: string) {
  const said = async (hook: string) => {
    await new Promise(setImmediate);
    log.push(`${name} ${hook}`);
  };
  return class {
    onModuleInit = () => said('init');
    onApplicationBootstrap = () => said('bootstrap');
    onModuleDestroy = () => said('destroy');
    beforeApplicationShutdown = () => said('before shutdown');
    onApplicationShutdown = () => said('shutdown');
  };
}

function spy(name: string) {
  @Injectable()
  class Spy extends hooks(name) {}
  return Spy;
}

/** As DurableModule has it: a global module that imports the launcher's. */
function engineModule(name: string, global: boolean): DynamicModule {
  @Injectable()
  class Owner {
    constructor(launcher: DurableLauncher) {
      launcher.attach(new Runner(name));
    }
  }
  class Engine {}
  return { module: Engine, global, imports: [DurableLauncherModule], providers: [Owner, spy(`engine ${name}`)] };
}

@Module({ providers: [spy('feature')] })
class Feature {}

@Global()
@Module({ providers: [spy('global')] })
class Globals {}

function root(global: boolean) {
  @Module({
    imports: [engineModule('a', global), Feature, Globals, engineModule('b', global)],
    providers: [spy('root')],
  })
  class Root extends hooks('root module') {}
  return Root;
}

beforeEach(() => {
  log.length = 0;
});

describe.each([
  ['global modules', true],
  ['modules that are not global', false],
])('the launcher, with engines in %s', (_what, global) => {
  const contexts = {
    'a testing module': async () => (await Test.createTestingModule({ imports: [root(global)] }).compile()).init(),
    'an application context': () =>
      NestFactory.createApplicationContext(root(global), { logger: false, abortOnError: false }),
    'an HTTP app': async () => (await NestFactory.create(root(global), { logger: false, abortOnError: false })).init(),
  };

  it.each(Object.entries(contexts))(
    'starts after every bootstrap hook and stops before every other (%s)',
    async (_name, open) => {
      const app = await open();
      const launches = log.filter((line) => line.startsWith('launch'));
      expect(launches).toEqual(['launch a', 'launch b']);
      expect(log.filter((line) => line.endsWith('bootstrap')).length).toBeGreaterThanOrEqual(6);
      expect(log.slice(-2)).toEqual(launches);

      log.length = 0;
      await app.close();
      const first = (hook: string) => log.findIndex((line) => line.endsWith(hook));
      expect(log.slice(0, 2)).toEqual(['quiet a', 'quiet b']);
      expect(log.indexOf('drain a')).toBeLessThan(first('before shutdown'));
      expect(log.indexOf('drain b')).toBeLessThan(first('before shutdown'));
      expect(first('destroy')).toBeLessThan(log.indexOf('drain a'));
      expect(log.filter((line) => line.startsWith('drain'))).toHaveLength(2);
    },
  );
});

describe('without shutdown hooks', () => {
  const warn = jest.spyOn(Logger.prototype, 'warn');
  const mode = process.env['NODE_ENV'];
  const ignore = () => {};

  beforeEach(() => {
    jest.useFakeTimers();
    warn.mockReset();
    process.env['NODE_ENV'] = 'production';
  });

  afterEach(() => {
    process.env['NODE_ENV'] = mode;
    process.removeListener('SIGTERM', ignore);
    jest.useRealTimers();
  });

  async function bootstrapped(...works: boolean[]) {
    const launcher = new DurableLauncher(new ModulesContainer());
    for (const [index, one] of works.entries()) launcher.attach(new Runner(`r${index}`, one));
    await launcher.onApplicationBootstrap();
    return launcher;
  }

  it('warns once, for all instances together', async () => {
    await bootstrapped(true, true, false);
    jest.runAllTimers();
    expect(warn.mock.calls).toEqual([[expect.stringContaining('app.enableShutdownHooks()')]]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['hooks are enabled after the bootstrap', async () => (await bootstrapped(true), process.on('SIGTERM', ignore))],
    ['no step runs in this process', () => bootstrapped(false)],
    ['the app has ended meanwhile', async () => (await bootstrapped(true)).onModuleDestroy()],
    ['it is a test', () => ((process.env['NODE_ENV'] = 'test'), bootstrapped(true))],
  ])('says nothing where %s', async (_what, arrange) => {
    await arrange();
    jest.runAllTimers();
    expect(warn).not.toHaveBeenCalled();
  });
});
