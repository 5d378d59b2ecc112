import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Assets } from '../../lib/dashboard/http/assets.js';
import { AuditTrail } from '../../lib/dashboard/http/audit.js';
import { readCursor, writeCursor } from '../../lib/dashboard/http/cursor.js';
import { refuseForeign } from '../../lib/dashboard/http/csrf.js';
import { countSegments, type DashboardRequest, lastSegment, pathBelow } from '../../lib/dashboard/http/request.js';

const any = (): boolean => true;
const asking = (headers: Record<string, string>): DashboardRequest => ({ headers }) as unknown as DashboardRequest;

describe('a cursor', () => {
  it('comes back as it was written, for its own list', () => {
    const cursor = writeCursor('runs', ['019a', 3, 'ä"']);
    expect(readCursor('runs', cursor, [any, any, any])).toEqual(['019a', 3, 'ä"']);
    expect(() => readCursor('inputs', cursor, [any, any, any])).toThrow('none of this list');
  });

  it.each(['', 'x', '%', Buffer.from('["runs",1]').toString('base64url'), `${writeCursor('runs', [1])}AA`])(
    'that is not ours is refused: %j',
    (cursor) => {
      expect(() => readCursor('runs', cursor, [any])).toThrow('none of this list');
    },
  );

  it('with a right sum is refused all the same where it is no list, too long, too short, or holds something else', () => {
    const forged = ['{', '"runs"', 'null', '{"0":"runs"}', '["runs"]', '["runs",1,2]', '["runs",[1]]', '["runs","1"]'];
    for (const text of forged) {
      const sum = createHash('sha256').update(`nest-durable cursor ${text}`).digest('hex').slice(0, 8);
      const cursor = Buffer.from(`${sum}${text}`).toString('base64url');
      expect(() => readCursor('runs', cursor, [Number.isInteger])).toThrow('none of this list');
    }
    expect(readCursor('runs', writeCursor('runs', [1]), [Number.isInteger])).toEqual([1]);
  });
});

describe('an act', () => {
  const json = { 'content-type': 'application/json; charset=utf-8', host: 'ops.example:8443' };

  it.each([
    ['of the page itself', { 'sec-fetch-site': 'same-origin' }],
    ['of a command line tool', {}],
    ['of an older browser on the page', { origin: 'https://ops.example:8443' }],
    ['from an origin that the app lets in', { origin: 'https://front.example', 'sec-fetch-site': 'cross-site' }],
    ['behind a proxy that ends TLS', { origin: 'http://ops.example:8443' }],
  ])('%s is let in', (_what, headers) => {
    expect(() => refuseForeign(asking({ ...json, ...headers }), ['https://front.example'])).not.toThrow();
  });

  it.each([
    ['without a content type', { 'content-type': '' }],
    ['of a form', { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }],
    ['of plain text', { 'content-type': 'text/plain' }],
    ['of a type that begins like JSON', { 'content-type': 'application/jsonp' }],
    ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['of another site without an origin', { 'sec-fetch-site': 'cross-site' }],
    ['of another host of the same site', { 'sec-fetch-site': 'same-site', origin: 'https://x.example' }],
    ['of another port', { origin: 'https://ops.example' }],
    ['of a sandboxed page', { origin: 'null' }],
    ['of a host that begins like ours', { origin: 'https://ops.example:8443.evil.example' }],
    ['of an origin of another scheme than the one let in', { origin: 'http://front.example' }],
  ])('%s is refused', (_what, headers) => {
    expect(() => refuseForeign(asking({ ...json, ...headers }), ['https://front.example'])).toThrow(
      /An act needs|The act came from/,
    );
  });
});

describe('the path below the mount', () => {
  it.each([
    ['/durable', '/durable', ''],
    ['/durable/', '/durable/*', '/'],
    ['/v/api/durable/api/runs/a%2Fb?x=/y', '/v/api/durable/{*path}', '/api/runs/a%2Fb'],
    ['/%64urable/api//me', '/durable/*', '/api//me'],
    ['/durable?x', '/durable', ''],
  ])('of %s on %s is %j', (url, route, below) => {
    expect(pathBelow(url, countSegments(route))).toBe(below);
  });

  it('leads back to the mount by its last segment', () => {
    expect(lastSegment('/ops/durable?x=/y')).toBe('durable');
  });
});

describe('assets', () => {
  let folder: string;
  let assets: Assets;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nest-durable-assets-'));
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<html><head><base href="./"></head></html>');
    await writeFile(join(folder, 'secret.txt'), 'no');
    for (const end of ['', '.br', '.gz']) await writeFile(join(folder, 'assets', `main-1.js${end}`), `js${end}`);
    await writeFile(join(folder, 'assets', 'font-1.woff2'), 'font');
    assets = Assets.load(folder);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['br, gzip', 'br', 'js.br'],
    ['gzip;q=0.5, br;q=0', 'gzip', 'js.gz'],
    ['identity', undefined, 'js'],
    ['*', 'br', 'js.br'],
  ])('are given as %j asks', (accept, encoding, body) => {
    const found = assets.file('main-1.js', asking({ 'accept-encoding': accept }));
    expect(found?.headers['Content-Encoding']).toBe(encoding);
    expect(String(found?.body)).toBe(body);
    expect(found?.headers['Cache-Control']).toBe('public, max-age=31536000, immutable');
    expect(found?.headers['Content-Type']).toBe('text/javascript; charset=utf-8');
  });

  it.each(['../index.html', '..%2Fsecret.txt', '../secret.txt', 'main-1.js.br', 'main-1', '', '__proto__'])(
    'are found by their exact name, not as %j',
    (name) => {
      expect(assets.file(name, asking({}))).toBeNull();
    },
  );

  it('have a page whose base is relative to where it is asked for', () => {
    expect([0, 1, 3].map((depth) => /href="(.*?)"/.exec(String(assets.index(depth).body))?.[1])).toEqual([
      './',
      '../',
      '../../../',
    ]);
  });

  it('are not missed where nobody has built them', () => {
    const none = Assets.load(join(folder, 'none'));
    expect([none.index(0).status, none.file('main-1.js', asking({}))]).toEqual([503, null]);
  });
});

describe('the audit trail', () => {
  const entry = {
    actor: 'a',
    action: 'run.cancel',
    targetKind: 'run',
    targetId: '1',
    code: null,
    details: {},
    ip: null,
  } as const;

  it('keeps 60 refused acts a minute, and all others', async () => {
    let now = 0;
    const rows: string[] = [];
    const trail = new AuditTrail(async ({ outcome }) => void rows.push(outcome), () => {}, () => now); // prettier-ignore
    for (let n = 0; n < 100; n++) await trail.add({ ...entry, outcome: 'refused' });
    for (let n = 0; n < 100; n++) await trail.add({ ...entry, outcome: 'done' });
    expect([rows.filter((one) => one === 'refused').length, rows.filter((one) => one === 'done').length]).toEqual([
      60, 100,
    ]);
    now = 60_001;
    await trail.add({ ...entry, outcome: 'refused' });
    expect(rows.length).toBe(161);
  });

  it('says so where a row cannot be written, and warns', async () => {
    const warnings: string[] = [];
    const trail = new AuditTrail(() => Promise.reject(new Error('no table')), (text) => void warnings.push(text)); // prettier-ignore
    expect(await trail.add({ ...entry, outcome: 'done' })).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('run.cancel of 1')]);
  });
});
