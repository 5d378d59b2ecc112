import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import { workflow } from './figures.mjs';

/** An app over HTTP with or without the dashboard, on a schema of its own; it does what its parent asks for. */
const [url, schema, kind] = process.argv.slice(2);
const CHUNK = 500;
const TICK = 100;

const { DurableClient, DurableModule, DurableQueues, Step, Workflow } = await import('../../dist/index.js');
let hits = 0;
let reached = { at: Infinity, resolve: () => {} };
const step = [
  Step(),
  (data) => {
    hits += 1;
    if (hits === reached.at) reached.resolve();
    return { ...data, n: data.n + 1 };
  },
];
const Bench = workflow(Workflow, 'bench', { a: step, b: step, c: step });
const imports = [DurableModule.forRoot({ database: { url }, schema, queues: { default: { concurrency: 100 } } })];
if (kind === 'mounted') {
  const { DurableDashboardModule } = await import('../../dist/dashboard/index.js');
  imports.push(DurableDashboardModule.forRoot({ authorize: () => true, actor: ({ headers }) => headers['x-actor'] }));
}
const app = await NestFactory.create({ module: class BenchModule {}, imports, providers: [Bench] }, { logger: ['error'], abortOnError: false }); // prettier-ignore
await app.listen(0, '127.0.0.1');
const [client, queues] = [app.get(DurableClient), app.get(DurableQueues)];

const inputs = (count) => Array.from({ length: count }, (_, n) => ({ input: { orderId: `order-${n}`, n: 0 } }));

/** Resolves when so many runs more are completed. */
async function completed(runs) {
  const before = hits;
  await new Promise((resolve) => {
    reached = { at: before + 3 * runs, resolve };
    if (hits >= reached.at) resolve();
  });
}

async function drain({ runs }) {
  await queues.pause('default');
  for (let at = 0; at < runs; at += CHUNK) await client.startMany(Bench, inputs(Math.min(CHUNK, runs - at)));
  const done = completed(runs);
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await queues.resume('default');
  await done;
  const seconds = (performance.now() - begun) / 1_000;
  return { runs, seconds, cpu: spent(cpu) };
}

/** So many runs a second, however long they take. */
async function load({ rate, seconds }) {
  const runs = rate * seconds;
  const done = completed(runs);
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const share = (rate * TICK) / 1_000;
  const starts = [];
  for (let n = 1; n * share <= runs; n += 1) {
    starts.push(client.startMany(Bench, inputs(share)));
    await delay(Math.max(0, begun + n * TICK - performance.now()));
  }
  await Promise.all(starts);
  await done;
  return { runs, seconds: (performance.now() - begun) / 1_000, cpu: spent(cpu) };
}

function spent(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

process.on('message', (message) => {
  (message.do === 'drain' ? drain(message) : load(message)).then(
    (found) => process.send(found),
    (error) => process.send({ error: error.stack ?? String(error) }),
  );
});
process.once('disconnect', () => process.exit(1));
process.send({ base: `${await app.getUrl()}/durable/api/` });
