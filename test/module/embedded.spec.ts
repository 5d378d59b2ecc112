import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule } from 'nest-durable';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Forks } from '../support/forks.js';
import { PlainWorkflow } from './embedded-workflow.js';
import { openApp } from '../support/plain-app.js';

/** The embedded PostgreSQL. */

const { env } = process;
const home = process.cwd();
const workers = new Forks(new URL('./embedded-worker.ts', import.meta.url));
let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-embedded-')));
  await chmod(root, 0o755);
});

afterEach(async () => {
  process.chdir(home);
  process.env = { ...env };
  await workers.endAll();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

it.each(['test', 'development'])('is the default where NODE_ENV is %s, in .durable/', async (mode) => {
  process.chdir(root);
  delete process.env['DATABASE_URL'];
  process.env['NODE_ENV'] = mode;
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot()],
    providers: [PlainWorkflow],
  }).compile();
  const app = await module.init();
  const run = await module.get(DurableClient).start(PlainWorkflow, {});
  expect(await run.result()).toEqual({ pid: process.pid });
  expect(await readdir(root)).toEqual(['.durable']);
  await app.close();
});

it('keeps its data in dir, and a second process attaches to the running one', async () => {
  const embedded = { dir: join(root, 'data') };
  const first = await openApp({ database: { embedded }, workers: false }, [PlainWorkflow]);
  const run = await first.client.start(PlainWorkflow, {});
  const worker = await workers.start([embedded.dir]);
  expect(await run.result()).toEqual({ pid: worker.pid });
  await worker.end('SIGTERM');
  await first.app.close();

  const again = await openApp({ database: { embedded } }, [PlainWorkflow]);
  expect(await again.client.handle(run.id).result()).toEqual({ pid: worker.pid });
  await again.app.close();
});

it("may be 'embedded'", async () => {
  process.chdir(root);
  process.env['NODE_ENV'] = 'production';
  const { app, client } = await openApp({ database: 'embedded' }, [PlainWorkflow]);
  await (await client.start(PlainWorkflow, {})).result();
  expect(await readdir(root)).toEqual(['.durable']);
  await app.close();
});

it('listens on port', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const { app, client } = await openApp({ database: { embedded: { dir: join(root, 'data'), port } } }, [PlainWorkflow]);
  expect(await (await client.start(PlainWorkflow, {})).result()).toEqual({ pid: process.pid });
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  await app.close();
});
