import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { ROUTES } from '../../lib/dashboard/http/routes.js';
import { ROLE_ACTIONS } from '../../lib/dashboard/actions.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Got, HOSTS, type RunningApp, startApp } from './hosts.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

const ID = '019a8f00-0000-7000-8000-000000000001';
/** A path of the route: whatever the names are, the gate comes before they are looked up. */
const concrete = (path: string): string =>
  `/api/${path.replace(':id', ID).replace(':seq', '1').replace(/:\w+/g, 'none')}`;
const ROLES = ['viewer', 'operator', 'admin', 'clerk', 'nobody'] as const;
const allowed: Record<(typeof ROLES)[number], readonly string[]> = {
  ...ROLE_ACTIONS,
  clerk: ['input.read', 'input.answer'],
  nobody: [],
};

const byHeader = () =>
  roles((request: { headers: Record<string, string> }) => request.headers['x-role'] ?? null, {
    clerk: ['input.read', 'input.answer'],
  });

function expectHeaders({ headers }: Got): void {
  expect(headers['content-security-policy']).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
      "base-uri 'self'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  );
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['referrer-policy']).toBe('same-origin');
  expect(headers['cross-origin-resource-policy']).toBe('same-origin');
  expect(headers['cache-control']).toBe('no-store');
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
}

describe.each(HOSTS)('$name', (kind) => {
  let running: RunningApp;

  beforeAll(async () => {
    running = await startApp(kind, database.url, [DurableDashboardModule.forRoot({ authorize: byHeader() })]);
  });
  afterAll(() => running.close());

  it.each(ROLES)('lets a %s do what the role may, and nothing else', async (role) => {
    for (const { method, path, action } of ROUTES) {
      const got = await running.ask(concrete(path), {
        method,
        headers: { 'x-role': role, ...(method !== 'GET' && { 'content-type': 'application/json' }) },
      });
      const may = action === 'any' ? allowed[role].length > 0 : allowed[role].includes(action);
      const forbidden = got.status === 403 && got.json?.error?.code === 'FORBIDDEN';
      expect([role, method, path, !forbidden]).toEqual([role, method, path, may]);
      if (forbidden) expectHeaders(got);
    }
  });

  it('gives whoever may do something the page, its redirect and words for what is not there; nobody else', async () => {
    for (const path of ['', '/', '/runs/x', '/assets/none.js', '/api/none', '/api']) {
      const got = await running.ask(path, { headers: { 'x-role': 'nobody' } });
      expect([path, got.status, got.json?.error?.code]).toEqual([path, 403, 'FORBIDDEN']);
    }
    const clerk = { headers: { 'x-role': 'clerk' } };
    const redirect = await running.ask('', clerk);
    expect([redirect.status, redirect.headers['location']]).toEqual([307, 'durable/']);
    for (const path of ['/assets/none.js', '/assets/../index.html', '/api/none', '/api', '/api/runs/', '/api/me/x']) {
      const got = await running.ask(path, clerk);
      expect([path, got.status, got.json?.error?.code]).toEqual([path, 404, 'NOT_FOUND']);
      expectHeaders(got);
    }
    for (const path of ['/', '/runs', '/runs/x?tab=steps', '/a/b/c/d/e/f/g/h']) {
      const got = await running.ask(path, clerk);
      expect([path, got.headers['content-type']]).toEqual([path, 'text/html; charset=utf-8']);
      expectHeaders(got);
    }
  });

  it('answers me with what the role may do, and takes no parameter', async () => {
    const got = await running.ask('/api/me', { headers: { 'x-role': 'clerk' } });
    expect(got.status).toBe(200);
    expectHeaders(got);
    expect(got.json).toEqual({
      actor: null,
      actions: ['input.read', 'input.answer'],
      title: null,
      badge: null,
      instance: 'default',
      readOnly: false,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      now: expect.stringMatching(/^\d{4}-.*Z$/),
      pollInterval: 5_000,
    });
    const odd = await running.ask('/api/me?x=1', { headers: { 'x-role': 'clerk' } });
    expect([odd.status, odd.json.error.code, odd.json.error.violations[0].path]).toEqual([400, 'INVALID_INPUT', 'x']);
  });

  it('has an answer that is known already not sent again', async () => {
    const headers = { 'x-role': 'viewer' };
    const first = await running.ask('/api/me', { headers });
    expect(first.headers['etag']).toMatch(/^W\/"[\w-]+"$/);
    const again = await running.ask('/api/me', {
      headers: { ...headers, 'if-none-match': first.headers['etag'] ?? '' },
    });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('refuses every other method', async () => {
    // The app's own CORS answers OPTIONS before any route.
    for (const method of kind.name.includes('CORS') ? ['HEAD', 'PUT'] : ['HEAD', 'OPTIONS', 'PUT']) {
      const got = await running.ask('/api/me', { method, headers: { 'x-role': 'admin' } });
      expect([method, got.status]).toEqual([method, 405]);
    }
    for (const [method, path] of [['POST', '/api/me'], ['DELETE', '/'], ['PATCH', '/runs']] as const) {
      const got = await running.ask(path, { method, headers: { 'x-role': 'admin', 'content-type': 'application/json' } });
      expect([method, path, got.status, got.headers['allow']]).toEqual([method, path, 405, 'GET']);
    } // prettier-ignore
  });
});

@Injectable()
class Door implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers['x-key'] === undefined) throw new UnauthorizedException('No key');
    return headers['x-key'] === 'right';
  }
}

describe.each(HOSTS.filter(({ name }) => /plain|filters/.test(name)))('$name with guards', (kind) => {
  it('has them decide, by their own status, and gives whoever passes everything', async () => {
    const running = await startApp(kind, database.url, [DurableDashboardModule.forRoot({ guards: [Door] })]);
    try {
      const none = await running.ask('/api/me');
      expect([none.status, none.json]).toEqual([401, { error: { code: 'UNAUTHORIZED', message: 'No key' } }]);
      expectHeaders(none);
      const wrong = await running.ask('/api/me', { headers: { 'x-key': 'wrong' } });
      expect([wrong.status, wrong.json.error.code]).toEqual([403, 'FORBIDDEN']);
      const right = await running.ask('/api/me', { headers: { 'x-key': 'right' } });
      expect(right.json.actions).toEqual(ROLE_ACTIONS.admin);
    } finally {
      await running.close();
    }
  });
});

describe.each(HOSTS.filter(({ name }) => name.endsWith('plain')))('$name without authorize and guards', (kind) => {
  let running: RunningApp;
  const environment = process.env['NODE_ENV'];

  beforeAll(async () => {
    running = await startApp(kind, database.url, [DurableDashboardModule.forRoot()]);
  });
  afterEach(() => {
    process.env['NODE_ENV'] = environment;
  });
  afterAll(() => running.close());

  it('is open to the machine itself', async () => {
    for (const host of ['localhost', `localhost:${running.port}`, '127.0.0.1:80', '[::1]', 'LOCALHOST']) {
      expect([host, (await running.ask('/api/me', { headers: { host } })).status]).toEqual([host, 200]);
    }
  });

  it.each([
    ['another name', { host: 'rebound.example' }],
    ['a name that begins like ours', { host: 'localhost.example' }],
    ['a proxy', { forwarded: 'for=10.0.0.1' }],
    ['a proxy of the older kind', { 'x-forwarded-for': '10.0.0.1' }],
    ['a proxy that tells the host', { 'x-forwarded-host': 'localhost' }],
    ['nginx', { 'x-real-ip': '127.0.0.1' }],
  ])('is closed to %s', async (_what, headers) => {
    const api = await running.ask('/api/me', { headers });
    expect([api.status, api.json.error.code]).toEqual([403, 'CLOSED']);
    expectHeaders(api);
    const page = await running.ask('/', { headers: { ...headers, accept: 'text/html,*/*;q=0.8' } });
    expect([page.status, page.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect(page.text).toContain('data-testid="closed"');
    expect(page.text).not.toMatch(/<style|<script|style=/);
    const asset = await running.ask('/assets/index.js', { headers });
    expect([asset.status, asset.json.error.code]).toEqual([403, 'CLOSED']);
    const style = await running.ask('/closed.css', { headers });
    expect([style.status, style.headers['content-type']]).toEqual([200, 'text/css; charset=utf-8']);
  });

  it('is closed in production', async () => {
    process.env['NODE_ENV'] = 'production';
    const got = await running.ask('/runs/1', { headers: { accept: 'text/html' } });
    expect(got.status).toBe(403);
    expect(got.text).toContain('href="../closed.css"');
  });
});
