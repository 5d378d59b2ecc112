import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { createTestDatabase } from '../support/database.js';
import { BasicAuthGuard } from './guards/basic-auth.guard.js';
import { startApp } from './hosts.js';

it('the guard of the docs is the one that is tested here', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/how-to/dashboard.md'), 'utf8');
  const guard = readFileSync(join(import.meta.dirname, 'guards/basic-auth.guard.ts'), 'utf8');
  expect(page).toContain(guard);
});

describe.each(['express', 'fastify'] as const)('basic auth on %s', (framework) => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const before = process.env['DASHBOARD_USERS'];
  afterEach(() => {
    if (before === undefined) delete process.env['DASHBOARD_USERS'];
    else process.env['DASHBOARD_USERS'] = before;
  });

  it('asks for a name and a password, and tells the audit the name', async () => {
    process.env['DASHBOARD_USERS'] = 'ada:s3:cret,grace:other';
    const authorize = roles((request: { user?: { username: string } }) =>
      request.user?.username === 'ada' ? 'admin' : 'viewer',
    );
    const module = DurableDashboardModule.forRoot({ guards: [BasicAuthGuard], authorize });
    const { url } = await createTestDatabase();
    const running = await startApp({ name: framework, framework }, url, [module]);
    try {
      for (const headers of [{}, basic('ada:wrong'), basic('ada'), basic(''), { authorization: 'Bearer x' }]) {
        for (const path of ['/', '/api/me', '/assets/x.js']) {
          const got = await running.ask(path, { headers });
          expect([path, got.status, got.headers['www-authenticate']]).toEqual([path, 401, 'Basic realm="durable"']);
        }
      }
      const me = async (text: string) => (await running.ask('/api/me', { headers: basic(text) })).json;
      expect(await me('ada:s3:cret')).toMatchObject({ actor: 'ada', actions: expect.arrayContaining(['run.bulk']) });
      const pause = await running.ask('/api/queues/default/pause', {
        method: 'POST',
        body: {},
        headers: basic('grace:other'),
      });
      expect([pause.status, pause.json.error.code]).toEqual([403, 'FORBIDDEN']);
      const { items } = (await running.ask('/api/audit', { headers: basic('ada:s3:cret') })).json;
      expect(items).toMatchObject([{ actor: 'grace', action: 'queue.pause', outcome: 'refused' }]);
    } finally {
      await running.close();
    }
  });

  it('lets nobody in where nobody is named', async () => {
    process.env['DASHBOARD_USERS'] = ',:x,ada:';
    const { url } = await createTestDatabase();
    const module = DurableDashboardModule.forRoot({ guards: [BasicAuthGuard] });
    const running = await startApp({ name: framework, framework }, url, [module]);
    try {
      for (const text of ['', ':', ':x', 'ada:', 'ada:x'])
        expect([text, (await running.ask('/api/me', { headers: basic(text) })).status]).toEqual([text, 401]);
    } finally {
      await running.close();
    }
  });
});
