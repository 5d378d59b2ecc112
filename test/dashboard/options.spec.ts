import { Injectable, Module, SetMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule } from 'nest-durable';
import { DASHBOARD_ACTIONS, DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { resolveDashboardOptions } from '../../lib/dashboard/dashboard.options.js';
import { linksOf } from '../../lib/dashboard/http/links.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ask, type HostKind, HOSTS, startApp } from './hosts.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

/** The paths of what it was refused with. */
function faultsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    return (error as { violations: { path: string }[] }).violations.map(({ path }) => path);
  }
  return [];
}

describe('the options of the dashboard', () => {
  it('have the defaults of the contract', () => {
    expect(resolveDashboardOptions({}, null)).toEqual({
      path: '/durable',
      instance: 'default',
      opened: false,
      authorize: null,
      actor: null,
      readOnly: false,
      title: null,
      badge: null,
      origins: [],
      pollInterval: 5_000,
      maxStreams: 200,
      links: null,
    });
  });

  it('are told of with every fault at once', () => {
    const options = {
      path: 'a b',
      authorize: 'admin',
      guards: [1],
      decorators: {},
      actor: 'me',
      readOnly: 1,
      title: '',
      badge: { tone: 'red' },
      origins: ['https://ops.example/x', 'ftp://a', 'https://ok.example'],
      pollInterval: 1,
      maxStreams: -1,
      links: [],
      autorize: () => true,
    };
    expect(faultsOf(() => resolveDashboardOptions(options, null)).sort()).toEqual(
      ['actor', 'authorize', 'autorize', 'badge.label', 'badge.tone', 'decorators', 'guards', 'links', 'maxStreams']
        .concat(['origins', 'origins', 'path', 'pollInterval', 'readOnly', 'title'])
        .sort(),
    ); // prettier-ignore
  });

  it.each(['/durable', 'durable', '/durable/', '/admin/durable'])('take %j as a path', (path) => {
    expect(resolveDashboardOptions({ path }, null).path).toBe(path.includes('admin') ? '/admin/durable' : '/durable');
  });

  it.each(['', '/', '/a//b', '/../x', '/a/./b', '/:id', '/a*', '/ä'])('refuse %j as a path', (path) => {
    expect(faultsOf(() => resolveDashboardOptions({ path }, null))).toEqual(['path']);
  });

  it('say that what the controller needs stands beside the factory', () => {
    expect(faultsOf(() => resolveDashboardOptions({ path: '/x', guards: [] }, {}))).toEqual(['path', 'guards']);
  });

  it('keep of links only those to http and https, whatever the function does', () => {
    const run = { id: '1', workflow: 'w', status: 'failed', tags: {} };
    const good = { label: 'Trace', href: 'https://traces.example/1' };
    const bad = [{ label: 'x', href: 'javascript:alert(1)' }, { label: 1, href: 'https://x' }, null, 'https://x'];
    expect(linksOf(() => [...bad, good], run)).toEqual([good]);
    expect(linksOf(() => ({}), run)).toEqual([]);
    expect(linksOf(() => { throw new Error('no'); }, run)).toEqual([]); // prettier-ignore
    expect(linksOf(null, run)).toEqual([]);
  });
});

describe('roles()', () => {
  it('refuses whoever has no role, or one that there is not, and waits for the answer', async () => {
    const authorize = roles(async (request: { role: string | null }) => request.role, { clerk: ['input.read'] });
    const may = async (role: string | null) => {
      const answers = await Promise.all(DASHBOARD_ACTIONS.map(async (action) => authorize({ role }, action, {})));
      return answers.filter((one) => one).length;
    };
    expect(await Promise.all(['viewer', 'operator', 'admin', 'clerk', 'owner', null].map(may))).toEqual([
      11, 25, 30, 1, 0, 0,
    ]);
    expect(await may('constructor')).toBe(0);
  });

  it('says which action of a role there is none of', () => {
    expect(() => roles(() => null, { clerk: ['input.anwser' as 'input.answer'] })).toThrow(
      'Did you mean "input.answer"?',
    );
  });
});

describe('the module', () => {
  const [express] = HOSTS as [HostKind, ...HostKind[]];

  async function boot(dashboard: ReturnType<typeof DurableDashboardModule.forRoot>): Promise<unknown> {
    const durable = DurableModule.forRoot({ database: { url: database.url }, workers: false });
    @Module({ imports: [durable, dashboard] })
    class Root {}
    const app = await NestFactory.create(Root, { logger: false, abortOnError: false }).catch((error: unknown) => error);
    if (app instanceof Error) return app;
    try {
      await (app as { init(): Promise<unknown> }).init();
    } catch (error) {
      return error;
    } finally {
      await (app as { close(): Promise<unknown> }).close().catch(() => {});
    }
    return null;
  }

  it('stops the boot for wrong options and for an instance that there is not', async () => {
    expect(await boot(DurableDashboardModule.forRoot({ pollInterval: 1 }))).toMatchObject({ code: 'CONFIGURATION' });
    const error = await boot(DurableDashboardModule.forRoot({ instance: 'defualt' }));
    expect(String(error)).toMatch(/got 'defualt'. Did you mean "default"\?/);
  });

  it('refuses forRootAsync without a factory, and what is none of its options', () => {
    expect(faultsOf(() => DurableDashboardModule.forRootAsync({ pth: '/x' } as object))).toEqual([
      'forRootAsync',
      'pth',
    ]);
  });

  it('may be mounted several times, with a factory, a class, and the decorators that an app wants', async () => {
    @Injectable()
    class Maker {
      create = () => ({ authorize: () => true, title: 'by a class' });
    }
    const seen: unknown[] = [];
    const decorate: ClassDecorator = (target) => void seen.push(target);
    const running = await startApp(express, database.url, [
      DurableDashboardModule.forRootAsync({ path: '/a', useFactory: async () => ({ authorize: () => true, title: 'by a factory' }) }),
      DurableDashboardModule.forRootAsync({ path: '/b', useClass: Maker }),
      DurableDashboardModule.forRoot({ path: '/c/d', title: 'as it is', decorators: [SetMetadata('open', true), decorate] }),
    ]); // prettier-ignore
    try {
      const titles = ['/a', '/b', '/c/d'].map(async (path) => {
        const { json } = await ask(running.port, `${path}/api/me`);
        return (json as { title: string }).title;
      });
      expect(await Promise.all(titles)).toEqual(['by a factory', 'by a class', 'as it is']);
      expect(Reflect.getMetadata('open', seen[0] as object)).toBe(true);
    } finally {
      await running.close();
    }
  });
});
