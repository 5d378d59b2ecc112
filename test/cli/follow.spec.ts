import type { DurableClient } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { cli, type Ran } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

/** What is followed while the database says nothing. */

let app: FaultApp;
let client: DurableClient;
let proxy: TcpProxy;
let url: string;

beforeAll(async () => {
  const database = await createTestDatabase();
  app = await openApp({ database: { url: database.url }, logs: { console: false } }, WORKFLOWS);
  ({ client } = app);
  const { hostname, port } = new URL(database.url);
  proxy = await startProxy(Number(port), hostname);
  url = proxy.through(database.url);
});

afterAll(async () => {
  await app.close();
  await proxy.close();
});

class Following {
  readonly interrupt = new AbortController();
  out = '';
  err = '';
  readonly ran: Promise<Ran>;

  constructor(argv: readonly string[], columns?: number) {
    this.ran = cli([...argv, '--follow', '--url', url], {
      columns,
      signal: this.interrupt.signal,
      onWrite: (out, err) => Object.assign(this, { out, err }),
    });
  }
}

it('says that the database does not answer, and shows what has changed once it does', async () => {
  const run = await client.start(OrderWorkflow, { waits: true });
  await until(async () => (await run.execution())?.status === 'waiting');
  const following = [['list'], ['inspect', run.id], ['logs', run.id]].map((argv) => new Following(argv));
  const drawn = new Following(['inspect', run.id], 100);
  await until(() => [...following.slice(0, 2), drawn].every(({ out }) => out.includes('waiting')));
  await until(() => following[2]?.out !== '');
  proxy.swallow();
  await until(() => [...following, drawn].every(({ err }) => err.includes('does not answer')));
  await run.sendEvent('collected');
  await run.result();
  proxy.pass();
  const [list, inspect, logs] = following as [Following, Following, Following];
  await until(() => list.out.includes('completed'));
  list.interrupt.abort();
  expect((await list.ran).code).toBe(130);
  for (const { ran } of [inspect, logs, drawn]) expect((await ran).code).toBe(0);
  for (const { err } of following)
    expect(err.trim().split('\n')).toEqual([expect.any(String), 'The database answers again.']);
  // What is drawn has what was said drawn over, and nothing else between its lines.
  expect(drawn.err).not.toContain('\n');
  expect(drawn.out).toContain('completed');
});

it('Ctrl-C ends it though nothing is answered', async () => {
  const run = await client.start(OrderWorkflow, { waits: true });
  const following = new Following(['inspect', run.id]);
  await until(() => following.out.includes('waiting'));
  proxy.swallow();
  await until(() => following.err.includes('does not answer'));
  following.interrupt.abort();
  // What was asked fails after some 25 s only.
  expect((await following.ran).code).toBe(130);
}, 20_000);
