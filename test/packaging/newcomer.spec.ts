import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileOf, readPage } from '../docs/pages.js';
import { readQuickStart, type Request, requestOf } from '../docs/read-me.js';
import { endWithFile } from '../support/forks.js';
import { freePort } from '../../lib/storage/embedded/free-port.js';
import { until } from '../support/until.js';
import { FreshApp, INSTALL_TIMEOUT } from './fresh-app.js';
import { environment, Packed } from './packed.js';

/** Does what README.md says, as it is printed there, in what `nest new` makes; then what the tutorial says. */

const quickStart = readQuickStart(readPage('README.md'));
const TUTORIAL = 'docs/tutorial/first-workflow.md';
const CHECK = ['-p', 'tsconfig.build.json', '--noEmit', '--strict', '--incremental', 'false'];
let packed: Packed;
let app: FreshApp;
let port: number;
let running: Running;

beforeAll(async () => {
  packed = await Packed.pack();
  app = await FreshApp.generate(packed, 'shop');
  for (const line of quickStart.install) app.shell(line.replace(/\bnest-durable\b/, packed.tarball));
  await write(quickStart.files);
  port = await freePort();
}, INSTALL_TIMEOUT);

afterAll(async () => {
  await running?.kill();
  await packed.remove();
});

async function write(files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) {
    await mkdir(dirname(join(app.folder, name)), { recursive: true });
    await writeFile(join(app.folder, name), text);
  }
}

/** The app as the start command makes it: a shell, npm, the Nest command line, and at last the app. */
class Running {
  output = '';
  private readonly child: ChildProcess;
  private readonly over: Promise<unknown>;

  constructor(command: string, env: Record<string, string>) {
    const { NODE_ENV: _, ...own } = environment(env);
    this.child = spawn('sh', ['-c', command], { cwd: app.folder, env: own, detached: true, stdio: 'pipe' });
    endWithFile(this.child);
    this.over = once(this.child, 'close');
    const keep = (chunk: Buffer): void => void (this.output += chunk.toString());
    this.child.stdout?.on('data', keep);
    this.child.stderr?.on('data', keep);
  }

  /** All of them at once, with no chance to do anything. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(-(this.child.pid ?? 0), 'SIGKILL');
    await this.over;
  }

  /** Gives what is answered, once somebody listens. */
  async ask({
    url,
    method,
    headers,
    body,
  }: Omit<Request, 'line' | 'prints'>): Promise<{ status: number; text: string }> {
    return until(async () => {
      if (this.child.exitCode !== null) throw new Error(`The app has ended:\n${this.output}`);
      const made = await fetch(url.replace(':3000', `:${port}`), { method, headers, body }).catch(() => null);
      return made === null ? null : { status: made.status, text: await made.text() };
    });
  }
}

/** Started, as often as it is needed. */
const start = (): Running => new Running(quickStart.start, { PORT: String(port) });

const withId = (request: Request, id: string): Request => ({ ...request, url: request.url.replace('<id>', id) });

describe("the README's quick start", () => {
  let id = '';

  it('compiles as printed, under tsc --strict', () => {
    expect(app.tsc('typescript', CHECK)).toBe('');
  });

  it('answers its curl lines with what it prints, and completes a run', async () => {
    running = start();
    const [first, second, ...more] = quickStart.requests;
    if (first === undefined || second === undefined) throw new Error('The quick start asks for nothing.');
    expect(more).toEqual([]);

    const made = await running.ask(first);
    expect(made.status).toBe(201);
    ({ id } = JSON.parse(made.text) as { id: string });
    expect(JSON.parse(first.prints ?? '')).toEqual({ id: expect.stringMatching(/^[\da-f-]{36}$/) });
    expect(made.text).toBe(first.prints?.replace(/[\da-f-]{36}/, id));

    const look = withId(second, id);
    await until(async () => (await running.ask(look)).text === second.prints);
    await until(async () => JSON.parse((await running.ask(look)).text).status === 'completed');
    expect(JSON.parse((await running.ask(look)).text)).toEqual({
      status: 'completed',
      data: { id: 'A-1', amount: 20, chargeId: 'ch_A-1', parcel: 'parcel of A-1' },
    });
    expect(running.output).not.toMatch(/WARN|ERROR/);
  });

  it('goes on after kill -9, and charges once', async () => {
    const [first, second] = quickStart.requests;
    if (first === undefined || second === undefined) throw new Error('The quick start asks for nothing.');
    const made = await running.ask({ ...first, body: '{"id":"A-2","amount":30}' });
    const look = withId(second, (JSON.parse(made.text) as { id: string }).id);
    const statusOf = async (): Promise<string> => JSON.parse((await running.ask(look)).text).status;
    await until(async () => (await statusOf()) === 'waiting');
    const before = running.output;
    await running.kill();

    running = start();
    await until(async () => (await statusOf()) === 'completed');
    expect(`${before}${running.output}`.match(/charging 30 for A-2/g)).toHaveLength(1);
    await running.kill();
  });
});

describe('the tutorial', () => {
  it('goes on from there: its files compile and its tests pass', async () => {
    const blocks = readPage(TUTORIAL).blocks.filter(({ language }) => language === 'ts');
    await write(new Map(blocks.map((block) => [fileOf(block) ?? '', `${block.text}\n`])));
    expect(app.tsc('typescript', CHECK)).toBe('');
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', 'src/order.workflow.spec.ts'];
    expect(app.test(...args)).toBe(3);
  }, 120_000);

  it('is answered as it says, and its order is shipped', async () => {
    const lines = readPage(TUTORIAL).blocks.flatMap(({ language, text }) =>
      language === 'sh' ? text.split('\n') : [],
    );
    const requests = lines
      .filter((line) => line.startsWith('curl '))
      .map((line) => ({ ...requestOf(line), prints: null }));
    running = start();
    let id = '';
    let last = '';
    for (const request of requests) {
      const look = withId(request, id);
      const answer = await running.ask(look);
      // A person answers when asked, which is a moment after the start.
      const { status, text } = answer.status === 409 ? await until(async () => asked(look)) : answer;
      expect({ line: request.line, status, text }).toMatchObject({ status: request.method === 'GET' ? 200 : 201 });
      if (id === '') ({ id } = JSON.parse(text) as { id: string });
      last = request.line;
    }
    const end = withId({ ...requestOf(last), prints: null }, id);
    const done = await until(async () => {
      const run = JSON.parse((await running.ask(end)).text) as { status: string; data: object };
      return run.status === 'completed' && run.data;
    });
    expect(done).toEqual({ id: 'B-1', amount: 500, chargeId: 'ch_B-1_500', parcel: 'P-7' });
    await running.kill();
  }, 120_000);

  async function asked(request: Request): Promise<{ status: number; text: string } | null> {
    const answer = await running.ask(request);
    return answer.status === 409 ? null : answer;
  }
});
