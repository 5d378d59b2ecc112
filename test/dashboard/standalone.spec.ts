import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IsInt, Min } from 'class-validator';
import pg from 'pg';
import { DurableClient, Step, waitForApproval, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { ROUTES } from '../../lib/dashboard/http/routes.js';
import { serveAlone, type Standalone } from '../../lib/dashboard/standalone.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { ask, type Asked, type Got, type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'release' })
class ReleaseWorkflow {
  @Step()
  async ask() {
    return { answer: await waitForApproval('release', { prompt: 'Ship it?' }) };
  }
}

class Parcel {
  @IsInt()
  @Min(1)
  grams!: number;
}

@Workflow({ name: 'parcel', input: Parcel })
class ParcelWorkflow {
  @Step()
  weigh({ grams }: Parcel) {
    return { grams };
  }
}

const warnings: string[] = [];
let url: string;
let app: RunningApp;
let client: DurableClient;
let alone: Standalone;
let port: number;

const serve = (more: Partial<Parameters<typeof serveAlone>[0]> = {}): Promise<Standalone> =>
  serveAlone({
    url,
    schema: 'durable',
    host: '127.0.0.1',
    port: 0,
    readOnly: false,
    title: 'Shop',
    actor: 'cli:ada@here',
    warn: (message) => warnings.push(message),
    ...more,
  });
const portOf = (standalone: Standalone): number => Number(new URL(standalone.url).port);
const get = (path: string, headers: Record<string, string> = {}): Promise<Got> =>
  ask(port, path, { headers: { host: `127.0.0.1:${port}`, ...headers } });
const post = (path: string, body: unknown = {}, asked: Asked = {}): Promise<Got> =>
  ask(port, path, { method: 'POST', body, headers: { host: `127.0.0.1:${port}` }, ...asked });

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  app = await startApp({ name: 'express', framework: 'express' }, url, [DurableDashboardModule.forRoot()], {
    providers: [ReleaseWorkflow, ParcelWorkflow],
    workers: true,
  });
  client = app.app.get(DurableClient);
  alone = await serve();
  port = portOf(alone);
});

afterAll(async () => {
  await alone.close();
  await app.close();
  expect(warnings).toEqual([]);
});

it('says who acts, and what it is', async () => {
  const { json } = await get('/api/me');
  expect(json).toMatchObject({ actor: 'cli:ada@here', title: 'Shop', readOnly: false, instance: 'default' });
  expect(json.actions).toContain('run.bulk');
});

it('has every route that reads, as the module has them', async () => {
  const { id } = await client.start(ReleaseWorkflow, {});
  const paths = ROUTES.filter(({ method, path }) => method === 'GET' && path !== 'stream').map(({ path }) =>
    path.replace('runs/:id', `runs/${id}`).replace(':seq', '1').replace('workflows/:name', 'workflows/release'),
  );
  for (const path of paths) {
    const query = { 'runs/suggest': '?key=status', 'schedules/preview': '?cron=@daily' }[path] ?? '';
    const [mine, theirs] = [await get(`/api/${path}${query}`), await app.ask(`/api/${path}${query}`)];
    expect([path, mine.status, Object.keys(mine.json ?? {})]).toEqual([
      path,
      theirs.status,
      Object.keys(theirs.json ?? {}),
    ]);
    expect([path, mine.status]).not.toEqual([path, 500]);
  }
});

it('starts, answers and keeps who did it: the workers of the app do the work', async () => {
  const started = await post('/api/runs', { workflow: 'release', input: {} });
  expect(started.status).toBe(201);
  const { id } = started.json;
  await until(async () => (await get(`/api/inputs?executionId=${id}`)).json.items.length === 1);
  const data = { approved: true };
  expect((await post(`/api/runs/${id}/inputs`, { name: 'release', data })).json).toEqual({});
  expect(await client.handle(id).result()).toEqual({ answer: 'approved' });
  const { items } = (await get(`/api/audit?target=${id}`)).json;
  expect(items.map((row: Record<string, unknown>) => [row['actor'], row['action'], row['outcome']])).toEqual([
    ['cli:ada@here', 'input.answer', 'done'],
    ['cli:ada@here', 'run.start', 'done'],
  ]);
});

it('checks inputs by the schema that is stored, of runs and of schedules', async () => {
  const violations = [{ path: 'grams', message: 'expected at least 1, got 0' }];
  const input = { grams: 0 };
  const refused = await post('/api/runs', { workflow: 'parcel', input });
  expect([refused.status, refused.json.error]).toEqual([
    400,
    expect.objectContaining({ code: 'INVALID_INPUT', violations }),
  ]);
  const cron = '0 0 1 1 *';
  expect((await post('/api/schedules', { workflow: 'parcel', cron, input })).json.error).toMatchObject({ violations });
  expect((await post('/api/schedules', { workflow: 'parcel', cron })).json.error.violations).toEqual([
    { path: 'grams', message: 'is missing' },
  ]);
  expect((await post('/api/schedules', { workflow: 'parcel', name: 'p', cron, input: { grams: 1 } })).status).toBe(201);
  const patch = await post('/api/schedules/p', { input }, { method: 'PATCH' });
  expect(patch.json.error).toMatchObject({ violations });
  expect((await post('/api/schedules/p/trigger', { input })).json.error).toMatchObject({ violations });
  const { id } = (await post('/api/schedules/p/trigger')).json;
  expect(await client.handle(id).result()).toEqual({ grams: 1 });
});

it('executes nothing and is no worker', async () => {
  const { json } = await get('/api/workers');
  expect(json.items).toHaveLength(1);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const { rows } = await pool.query('SELECT count(*)::integer AS n FROM durable.workers');
  await pool.end();
  expect(rows).toEqual([{ n: 1 }]);
});

it('streams what happens in the processes of the app', async () => {
  const response = await fetch(`${alone.url}api/stream?topics=runs`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { id } = await client.start(ReleaseWorkflow, {});
  let text = '';
  while (!text.includes(id)) text += (await reader?.read())?.value ?? '';
  await reader?.cancel();
  expect(text).toContain('event: ');
});

it('serves the page at its root and below it', async () => {
  const [root, below] = [await get('/'), await get('/runs/abc')];
  expect([root.status, below.status]).toEqual([root.status, root.status]);
  expect(root.headers['content-security-policy']).toContain("default-src 'none'");
  expect((await get('/assets/../package.json')).status).toBe(404);
  expect((await get('/api/nothing')).json.error.code).toBe('NOT_FOUND');
});

it.each([
  ['a name that leads here', { host: 'evil.example' }],
  ['a proxy', { 'x-forwarded-for': '10.0.0.1' }],
  ['a proxy of the new kind', { forwarded: 'for=10.0.0.1' }],
])('is closed to %s', async (_what, headers) => {
  const got = await get('/api/runs', headers);
  expect([got.status, got.json.error.code]).toEqual([403, 'CLOSED']);
  expect(got.text).not.toContain('DurableDashboardModule');
  expect((await get('/', { ...headers, accept: 'text/html' })).status).toBe(403);
});

it('is open in production too: nobody else can reach it', async () => {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  try {
    expect((await get('/api/me')).status).toBe(200);
  } finally {
    process.env['NODE_ENV'] = before;
  }
});

it.each([
  ['without JSON', { headers: { 'content-type': 'text/plain' } }],
  ['of another site', { headers: { 'sec-fetch-site': 'cross-site' } }],
  ['of another origin', { headers: { origin: 'https://evil.example' } }],
])('refuses acts %s', async (_what, { headers }) => {
  const got = await post('/api/queues/default/pause', '{}', {
    headers: { host: `127.0.0.1:${port}`, 'content-type': 'application/json', ...headers },
  });
  expect([got.status, got.json.error.code]).toEqual([403, 'CSRF']);
});

it('read-only refuses acts, and a body that is too large is told so', async () => {
  const shown = await serve({ readOnly: true });
  const [host, own] = [`127.0.0.1:${portOf(shown)}`, portOf(shown)];
  const got = await ask(own, '/api/queues/default/pause', { method: 'POST', body: {}, headers: { host } });
  expect([got.status, got.json.error.code]).toEqual([403, 'READ_ONLY']);
  const { json } = await ask(own, '/api/me', { headers: { host } });
  expect([json.readOnly, json.actions.filter((action: string) => !action.endsWith('.read'))]).toEqual([true, []]);
  await shown.close();
  const large = await post('/api/runs', { workflow: 'release', input: { x: 'x'.repeat(2_100_000) } });
  expect([large.status, large.json.error.code]).toEqual([413, 'TOO_LARGE']);
});

it('a port that is taken is an error, and nothing stays open', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port: number } = taken.address() as AddressInfo;
  await expect(serve({ port: number })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await new Promise((resolve) => taken.close(resolve));
});

/** A port that is free now. */
async function freePort(): Promise<number> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port: number } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  return number;
}

/** Fails where somebody listens there. */
async function takeAndFree(number: number): Promise<void> {
  const free = createServer();
  await new Promise<void>((resolve, reject) => free.on('error', reject).listen(number, '127.0.0.1', resolve));
  await new Promise((resolve) => free.close(resolve));
}

it.each([
  ['a title that is too long', { title: 'x'.repeat(101) }, { code: 'CONFIGURATION' }],
  ['a title that says nothing', { title: ' ' }, { code: 'CONFIGURATION' }],
  ['a schema without tables', { schema: 'nobody' }, { code: 'MIGRATION' }],
  ['an address that is not here', { host: '192.0.2.1' }, { code: 'EADDRNOTAVAIL' }],
])('%s is an error, and nothing stays open', async (_what, wrong, error) => {
  const [number, own] = [await freePort(), await createTestDatabase()];
  await expect(serve({ url: own.url, ...wrong, port: number })).rejects.toMatchObject(error);
  await takeAndFree(number);
  // It does not go while there is a session on it.
  await own.drop();
});

it('ends with streams open, and says goodbye to them', async () => {
  const other = await serve();
  const response = await fetch(`${other.url}api/stream?topics=runs`);
  const text = response.text();
  await other.close();
  expect(await text).toContain('event: bye');
  await expect(fetch(other.url)).rejects.toThrow('fetch failed');
});

it('where it cannot reach the database the port is free again', async () => {
  const number = await freePort();
  const wrong = Object.assign(new URL(url), { pathname: '/no_such_database' }).href;
  await expect(serve({ url: wrong, port: number })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await takeAndFree(number);
});
